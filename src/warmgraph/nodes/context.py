"""Whose memory: the context of a run, and the namespace that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from warmgraph.store.scopes import resolve_namespace

__all__ = ["DEFAULT_NAMESPACE", "MemoryContext", "resolve_namespace"]

DEFAULT_NAMESPACE = ("memories", "{user_id}")


@dataclass
class MemoryContext:
    """Whose memories a run uses. `user_id` has to be given, except where users are authenticated."""

    # One line, because Studio shows the docstring above the form that it makes of the fields.

    user_id: str | None = None
