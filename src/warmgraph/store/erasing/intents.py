"""Erasures that have begun: noted first, without the data, so that one that is killed is completed later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from warmgraph.steps import Steps
from warmgraph.store.erasing.rows import Held, Rows
from warmgraph.store.own_records import ERASURES

__all__ = ["Intent", "Part", "drop", "note", "pending"]

Namespace: TypeAlias = tuple[str, ...]
Part: TypeAlias = Literal["jobs", "rows", "disk"]


@dataclass(frozen=True, slots=True)
class Intent:
    """An erasure that is not through.

    Args:
        key: Its own key.
        namespace: What is to be erased; empty once only the disk is left to be wiped, which needs no name.
        keys: Which memories; `None` for all.
        parts: What is left to do: "jobs" (the queue of background jobs), "rows", "disk".
        rewrite: As in the request.
    """

    key: str
    namespace: Namespace
    keys: tuple[str, ...] | None
    parts: tuple[Part, ...]
    rewrite: bool = True

    @classmethod
    def new(cls, namespace: Namespace, keys: Sequence[str] | None, parts: Sequence[Part], rewrite: bool) -> Intent:
        """Return one that is not noted yet."""
        return cls(uuid4().hex, namespace, None if keys is None else tuple(keys), tuple(parts), rewrite)

    def without(self, part: Part) -> Intent:
        """Return what is left after a part is done. Names go as soon as nothing needs them."""
        parts = tuple(each for each in self.parts if each != part)
        named = any(each != "disk" for each in parts)
        return Intent(self.key, self.namespace if named else (), self.keys if named else None, parts, self.rewrite)

    def to_value(self) -> dict[str, Any]:
        """Return what is stored."""
        keys = None if self.keys is None else list(self.keys)
        return {
            "kind": "Erasure",
            "content": "",
            "namespace": list(self.namespace),
            "keys": keys,
            "parts": list(self.parts),
            "rewrite": self.rewrite,
        }


def note(rows: Rows, intent: Intent) -> Steps[None]:
    """Write an intent down, over what it was before."""
    yield from rows.put([Held(ERASURES, intent.key, intent.to_value())], found=False)


def drop(rows: Rows, intent: Intent) -> Steps[None]:
    """Forget an intent: all is done."""
    yield from rows.delete([(ERASURES, intent.key)])


def pending(rows: Rows) -> Steps[list[Intent]]:
    """Return the erasures that are not through."""
    found = []
    for held in (yield from rows.under(ERASURES)):
        value = held.value or {}
        keys = value.get("keys")
        found.append(
            Intent(
                held.key,
                tuple(value.get("namespace", ())),
                None if keys is None else tuple(keys),
                tuple(value.get("parts", ("disk",))),
                bool(value.get("rewrite", True)),
            )
        )
    return found
