"""Memories that say what others say: near-duplicates, and echoes of the assistant's own words."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from warmgraph.doctor.findings import Finding
from warmgraph.doctor.reading import Examined
from warmgraph.knowledge.sameness import fingerprint
from warmgraph.knowledge.schemas import content_of

__all__ = ["find_alike"]

SAME = 0.9
"""Share of their words that near-duplicates have in common (Jaccard)."""

CONTAINED = 0.9
"""Share of the words of an echo that the older memory holds."""

RAREST = 4
"""Words by which those are looked up that may be alike: its rarest ones."""

CROWD = 60
"""Memories that share a rare word and are compared with one another; a more common one tells nothing."""

FEWEST = 3
"""Words of a memory below which only the very same text is the same."""


def find_alike(rows: Sequence[Examined]) -> Iterator[Finding]:
    """Find memories of one namespace that say what another says.

    What was said in a conversation is left alone: people repeat themselves, and the thread is what it is.

    Args:
        rows: All of the namespace.
    """
    kept = [row for row in rows if row.value is not None and not row.is_turn and row.value.get("valid_to") is None]
    gone: set[str] = set()
    for earlier, later in _pairs(kept):
        if earlier.key in gone or later.key in gone:
            continue
        assert earlier.value is not None
        assert later.value is not None
        if _same(earlier, later):
            loser, winner = (later, earlier) if _worth(earlier) >= _worth(later) else (earlier, later)
            gone.add(loser.key)
            yield Finding(
                kind="near_duplicate",
                namespace=loser.namespace,
                key=loser.key,
                others=(winner.key,),
                message=f"it says what {winner.key} says",
                remedy="it becomes history; undo brings it back",
                mendable=True,
            )
        elif _is_echo(later, earlier):
            gone.add(later.key)
            yield Finding(
                kind="echo",
                namespace=later.namespace,
                key=later.key,
                others=(earlier.key,),
                message=f"the assistant repeated what {earlier.key} says",
                remedy="it becomes history; undo brings it back",
                mendable=True,
            )


def _pairs(rows: Sequence[Examined]) -> Iterator[tuple[Examined, Examined]]:
    """Yield pairs that share a rare word or a fingerprint, the earlier first, each once."""
    common = Counter(word for row in rows for word in row.words)
    holders: dict[Any, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        rarest = sorted(row.words, key=lambda word: (common[word], word))[:RAREST]
        for name in (*rarest, (_fingerprint(row),)):
            holders[name].append(at)
    seen: set[tuple[int, int]] = set()
    for places in holders.values():
        if 1 < len(places) <= CROWD:
            seen.update((places[a], places[b]) for a in range(len(places)) for b in range(a + 1, len(places)))
    for first, second in sorted(seen):
        yield rows[first], rows[second]


def _same(one: Examined, other: Examined) -> bool:
    if _kind(one) != _kind(other):
        return False
    if _fingerprint(one) == _fingerprint(other):
        return True
    if min(len(one.words), len(other.words)) < FEWEST or _numbers(one) != _numbers(other):
        return False
    return len(one.words & other.words) >= SAME * len(one.words | other.words)


def _is_echo(later: Examined, earlier: Examined) -> bool:
    value = later.value or {}
    if value.get("role") != "assistant" or len(later.words) < FEWEST or _numbers(later) - _numbers(earlier):
        return False
    return len(later.words & earlier.words) >= CONTAINED * len(later.words)


def _worth(row: Examined) -> tuple[float, int]:
    """Return what decides which of two stays: whose source is trusted more, then which is older."""
    trust = (row.value or {}).get("trust")
    return (float(trust) if isinstance(trust, int | float) else 0.5, -row.id)


def _kind(row: Examined) -> str | None:
    kind = (row.value or {}).get("kind")
    return kind if isinstance(kind, str) and kind != "Memory" else None


def _fingerprint(row: Examined) -> str:
    kind, content = content_of(row.value or {})
    return fingerprint(kind, content)


def _numbers(row: Examined) -> set[str]:
    """Return the numbers in a text: two facts that differ in one are two facts."""
    content: Any = (row.value or {}).get("content", row.value)
    text = content if isinstance(content, str) else json.dumps(content, default=str)
    return set("".join(char if char.isdigit() else " " for char in text).split())
