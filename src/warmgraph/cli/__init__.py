"""The command line: `warmgraph chat`, `warmgraph demo`, `warmgraph bench`."""

from __future__ import annotations

from warmgraph.cli.program import main

__all__ = ["main"]
