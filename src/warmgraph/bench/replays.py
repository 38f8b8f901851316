"""Conversations as they are lived through: turns are written one by one, questions come in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from warmgraph.bench.conversations import Conversation, PackError, Question, Turn, evidence_recall, record_of
from warmgraph.bench.vectors import Embed
from warmgraph.embeddings import create_embedder
from warmgraph.ranking import PeekRouter
from warmgraph.store import RoutedStore, WarmStore

__all__ = ["Cell", "Replay", "recalls_of_all", "replays_of", "run_cell"]

NAMESPACE = ("memories", "replay")
TOP = 5
LAG_SEED, ORDER_SEED = 7, 0


@dataclass(frozen=True, slots=True)
class Replay:
    """What one store goes through.

    Args:
        sessions: Turns with the user whose conversation they are of, session by session.
        asked: For each session, the numbers of the questions that are asked at its end, in order.
        questions: The questions.
    """

    sessions: Sequence[Sequence[tuple[str, Turn]]]
    asked: Mapping[int, Sequence[int]]
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of the questions of one replay, in their order.

    Args:
        hits: Whether each was answered from the warm tier.
        recalls: Evidence recall@5 of each answer.
        embedded: How many of them were embedded.
    """

    hits: Sequence[bool]
    recalls: Sequence[float]
    embedded: int


def replays_of(conversations: Sequence[Conversation], group: str, schedule: str) -> list[Replay]:
    """Return what the stores of a group go through.

    Args:
        conversations: All conversations.
        group: "each" for a store each, "pooled" for one store.
        schedule: "inter", "zipf" or "post": when questions are asked.

    Raises:
        PackError: There is no question with evidence.
    """
    whole = [_sessions(conversation) for conversation in conversations]
    questions = [[each for each in conversation.questions if each.evidence] for conversation in conversations]
    if not any(questions):
        raise PackError("no question names its evidence, so that nothing can be replayed")
    if group == "pooled":
        together = [session for sessions in whole for session in sessions]
        together.sort(key=lambda session: session[0][1].said_at)
        whole, questions = [together], [[question for asked in questions for question in asked]]
    lags = np.random.default_rng(LAG_SEED)
    return [
        Replay(sessions, _schedule(sessions, asked, schedule, lags), asked)
        for sessions, asked in zip(whole, questions, strict=True)
    ]


def recalls_of_all(replay: Replay, embed: Embed | None) -> list[float]:
    """Return the evidence recall@5 of each question, answered from everything that was written until then."""
    recalls = [0.0] * len(replay.questions)
    with WarmStore(capacity=sum(map(len, replay.sessions)), index=_index(embed)) as store:
        for number, question in _lived(replay, store):
            found = store.recall_long_term(NAMESPACE, question.text, limit=TOP)
            recalls[number] = evidence_recall([item.key for item in found.items], question.evidence, TOP)
    return recalls


def run_cell(replay: Replay, capacity: int, policy: str, tau: float, clear_lead: float, embed: Embed | None) -> Cell:
    """Return what becomes of the questions with a warm tier of one size and one way to evict.

    Args:
        replay: What the store goes through.
        capacity: Warm items.
        policy: How items are evicted.
        tau: Of the router.
        clear_lead: Of the store: when words alone rank.
        embed: Makes vectors; `None` to rank by words.
    """
    hits, recalls = [False] * len(replay.questions), [0.0] * len(replay.questions)
    calls = 0

    def counted(texts: Sequence[str]) -> Any:
        nonlocal calls
        calls += 1
        assert embed is not None
        return embed(texts)

    embedded = 0
    router = PeekRouter(tau)
    # It remembers one query, which both tiers ask for: questions that differ by a name alone are embedded alike, and
    # shall all be counted.
    embedder = None if embed is None else create_embedder(counted, memo_size=1)
    with (
        RoutedStore(":memory:", index=_index(embedder)) as long_term,
        WarmStore(long_term, capacity=capacity, eviction=policy, clear_lead=clear_lead) as store,
    ):
        for number, question in _lived(replay, store):
            before = calls
            found = store.recall(NAMESPACE, question.text, limit=TOP, router=router)
            embedded += calls > before
            hits[number] = found.tier == "warm"
            recalls[number] = evidence_recall([item.key for item in found.items], question.evidence, TOP)
    return Cell(hits, recalls, embedded)


def _lived(replay: Replay, store: WarmStore) -> Iterator[tuple[int, Question]]:
    """Write the turns, and yield each question when it is asked."""
    for number, session in enumerate(replay.sessions):
        for user, turn in session:
            store.put(NAMESPACE, turn.key, record_of(user, turn).to_value(), index=["content"])
        for asked in replay.asked.get(number, ()):
            yield asked, replay.questions[asked]


def _sessions(conversation: Conversation) -> list[list[tuple[str, Turn]]]:
    sessions: dict[int, list[tuple[str, Turn]]] = defaultdict(list)
    for turn in conversation.turns:
        sessions[turn.session].append((conversation.user, turn))
    return list(sessions.values())


def _schedule(
    sessions: Sequence[Sequence[tuple[str, Turn]]],
    questions: Sequence[Question],
    schedule: str,
    lags: np.random.Generator,
) -> dict[int, list[int]]:
    session_of = {turn.key: number for number, session in enumerate(sessions) for _, turn in session}
    moments: list[int] = []
    for question in questions:
        last = max(session_of[key] for key in question.evidence)
        if schedule == "post":
            last = len(sessions) - 1
        elif schedule == "zipf":
            weights = 1 / np.arange(1, len(sessions) - last + 1)
            last += int(lags.choice(len(weights), p=weights / weights.sum()))
        moments.append(last)
    order = list(range(len(questions)))
    np.random.default_rng(ORDER_SEED).shuffle(order)
    asked: dict[int, list[int]] = defaultdict(list)
    for number in order:
        asked[moments[number]].append(number)
    return asked


def _index(embed: Any) -> Any:
    return None if embed is None else {"embed": embed, "fields": ["content"]}
