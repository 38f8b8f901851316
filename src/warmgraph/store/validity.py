"""What is true now, and what was true then.

A memory says from when until when it holds: `valid_from` and `valid_to`. A recall leaves out what no longer holds. What
a memory said before it was changed, forgotten or deleted lies in a namespace of ours, one record for each revision,
where a recall `as_of` a time finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.clock import Clock
from warmgraph.errors import InvalidArgumentError, WarmGraphError
from warmgraph.steps import Steps
from warmgraph.store.plan import Search
from warmgraph.store.recalls import Dropped, Recall

__all__ = [
    "HISTORY",
    "AsOf",
    "as_instant",
    "history_namespace",
    "is_open",
    "open_only",
    "recall_as_of",
    "true_now",
    "true_then",
]

AsOf: TypeAlias = datetime | date | str
Namespace: TypeAlias = tuple[str, ...]
Ask: TypeAlias = Callable[[Namespace, int], Steps[Sequence[SearchItem]]]

HISTORY = ("_warmgraph", "history")


def history_namespace(namespace: Namespace) -> Namespace:
    """Return where earlier revisions of the memories of a namespace lie.

    Each record says what a memory said (`content`, and the fields beside it), from when until when (`valid_from`,
    `valid_to`), which one it is (`key`, `number`), what `ended` it, and its whole `value` as it was.

    Example:
        >>> history_namespace(("memories", "ana"))
        ('_warmgraph', 'history', '2', 'memories', 'ana')
    """
    # The depth keeps the history of ("a",) apart from that of ("a", "b"): searches take prefixes.
    return (*HISTORY, str(len(namespace)), *namespace)


def as_instant(as_of: AsOf, argument: str = "as_of") -> datetime:
    """Return the moment that is meant: a date is its first one, and what names no zone is UTC.

    Raises:
        InvalidArgumentError: It is none.

    Example:
        >>> as_instant("2026-05-01").isoformat()
        '2026-05-01T00:00:00+00:00'
    """
    try:
        found: Any = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    except ValueError:
        found = None
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime.combine(found, time())
    if not isinstance(found, datetime):
        raise InvalidArgumentError(argument, expected="a datetime, a date, or one of them in ISO 8601", got=as_of)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def is_open(value: Mapping[str, Any], now: datetime) -> bool:
    """Whether what a memory says has not come to its end."""
    end = _time(value.get("valid_to"))
    return end is None or end > now


def open_only(rank: Callable[[Search], Steps[Recall]], search: Search, clock: Clock) -> Steps[Recall]:
    """Recall, and again where something was found that no longer holds."""
    found = yield from rank(search)
    ending = [item for item in found.items if "valid_to" in item.value]
    if not ending:
        return found
    now = clock.now()
    if all(is_open(item.value, now) for item in ending):
        return found

    def keep(item: SearchItem) -> bool:
        return is_open(item.value, now)

    matches = search.matches
    wanted = search._replace(
        matches=lambda value: is_open(value, now) and (matches is None or matches(value)),
    )
    answers: list[Recall] = []

    def ask(_: Namespace, limit: int) -> Steps[Sequence[SearchItem]]:
        answer = yield from rank(wanted._replace(limit=limit))
        answers.append(answer)
        return answer.items

    items = yield from _widened(ask, search.prefix, search.limit, keep)
    return replace(answers[-1], items=items)


def recall_as_of(rank: Callable[[Search], Steps[Recall]], search: Search, as_of: AsOf) -> Steps[Recall]:
    """Recall from all items what was true at a time; the warm tier knows the present only."""
    then, matches = as_instant(as_of), search.matches
    failures: list[WarmGraphError] = []
    dropped: dict[Namespace, Sequence[Dropped]] = {}

    def ask(namespace: Namespace, limit: int) -> Steps[Sequence[SearchItem]]:
        def held(value: Mapping[str, Any]) -> bool:
            return _held(value, then) and (matches is None or matches(value))

        found = yield from rank(search._replace(prefix=namespace, limit=limit, matches=held, exclude=frozenset()))
        failures.extend(() if found.failure is None else [found.failure])
        dropped[namespace] = found.dropped
        return found.items

    items = yield from true_then(ask, search.prefix, search.limit, then, search.exclude)
    kept = {item.key for item in items}  # some of them as they were, in the place of what they say today
    left_out = [each for each in dropped[search.prefix] if each.key not in kept]
    return Recall(items, "long_term", failure=failures[0] if failures else None, dropped=left_out)


def true_now(ask: Ask, namespace: Namespace, limit: int, now: datetime) -> Steps[list[SearchItem]]:
    """Rank what still holds."""
    return _widened(ask, namespace, limit, lambda item: is_open(item.value, now))


def true_then(
    ask: Ask, namespace: Namespace, limit: int, then: datetime, exclude: Collection[str] = ()
) -> Steps[list[SearchItem]]:
    """Rank what was true at a time: what is there and held then already, and revisions that held then.

    Args:
        ask: Ranks so many items of a namespace.
        namespace: The namespace.
        limit: How many are wanted.
        then: The time.
        exclude: Keys that are not returned.

    Returns:
        Items of the namespace, best first. The value of a revision is what it was, with the `valid_to` that it got.
    """

    def there(item: SearchItem) -> bool:
        return item.key not in exclude and _held(item.value, then, _aware(item.created_at))

    def was_there(item: SearchItem) -> bool:
        record = item.value
        return record.get("key") not in exclude and isinstance(record.get("value"), Mapping) and _held(record, then)

    present = yield from _widened(ask, namespace, limit, there)
    past = yield from _widened(ask, history_namespace(namespace), limit, was_there)
    # One revision of a memory held at a time; its value of today, which may say nothing of when, is not asked.
    best = {item.key: item for item in present}
    for item in past:
        revision = _as_it_was(namespace, item)
        best[revision.key] = revision
    return sorted(best.values(), key=_score, reverse=True)[:limit]


WIDENING = 4


def _widened(ask: Ask, namespace: Namespace, limit: int, keep: Callable[[SearchItem], bool]) -> Steps[list[SearchItem]]:
    """Ask for more as long as what is kept of the answer is too little."""
    wanted = limit
    while True:
        found = yield from ask(namespace, wanted)
        kept = [item for item in found if keep(item)]
        if len(kept) >= limit or len(found) < wanted:
            return kept[:limit]
        wanted *= WIDENING


def _held(value: Mapping[str, Any], then: datetime, written: datetime | None = None) -> bool:
    """Whether what a value says held at a time; what says nothing of that holds since it was said, or written."""
    start = _time(value.get("valid_from")) or _time(value.get("said_at")) or written
    return (start is None or start <= then) and is_open(value, then)


def _as_it_was(namespace: Namespace, item: SearchItem) -> SearchItem:
    record = item.value
    value = {**record["value"], "valid_from": record.get("valid_from"), "valid_to": record.get("valid_to")}
    return SearchItem(namespace, str(record.get("key")), value, item.created_at, item.updated_at, item.score)


def _score(item: SearchItem) -> float:
    return float("-inf") if item.score is None else item.score


def _time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        return None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
