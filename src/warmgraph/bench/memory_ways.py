"""Ways to answer from memory, each on a store of its own that lives through the same conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from langgraph.store.base import SearchItem

from warmgraph.bench.conversations import Turn, evidence_recall, record_of
from warmgraph.bench.replays import NAMESPACE, Replay
from warmgraph.bench.vectors import Embed
from warmgraph.embeddings import HashingEmbeddings, create_embedder
from warmgraph.memory_block import MemoryLine, render_block
from warmgraph.ranking import DenseScorer
from warmgraph.recall import pack
from warmgraph.store import RoutedStore, WarmStore

__all__ = ["Answered", "answer_all"]

UNBOUNDED = 1 << 40
CHARS_PER_TOKEN = 4


class Answered(NamedTuple):
    """What one question got in one way.

    Args:
        evidence: Share of its evidence in the prompt.
        tokens: Of the block.
        milliseconds: From the question to the block.
        hit: Whether it was answered warm.
    """

    evidence: float
    tokens: int
    milliseconds: float
    hit: bool = False


def answer_all(replay: Replay, embed: Embed | None, *, capacity: int, limit: int) -> dict[str, list[Answered]]:
    """Live through a conversation, and answer its questions in every way.

    Args:
        replay: What is written and asked, in which order.
        embed: Makes vectors; `None` for hashed words.
        capacity: Warm items.
        limit: Memories in a prompt.
    """
    said: list[tuple[str, Turn]] = []
    model: Any = HashingEmbeddings() if embed is None else embed
    # Each store has an embedder of its own that remembers one query: what both tiers of one ask for.
    indexes: list[Any] = [{"embed": create_embedder(model, memo_size=1), "fields": ["content"]} for _ in range(3)]
    found: dict[str, list[Answered]] = {}
    with (
        TemporaryDirectory() as folder,
        # In a file, as it would be: one in memory is read by the thread that writes it.
        RoutedStore(Path(folder) / "memory.db", index=indexes[0], synchronous="NORMAL") as long_term,
        WarmStore(long_term, capacity=capacity) as store,
        WarmStore(index=indexes[1], capacity=capacity) as buffer,
        WarmStore(index=indexes[2], scorer=DenseScorer(), capacity=UNBOUNDED) as dense,
    ):

        def recency(question: str) -> tuple[Sequence[SearchItem], bool]:
            items = [buffer.get(NAMESPACE, turn.key) for _, turn in said[-limit:]]
            return [_as_found(item) for item in items if item is not None], False

        def relevance(question: str) -> tuple[Sequence[SearchItem], bool]:
            return buffer.recall(NAMESPACE, question, limit=limit).items, True

        def fallback(question: str) -> tuple[Sequence[SearchItem], bool]:
            recalled = store.recall(NAMESPACE, question, limit=limit)
            return recalled.items, recalled.tier == "warm"

        def vectors(question: str) -> tuple[Sequence[SearchItem], bool]:
            return dense.recall_long_term(NAMESPACE, question, limit=limit).items, False

        ways = {"recency": recency, "relevance": relevance, "warm fallback": fallback, "vector only": vectors}
        for number, session in enumerate(replay.sessions):
            for user, turn in session:
                said.append((user, turn))
                value = record_of(user, turn).to_value()
                for each in (store, buffer, dense):
                    each.put(NAMESPACE, turn.key, value, index=["content"])
            for asked in replay.asked.get(number, ()):
                question = replay.questions[asked]
                for name, way in ways.items():
                    found.setdefault(name, []).append(_answer(way, question.text, question.evidence))
                found.setdefault("full history", []).append(_whole(said))
    return found


def _answer(
    way: Callable[[str], tuple[Sequence[SearchItem], bool]], question: str, evidence: Sequence[str]
) -> Answered:
    began = perf_counter()
    items, hit = way(question)
    packed = pack([(item.key, item.score, item) for item in items], max_tokens=UNBOUNDED)
    took = 1000 * (perf_counter() - began)
    return Answered(evidence_recall(packed.keys, evidence, len(items)), packed.tokens, took, hit)


def _whole(said: Sequence[tuple[str, Turn]]) -> Answered:
    began = perf_counter()
    block = render_block([MemoryLine(turn.content, turn.author, turn.role, turn.said_at) for _, turn in said])
    return Answered(1.0, len(block) // CHARS_PER_TOKEN, 1000 * (perf_counter() - began))


def _as_found(item: Any) -> SearchItem:
    return SearchItem(item.namespace, item.key, item.value, item.created_at, item.updated_at, None)
