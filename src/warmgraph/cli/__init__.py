"""The command line: `warmgraph chat`, `demo`, `inspect`, `reembed` and `bench`."""

from __future__ import annotations

from warmgraph.cli.program import main

__all__ = ["main"]
