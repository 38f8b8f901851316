"""Why a memory was not recalled: the same recall once more, and a look at where that memory stood in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

from langgraph.store.base import Item, SearchItem

from warmgraph.index import NamespaceIndex
from warmgraph.ranking import PeekRouter, RouteDecision, WarmRouter
from warmgraph.steps import Steps
from warmgraph.store.filters import compile_filter
from warmgraph.store.recalls import Recall
from warmgraph.store.search import Query

__all__ = ["Asked", "Halves", "Outranked", "WhyNot", "score_parts", "why_not_steps"]

Namespace: TypeAlias = tuple[str, ...]
Parts: TypeAlias = Mapping[str, float]
Reason: TypeAlias = Literal[
    "recalled",
    "unknown",
    "expired",
    "excluded",
    "filter",
    "quarantined",
    "low_score",
    "duplicate",
    "crowded",
    "cold",
    "outranked",
    "no_match",
]

EVERYTHING = 10_000
"""Places of the ranking that are looked at."""


class Outranked(NamedTuple):
    """A memory that was recalled instead, with what its score is made of, where the store knows."""

    key: str
    score: float | None
    parts: Parts


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a memory was not recalled.

    Args:
        key: The memory.
        reason: "recalled" (it is), "unknown" (no such memory), "expired", "excluded", "filter", "quarantined" (it is
            not trusted), "low_score" (it was found, and is below the threshold for a prompt), "duplicate", "crowded"
            (as of `Dropped`), "cold" (the router took the warm tier for enough, and it is not warm), "outranked", or
            "no_match" (nothing speaks for it).
        detail: The same in a sentence.
        score: Its score; `None` where it has none.
        rank: Its place among all, from 1; `None` where it was not found.
        parts: What its score is made of: its lexical and dense score, and what each weight of the scorer adds. Empty
            where the store does not tell.
        outranked_by: What was recalled, best first.
        tier: The tier that answered.
        decision: What the router decided; `None` without one.
    """

    key: str
    reason: Reason
    detail: str
    score: float | None = None
    rank: int | None = None
    parts: Parts | None = None
    outranked_by: tuple[Outranked, ...] = ()
    tier: Literal["warm", "long_term"] | None = None
    decision: RouteDecision | None = None


class Asked(NamedTuple):
    """The recall that is looked into."""

    namespace: Namespace
    query: str
    key: str
    limit: int = 10
    filter: Mapping[str, Any] | None = None
    exclude: Collection[str] = ()
    router: WarmRouter | None = None
    min_score: float = 0.0


class Halves(NamedTuple):
    """What a store can do, as steps.

    Args:
        get: Reads a memory by its key.
        warm: Ranks what is warm.
        long_term: Ranks everything, for so many places.
        parts: What the scores of keys are made of.
        expired: Whether a memory that cannot be read is known to have expired.
    """

    get: Callable[[str], Steps[Item | None]]
    warm: Callable[[], Steps[Recall]]
    long_term: Callable[[int], Steps[Recall]]
    parts: Callable[[Collection[str]], Steps[Mapping[str, Parts]]]
    expired: Callable[[str], bool]


def why_not_steps(asked: Asked, halves: Halves) -> Steps[WhyNot]:
    """Return why a memory was not recalled.

    It recalls, so what it finds counts as used; no router learns from it.
    """
    key = asked.key
    item = yield from halves.get(key)
    if item is None:
        if halves.expired(key):
            return WhyNot(key, "expired", "its time to live is over")
        return WhyNot(key, "unknown", f"no memory of that key in {'.'.join(asked.namespace)}")
    if key in asked.exclude:
        return WhyNot(key, "excluded", "the caller excluded it, as messages that stand in the thread anyway")
    matches = compile_filter(asked.filter)
    if matches is not None and not matches(item.value):
        return WhyNot(key, "filter", f"it does not match {dict(asked.filter or {})!r}")
    if item.value.get("trust") == 0:
        return WhyNot(key, "quarantined", "it is not trusted, and never shown")
    warm = yield from halves.warm()
    decision = None
    if warm.signals is not None:
        decision = (asked.router or PeekRouter()).decide(warm.signals)
    answer = warm if decision is not None and decision.hit else (yield from halves.long_term(asked.limit))
    ranking = answer.items
    if key not in {each.key for each in ranking}:
        ranking = (yield from halves.long_term(EVERYTHING)).items
    parts = yield from halves.parts([key, *(each.key for each in answer.items)])
    return _told(asked, answer, decision, ranking, parts)


def _told(
    asked: Asked,
    answer: Recall,
    decision: RouteDecision | None,
    ranking: list[SearchItem],
    parts: Mapping[str, Parts],
) -> WhyNot:
    key = asked.key
    place = {each.key: at for at, each in enumerate(ranking, 1)}
    scores: dict[str, float | None] = {each.key: each.score for each in ranking}
    dropped = {each.key: each for each in answer.dropped}
    by = tuple(Outranked(each.key, each.score, parts.get(each.key, {})) for each in answer.items if each.key != key)

    def told(reason: Reason, detail: str) -> WhyNot:
        known = scores.get(key)
        score = known if known is not None or key not in dropped else dropped[key].score
        return WhyNot(key, reason, detail, score, place.get(key), parts.get(key, {}), by, answer.tier, decision)

    if any(each.key == key for each in answer.items):
        score = scores.get(key)
        if score is not None and score < asked.min_score:
            return told("low_score", f"it scores {score:.3f}, below the threshold of {asked.min_score:.3f}")
        return told("recalled", f"it is number {place[key]}")
    if key in dropped and dropped[key].reason in ("duplicate", "crowded"):
        if dropped[key].reason == "duplicate":
            return told("duplicate", "a better one says the same in the same words")
        return told("crowded", "questions have their share of the places already")
    if decision is not None and decision.hit and answer.tier == "warm":
        better = [each for each in by if (each.score or 0) > (scores.get(key) or 0)]
        if key in place and len(better) < asked.limit:
            return told("cold", f"it is not warm, and the router took the warm tier for enough: {decision.reason}")
    if key not in place:
        return told("no_match", "it shares no word with the query, and nothing else speaks for it")
    last = by[-1] if by else None
    than = "" if last is None or last.score is None else f", the last that is recalled scores {last.score:.3f}"
    score = scores.get(key)
    return told("outranked", f"it is number {place[key]}" + ("" if score is None else f" with {score:.3f}") + than)


def score_parts(query: Query, index: NamespaceIndex, keys: Collection[str]) -> dict[str, Parts]:
    """Return what the scores of some keys are made of.

    "total" is the score, "lexical" and "dense" are the raw signals; each other name is a weight of the scorer, with
    what the score would lack without it. One ranking for each weight: for people who ask why, not for every recall.
    """
    with index.lock:
        slots = {key: slot for key in keys if (slot := index.slot(key)) is not None}
        total = query.scores(index)
        columns = {"total": total, "lexical": index.lexical(query.terms)}
        dense = None if query.vector is None else index.dense(query.vector)
        if dense is not None:
            columns["dense"] = dense
        scorer: Any = query.scorer
        if is_dataclass(scorer):
            for each in fields(scorer):
                lesser: Any = replace(scorer, **{each.name: 0.0})  # type: ignore[type-var]
                columns[each.name] = total - query._replace(scorer=lesser).scores(index)
        return {
            key: {name: round(float(column[slot]), 6) for name, column in columns.items()}
            for key, slot in slots.items()
        }
