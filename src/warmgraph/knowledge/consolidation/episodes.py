"""What belongs together: turns that follow each other in one conversation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

from langgraph.store.base import Item

from warmgraph.errors import InvalidArgumentError
from warmgraph.store.records import MemoryRecord
from warmgraph.store.validity import as_instant

__all__ = ["Episode", "episodes", "is_turn", "time_of"]

Episode = list[Item]


def is_turn(value: Mapping[str, Any]) -> bool:
    """Whether a memory is a message as it was said."""
    return (
        value.get("role") in ("user", "assistant")
        and isinstance(value.get("position"), int | float)
        and isinstance(value.get("content"), str)
    )


def time_of(item: Item) -> datetime:
    """Return when it was said, or else written."""
    said = item.value.get("said_at")
    try:
        return as_instant(said) if isinstance(said, str) else _aware(item.created_at)
    except InvalidArgumentError:
        return _aware(item.created_at)


def episodes(turns: Iterable[Item], before: datetime, length: int) -> list[Episode]:
    """Part old turns into episodes of one conversation each, of `length` turns or more.

    A conversation that has not come to its end leaves its last turns for the next time, until they are enough. None is
    parted between a question and what follows it, where the next turn can be had.

    Args:
        turns: Turns of all conversations.
        before: Younger turns are left alone.
        length: Turns of an episode, at least, but in a conversation that has fewer.

    Returns:
        The episodes of each conversation, in order, by the age of the conversations.
    """
    threads: dict[str, list[Item]] = defaultdict(list)
    for item in turns:
        threads[str(item.value.get("thread_id"))].append(item)
    found: list[Episode] = []
    for said in threads.values():
        said.sort(key=lambda item: (item.value["position"], time_of(item), item.key))
        old = [item for item in said if time_of(item) < before]
        ended = len(old) == len(said)
        if len(old) >= length or (ended and len(old) > 1):
            found += _parted(old, length)
    return sorted(found, key=lambda episode: (time_of(episode[0]), str(episode[0].value.get("thread_id"))))


def _parted(said: Sequence[Item], length: int) -> list[Episode]:
    parts = max(1, len(said) // length)
    bounds = [at * len(said) // parts for at in range(parts + 1)]
    for at in range(1, parts):
        asked = MemoryRecord.from_value(said[bounds[at] - 1].value).is_question
        if asked and bounds[at] + 1 < bounds[at + 1]:
            bounds[at] += 1
    return [list(said[begin:end]) for begin, end in pairwise(bounds)]


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
