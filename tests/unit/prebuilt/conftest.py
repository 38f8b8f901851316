"""Every graph is tried sync and async, and with several stores."""

from __future__ import annotations

from tests.graph_runs import run, store

__all__ = ["run", "store"]
