"""Conversations as they are lived through, in PostgreSQL: with a warm tier in front, and by LangGraph's store alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

from langgraph.store.base import BaseStore, PutOp

from warmgraph.bench.conversations import evidence_recall, record_of
from warmgraph.bench.replays import TOP, Replay
from warmgraph.bench.report import percentile
from warmgraph.embeddings import create_embedder
from warmgraph.ranking import PeekRouter
from warmgraph.store import PostgresLongTerm, WarmStore

__all__ = ["Lived", "live", "plain_store"]


@dataclass(slots=True)
class Lived:
    """What became of the questions of one schedule.

    Args:
        outcomes: "hit" for what was answered from the warm tier, "miss" for what was not, "first" for the first recall
            in a namespace, which reads and indexes all of it.
        warm_ms: How long each recall took, in ms.
        plain_ms: How long the search of LangGraph's store alone took for the same question, in ms.
        recalls: Evidence recall@5 of each recall.
        plain_recalls: Evidence recall@5 of each search.
        best: Evidence recall@5 of a recall of everything.
        calls: How often recalls asked the database; the plain store does so once for each question.
        rounds: How often the log of changes was read meanwhile.
    """

    outcomes: list[Literal["hit", "miss", "first"]] = field(default_factory=list)
    warm_ms: list[float] = field(default_factory=list)
    plain_ms: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    plain_recalls: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    calls: int = 0
    rounds: int = 0

    def figures(self) -> dict[str, float]:
        """Return the figures of the schedule."""
        count = max(len(self.outcomes), 1)
        total = sum(self.best) or 1.0
        answers = zip(self.outcomes, self.recalls, self.best, strict=True)
        changes = [recall - best for outcome, recall, best in answers if outcome == "hit"]
        found = {"questions": float(len(self.outcomes)), "first_touches": float(self.outcomes.count("first"))}
        found["hits_ratio"] = self.outcomes.count("hit") / count
        for name in ("hit", "miss", "first"):
            for ours, times in (("warm", self.warm_ms), ("plain", self.plain_ms)):
                chosen = [each for outcome, each in zip(self.outcomes, times, strict=True) if outcome == name]
                found[f"{name}_{ours}_p50_ms"] = percentile(chosen, 0.5)
                found[f"{name}_{ours}_p90_ms"] = percentile(chosen, 0.9)
        return found | {
            "gross_percent": 100 * sum(max(-change, 0.0) for change in changes) / total,
            "net_percent": 100 * sum(changes) / total,
            "recall_at_5": sum(self.recalls) / count,
            "plain_recall_at_5": sum(self.plain_recalls) / count,
            "calls_saved_ratio": 1 - self.calls / count,
            "log_reads": float(self.rounds),
        }


@contextmanager
def plain_store(uri: str, embed: Any, dims: int) -> Iterator[BaseStore]:
    """Open LangGraph's store as its manual says, in the schema `public`."""
    from langgraph.store.postgres import PostgresStore

    index: Any = {"dims": dims, "embed": embed, "fields": ["content"]}
    with PostgresStore.from_conn_string(uri, pool_config={"min_size": 1, "max_size": 4}, index=index) as store:
        store.setup()
        yield store


def live(
    uri: str,
    replays: Sequence[Replay],
    references: Sequence[Sequence[float]],
    *,
    capacity: int,
    tau: float,
    clear_lead: float,
    embed: Callable[..., Any],
    dims: int,
) -> Lived:
    """Write the conversations into both stores and ask both each question, the one right after the other.

    Args:
        uri: An empty database.
        replays: Conversations with their questions.
        references: By conversation, the evidence recall@5 of each question, of a recall of everything.
        capacity: Warm items.
        tau: Of the router.
        clear_lead: Of the store.
        embed: Makes vectors, for both.
        dims: Of the vectors.
    """
    lived = Lived()
    router = PeekRouter(tau)
    # Each remembers nothing between questions, as if everyone asked something new.
    index: Any = {"dims": dims, "embed": create_embedder(embed, dims=dims, memo_size=1), "fields": ["content"]}
    listed = _Listed(embed)
    with (
        PostgresLongTerm(uri, index=index) as long_term,
        WarmStore(long_term, capacity=capacity, clear_lead=clear_lead) as warm,
        plain_store(uri, listed, dims) as plain,
    ):
        before = long_term.feed.rounds
        for number, (replay, reference) in enumerate(zip(replays, references, strict=True)):
            _live_one(lived, ("memories", f"user{number}"), replay, reference, warm, long_term, plain, router)
        lived.rounds = long_term.feed.rounds - before
    return lived


def _live_one(
    lived: Lived,
    namespace: tuple[str, ...],
    replay: Replay,
    reference: Sequence[float],
    warm: WarmStore,
    long_term: PostgresLongTerm,
    plain: BaseStore,
    router: PeekRouter,
) -> None:
    for number, session in enumerate(replay.sessions):
        puts = [PutOp(namespace, turn.key, record_of(user, turn).to_value(), ["content"]) for user, turn in session]
        warm.batch(puts)
        plain.batch(puts)
        asked = replay.asked.get(number, ())
        # First all of one store, then all of the other: taking turns, each would find the processor's caches full of
        # what the other one left there.
        for each in asked:
            question = replay.questions[each]
            calls = long_term.calls
            began = perf_counter()
            recall = warm.recall(namespace, question.text, limit=TOP, router=router)
            lived.warm_ms.append(1000 * (perf_counter() - began))
            lived.calls += long_term.calls - calls
            assert recall.signals is not None
            first = not recall.signals.resident
            lived.outcomes.append("first" if first else "hit" if recall.tier == "warm" else "miss")
            lived.recalls.append(evidence_recall([item.key for item in recall.items], question.evidence, TOP))
            lived.best.append(reference[each])
        for each in asked:
            question = replay.questions[each]
            began = perf_counter()
            found = plain.search(namespace, query=question.text, limit=TOP)
            lived.plain_ms.append(1000 * (perf_counter() - began))
            lived.plain_recalls.append(evidence_recall([item.key for item in found], question.evidence, TOP))


class _Listed:
    """Gives LangGraph's store the same vectors as lists, which is all that its driver takes."""

    def __init__(self, embed: Callable[[Sequence[str]], Any]) -> None:
        self._embed = embed

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        return [list(map(float, vector)) for vector in self._embed(texts)]
