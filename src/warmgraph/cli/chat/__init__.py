"""`warmgraph chat`: talk to the memory agent in a terminal."""

from __future__ import annotations

from warmgraph.cli.chat.command import add_to

__all__ = ["add_to"]
