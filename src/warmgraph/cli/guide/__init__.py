"""`warmgraph guide`: one page that tells how it works, made from the graphs and the measurements themselves."""

from __future__ import annotations

from warmgraph.cli.guide.command import add_to, run

__all__ = ["add_to", "run"]
