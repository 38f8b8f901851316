"""`warmgraph demo`: replay a conversation, then show what was remembered of it."""

from __future__ import annotations

from warmgraph.cli.demo.command import add_to

__all__ = ["add_to"]
