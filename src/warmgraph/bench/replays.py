"""Conversations as they are lived through: turns are written one by one, questions come in between."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from warmgraph.bench.conversations import Conversation, PackError, Question, Turn, evidence_recall, record_of
from warmgraph.bench.vectors import Embed
from warmgraph.embeddings import create_embedder
from warmgraph.ranking import LossEstimate, WarmRouter
from warmgraph.store import RoutedStore, WarmStore

__all__ = ["Cell", "Replay", "Setting", "recalls_of_all", "replays_of", "run_cell"]

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
class Setting:
    """What a replay is answered by.

    Args:
        capacity: Warm items.
        policy: How items are evicted.
        router: Decides; made anew for each cell, for it may learn.
        clear_lead: Of the store: when words alone rank. 2 embeds every question, so that both tiers rank alike.
    """

    capacity: int
    policy: str
    router: Callable[[], WarmRouter]
    clear_lead: float


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of the questions of some replays, in their order.

    Args:
        hits: Whether each was answered from the warm tier.
        recalls: Evidence recall@5 of each answer.
        embedded: How many of them were embedded.
        checks: How many hits were compared with the long-term tier, in the background.
        loss: What a router that learns says its hits cost; `None` of one that does not.
    """

    hits: Sequence[bool]
    recalls: Sequence[float]
    embedded: int
    checks: int = 0
    loss: LossEstimate | None = None


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


def recalls_of_all(replays: Sequence[Replay], embed: Embed | None) -> list[float]:
    """Return the evidence recall@5 of each question, answered from everything that was written until then."""
    recalls: list[float] = []
    for replay in replays:
        found = [0.0] * len(replay.questions)
        with WarmStore(capacity=sum(map(len, replay.sessions)), index=_index(embed)) as store:
            for number, question in _lived(replay, store, NAMESPACE):
                best = store.recall_long_term(NAMESPACE, question.text, limit=TOP)
                found[number] = evidence_recall([item.key for item in best.items], question.evidence, TOP)
        recalls += found
    return recalls


def run_cell(replays: Sequence[Replay], setting: Setting, embed: Embed | None) -> Cell:
    """Return what becomes of the questions, each replay in a namespace of its own of one store, one after the other.

    Args:
        replays: What the store goes through.
        setting: What they are answered by.
        embed: Makes vectors; `None` to rank by words.
    """
    hits: list[bool] = []
    recalls: list[float] = []
    calls = embedded = 0

    def counted(texts: Sequence[str]) -> Any:
        nonlocal calls
        calls += threading.current_thread() is here  # what is compared in the background is embedded there
        assert embed is not None
        return embed(texts)

    here = threading.current_thread()
    router = setting.router()
    # It remembers one query, which both tiers ask for: questions that differ by a name alone are embedded alike, and
    # shall all be counted.
    embedder = None if embed is None else create_embedder(counted, memo_size=1)
    with (
        RoutedStore(":memory:", index=_index(embedder)) as long_term,
        WarmStore(
            long_term, capacity=setting.capacity, eviction=setting.policy, clear_lead=setting.clear_lead
        ) as store,
    ):
        for number, replay in enumerate(replays):
            namespace = (*NAMESPACE, str(number))
            answered, found = [False] * len(replay.questions), [0.0] * len(replay.questions)
            for asked, question in _lived(replay, store, namespace):
                before = calls
                answer = store.recall(namespace, question.text, limit=TOP, router=router)
                store.finish_checks()  # so that what was learned is the same in every run
                embedded += calls > before
                answered[asked] = answer.tier == "warm"
                found[asked] = evidence_recall([item.key for item in answer.items], question.evidence, TOP)
            hits += answered
            recalls += found
        figures = store.stats()
    return Cell(hits, recalls, embedded, figures.checks, None if figures.router is None else figures.router.loss)


def _lived(replay: Replay, store: WarmStore, namespace: tuple[str, ...]) -> Iterator[tuple[int, Question]]:
    """Write the turns, and yield each question when it is asked."""
    for number, session in enumerate(replay.sessions):
        for user, turn in session:
            store.put(namespace, turn.key, record_of(user, turn).to_value(), index=["content"])
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
