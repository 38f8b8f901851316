"""Which facts are let go: those that are old, that no answer has needed for long, and that nobody called important."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from langgraph.store.base import Item

from warmgraph.errors import InvalidArgumentError
from warmgraph.store.validity import as_instant

__all__ = ["RECALLED", "is_fact", "last_uses", "worth_forgetting"]

RECALLED = "recalled"
"""In `meta` of an answer that is remembered: the keys of the memories that it was given."""

IMPORTANT = 0.7
"""A fact of so much `importance` is kept, however old."""


def is_fact(value: Mapping[str, Any]) -> bool:
    """Whether a memory is something that was learned, and still holds."""
    return value.get("type") == "semantic" and not value.get("valid_to")


def last_uses(turns: Iterable[Item], known: Mapping[str, Any]) -> dict[str, str]:
    """Return when each memory was last given to an answer, ISO 8601.

    Args:
        turns: What was said, and remembered with what was recalled for it.
        known: What was found the last time, when older turns were still there.
    """
    found = {key: when for key, when in known.items() if isinstance(when, str)}
    for item in turns:
        meta, said = item.value.get("meta"), item.value.get("said_at")
        recalled = meta.get(RECALLED) if isinstance(meta, Mapping) else None
        if not isinstance(recalled, list | tuple) or not isinstance(said, str):
            continue
        for key in recalled:
            if isinstance(key, str) and (key not in found or _instant(said) > _instant(found[key])):
                found[key] = said
    return found


def worth_forgetting(item: Item, used: Mapping[str, str], now: datetime, after: timedelta) -> bool:
    """Whether a fact is neither young, nor in use, nor important."""
    importance = item.value.get("importance")
    if isinstance(importance, int | float) and importance >= IMPORTANT:
        return False
    told = item.value.get("valid_from")
    times = [_instant(told) if isinstance(told, str) else None, as_instant(item.updated_at)]
    if item.key in used:
        times.append(_instant(used[item.key]))
    return all(time is None or now - time > after for time in times)


def _instant(text: str) -> datetime:
    try:
        return as_instant(text)
    except InvalidArgumentError:
        return as_instant("0001-01-01")
