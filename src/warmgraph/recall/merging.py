"""Merge rankings of the same memories."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["merge_ranked"]

T = TypeVar("T")


def merge_ranked(
    rankings: Iterable[Iterable[T]], *, limit: int, key: Callable[[T], str], score: Callable[[T], float | None]
) -> list[T]:
    """Merge rankings into one: each key once, with its best score; best first.

    Equal scores keep the order in which they came. What has no score follows what has one.

    Args:
        rankings: What to merge, the preferred one first.
        limit: How many to return at most.
        key: Tells the key of an entry.
        score: Tells the score of an entry.

    Example:
        >>> warm, cold = [("a", 0.9), ("b", 0.2)], [("c", 0.5), ("b", 0.4)]
        >>> merge_ranked([warm, cold], limit=10, key=lambda each: each[0], score=lambda each: each[1])
        [('a', 0.9), ('c', 0.5), ('b', 0.4)]
    """
    best: dict[str, T] = {}
    for ranking in rankings:
        for entry in ranking:
            held = best.get(key(entry))
            if held is None or _rank(score(entry)) > _rank(score(held)):
                best[key(entry)] = entry
    return sorted(best.values(), key=lambda entry: _rank(score(entry)), reverse=True)[:limit]


def _rank(score: float | None) -> float:
    return float("-inf") if score is None else score
