"""`WarmBuffer`, and the faults of WarmMemory that it does not have."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmgraph.buffer import InteractionRecord, WarmBuffer
from warmgraph.errors import InvalidArgumentError, StoreClosedError
from warmgraph.ranking import Candidates, DenseScorer, HybridScorer
from warmgraph.testing import FakeEmbeddings, LookupEmbeddings, ManualClock
from warmgraph.warm import ImportanceOf

SAID = ["I live in Lisbon.", "My cat is called Mia.", "I like green tea.", "The bus was late again."]


def filled(texts: list[str] = SAID, **options: Any) -> WarmBuffer:
    """Make a buffer in which some things were said."""
    buffer = WarmBuffer(**options)
    for text in texts:
        buffer.add("user", text)
    return buffer


def contents(records: list[InteractionRecord]) -> list[str]:
    """Return what was said."""
    return [record.content for record in records]


def together(calls: list[Any]) -> None:
    """Make calls from as many threads, at the same moment."""
    barrier = threading.Barrier(len(calls))

    def call(each: Any) -> Any:
        barrier.wait()
        return each()

    with ThreadPoolExecutor(len(calls)) as pool:
        for future in [pool.submit(call, each) for each in calls]:
            future.result()


class TestParityA:
    """What WarmMemory offers, and where it was measured to fail."""

    def test_names_and_call_shapes_are_those_of_warm_memory(self) -> None:
        """A program for `WarmMemoryBuffer` runs, with records where there were frames."""
        clock = ManualClock()
        buffer = WarmBuffer(capacity=32, clock=clock)
        first = buffer.add("user", "Hi", summary="greets", tags=["small talk"], metadata={"session": 1})
        clock.advance(minutes=1)
        buffer.add(role="assistant", content="Hello!")
        start = clock.now() - timedelta(minutes=1)

        assert 1 == first
        assert InteractionRecord(1, start, "user", "Hi", "greets", ("small talk",), {"session": 1}) == buffer.get(1)
        assert ["Hi", "Hello!"] == contents(buffer.recent(limit=5)) == contents(buffer.context_window(limit=5))
        assert ["Hello!"] == contents(buffer.recent(1))
        assert "Hi" == buffer.relevant(query="greets", limit=1)[0].content
        assert "Hi" == buffer.context_window("small talk", 1)[0].content
        assert (32, 2) == (buffer.capacity, len(buffer))
        buffer.clear()
        assert [] == buffer.recent() == buffer.relevant("Hi") == buffer.records()

    def test_8_threads_x_100_adds_lose_nothing(self) -> None:
        """With room for all, all 800 are there, each under an id of its own; 175 were there."""
        buffer = WarmBuffer(capacity=800)
        together([lambda name=name: [buffer.add("user", f"{name} {at}") for at in range(100)] for name in range(8)])
        buffer._check()

        assert 800 == len({record.content for record in buffer.records()})
        assert list(range(1, 801)) == [record.interaction_id for record in buffer.records()]

    @pytest.mark.parametrize("eviction", ["lru", "fifo", "lfu", "sieve", "importance"])
    def test_8_threads_x_100_adds_stay_within_capacity(self, eviction: str) -> None:
        """Whatever the policy, a full buffer holds exactly what it may, while others read, search and retain."""
        buffer = WarmBuffer(capacity=50, eviction=eviction)

        def work(name: int) -> None:
            for at in range(100):
                buffer.add("user", f"thread {name} says {at}")
                if at % 10 == 0:
                    buffer.relevant(f"thread {name}")
                    buffer.recent(3)

        together([lambda name=name: work(name) for name in range(8)])
        buffer._check()

        assert 50 == len(buffer)

    def test_reads_count_as_use(self) -> None:
        """What was found or got stays, and what nobody asked for goes."""
        buffer = filled(SAID[:3], capacity=3)
        buffer.relevant("Where do I live? In Lisbon?", limit=1)
        buffer.get(2)
        buffer.add("user", "It rains.")

        assert ["I live in Lisbon.", "My cat is called Mia.", "It rains."] == contents(buffer.records())

    def test_what_only_fills_a_window_is_not_used(self) -> None:
        """A record that has nothing to do with a query is no more alive for having been returned."""
        buffer = filled(["aaa", "bbb", "ccc", "ddd"], capacity=4)
        buffer.relevant("zzz", limit=1)
        buffer.add("user", "eee")

        assert ["bbb", "ccc", "ddd", "eee"] == contents(buffer.records())

    def test_returned_records_do_not_alias_the_buffer(self) -> None:
        """Neither what was given nor what is returned is connected to what is kept."""
        given = {"seen": [1], "by": "ana"}
        buffer = WarmBuffer()
        buffer.add("user", "Hi", metadata=given)
        given["seen"].append(2)  # type: ignore[attr-defined]
        for records in (buffer.recent(), buffer.relevant("Hi"), buffer.records(), buffer.retain_relevant("Hi")):
            records[0].metadata["seen"].append(3)
            records[0].metadata.clear()

        assert {"seen": [1], "by": "ana"} == buffer.records()[0].metadata

    def test_ids_do_not_start_again(self) -> None:
        """After `clear`, and after everything was evicted, an id means what it meant."""
        buffer = filled(capacity=2)
        buffer.clear()

        assert 5 == buffer.add("user", "Hi")

    @pytest.mark.parametrize(
        ("texts", "query", "best"),
        [
            (["我住在里斯本。", "我的猫叫米娅。"], "猫叫什么名字？", 1),
            (["リスボンに住んでいます。", "猫の名前はミアです。"], "猫の名前は？", 1),
            (["Я живу в Лиссабоне.", "Мою кошку зовут Мия."], "как зовут кошку", 1),
            (["أعيش في لشبونة", "اسم قطتي ميا"], "ما اسم قطتي", 1),
            (["ฉันอาศัยอยู่ในลิสบอน", "แมวของฉันชื่อมีอา"], "แมวชื่ออะไร", 1),
        ],
    )
    def test_any_script_is_ranked(self, texts: list[str], query: str, best: int) -> None:
        """Words of every script count; there only ASCII did, and all others scored 0."""
        found = filled(texts).relevant(query, limit=1)[0]

        assert texts[best] == found.content
        assert found.score is not None
        assert found.score > 0

    def test_embeddings_are_computed_at_write_and_batched(self) -> None:
        """One call for each `add` or batch, one for a query, none for the records that are searched."""
        model = FakeEmbeddings()
        buffer = filled(embed=model)
        buffer.add_many([{"role": "user", "content": text} for text in ("one", "two", "three")])
        assert [1, 1, 1, 1, 3] == [len(batch) for batch in model.documents]
        for _ in range(3):
            buffer.relevant("two")

        assert 5 == len(model.documents)
        assert ["two"] == model.queries

    def test_retain_relevant_keeps_the_best_in_their_order(self) -> None:
        """Others are gone, from the ranking too; zero keeps nothing; no limit keeps all there is."""
        buffer = filled()
        assert 4 == len(buffer.retain_relevant("tea"))
        kept = buffer.retain_relevant("My cat drinks green tea", limit=2)

        assert ["My cat is called Mia.", "I like green tea."] == contents(kept) == contents(buffer.records())
        buffer._check()
        assert [] == buffer.retain_relevant("tea", limit=0)
        assert 0 == len(buffer)


def test_the_best_come_first_and_of_equals_the_newest() -> None:
    """Records carry their scores; a minimum leaves out what has nothing to do with the query."""
    buffer = filled(["the cat", "x", "y", "z", "the cat"])
    found = buffer.relevant("cat", limit=5)
    scores = [record.score or 0.0 for record in found]

    assert {1, 5} == {record.interaction_id for record in found[:2]}
    assert [2, 1] == [record.interaction_id for record in filled(["dog", "dog"], capacity=2).relevant("cat")]
    assert sorted(scores, reverse=True) == scores
    assert 5 == len(found)
    assert {"the cat"} == {record.content for record in buffer.relevant("cat", limit=5, min_score=scores[1])}
    assert [] == buffer.relevant("cat", limit=0)
    assert [] == buffer.recent(-1)


def test_meaning_counts_where_there_are_embeddings() -> None:
    """A record that shares no word with the query is found by its vector; words alone do not need the model."""
    model = LookupEmbeddings({"I drive a car.": [1, 0], "I drink tea.": [0, 1], "automobile": [0.9, 0.1]})
    hybrid = filled(["I drive a car.", "I drink tea."], embed=model)
    dense = filled(["I drive a car.", "I drink tea."], embed=model, scorer=DenseScorer())

    assert "I drive a car." == hybrid.relevant("automobile", 1)[0].content == dense.relevant("automobile", 1)[0].content


def test_a_scorer_of_ones_own_ranks() -> None:
    """Anything with `score` and `needs_dense` will do."""

    class Important:
        needs_dense = False

        def score(self, candidates: Candidates) -> Any:
            assert candidates.importance is not None
            return candidates.importance.astype(np.float32)

    buffer = WarmBuffer(scorer=Important())
    buffer.add("user", "a", importance=0.9)
    buffer.add("user", "b", importance=0.1)

    assert "a" == buffer.relevant("b", 1)[0].content


def test_a_policy_of_ones_own_evicts() -> None:
    """Whatever it names, the buffer stays within its capacity; strangers are passed over."""

    class Foolish:
        def __init__(self, capacity: int) -> None: ...

        def add(self, key: str) -> None: ...

        def touch(self, key: str) -> None: ...

        def discard(self, key: str) -> None: ...

        def victim(self, importance: ImportanceOf) -> str:
            return "somebody else"

    assert SAID[2:] == contents(filled(capacity=2, eviction=Foolish).records())


def test_importance_keeps_what_matters() -> None:
    """Under the policy of that name an important record outlives newer ones."""
    buffer = WarmBuffer(capacity=4, eviction="importance")
    buffer.add("user", "My allergy: peanuts.", importance=1.0)
    for at in range(5):
        buffer.add("user", f"small talk {at}", importance=0.0)

    assert "My allergy: peanuts." in contents(buffer.records())


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("capacity", {"capacity": 0}),
        ("capacity", {"capacity": True}),
        ("scorer", {"scorer": object()}),
        ("eviction", {"eviction": "oldest"}),
        ("path", {"path": "memory.txt"}),
    ],
)
def test_bad_settings_are_refused(argument: str, options: dict[str, Any]) -> None:
    """The error names the argument, and is a ValueError."""
    with pytest.raises(ValueError, match=argument):
        WarmBuffer(**options)


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ("role", {"role": 1, "content": "a"}),
        ("content", {"role": "user", "content": None}),
        ("tags", {"role": "user", "content": "a", "tags": "abc"}),
        ("metadata", {"role": "user", "content": "a", "metadata": [1]}),
        ("importance", {"role": "user", "content": "a", "importance": 2}),
    ],
)
def test_bad_input_changes_nothing(argument: str, given: dict[str, Any]) -> None:
    """Of a batch with one bad interaction none is added."""
    buffer = filled()
    with pytest.raises(InvalidArgumentError, match=argument):
        buffer.add_many([{"role": "user", "content": "fine"}, given])
    with pytest.raises(InvalidArgumentError, match="interactions"):
        buffer.add_many([{"role": "user", "content": "fine", "author": "ana"}])
    buffer._check()

    assert (4, 5) == (len(buffer), buffer.add("user", "next"))


def test_a_record_can_be_dropped() -> None:
    """It is gone from the ranking too; dropping it twice is no error."""
    buffer = filled()

    assert (True, False) == (buffer.discard(2), buffer.discard(2))
    assert "My cat is called Mia." not in contents(buffer.relevant("cat Mia", 4))
    assert buffer.get(2) is None
    buffer._check()


@pytest.mark.parametrize("options", [{}, {"embed": FakeEmbeddings()}, {"path": "buffer.jsonl"}, {"path": "buffer.db"}])
async def test_the_twins_do_the_same_without_blocking(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an event loop files and models are waited for in a thread, and several tasks may write at once."""
    monkeypatch.chdir(tmp_path)
    buffer = await asyncio.to_thread(WarmBuffer, 8, **options)
    await asyncio.gather(*(buffer.aadd("user", f"text {at}") for at in range(10)))
    await buffer.aadd_many([{"role": "user", "content": "the end"}])

    assert 8 == len(buffer)
    assert "the end" == (await buffer.arelevant("the end", 1))[0].content
    assert [] == await buffer.arelevant("the end", 0)
    assert "the end" == (await buffer.acontext_window(limit=1))[0].content
    assert 1 == len(await buffer.acontext_window("the end", 1))
    assert 2 == len(await buffer.aretain_relevant("the end", 2))
    await buffer.aclear()
    assert 0 == len(buffer)
    await asyncio.to_thread(buffer.close)


def test_hashing_vectors_are_no_meaning() -> None:
    """With lexical vectors the words rank, and nothing is embedded in vain."""
    assert not isinstance(filled(embed="hashing")._scorer, HybridScorer)


def test_it_needs_no_langgraph() -> None:
    """Importing and using a buffer loads neither LangGraph nor LangChain."""
    code = (
        "import sys; from warmgraph import WarmBuffer; b = WarmBuffer(); b.add('user', 'hi'); b.relevant('hi');"
        "print([name for name in sys.modules if name.split('.')[0] in ('langgraph', 'langchain', 'langchain_core')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()


def test_a_closed_buffer_says_so(tmp_path: Path) -> None:
    """Reading and writing are errors then; closing twice is none."""
    with WarmBuffer(path=tmp_path / "buffer.jsonl") as buffer:
        buffer.add("user", "Hi")
    buffer.close()
    for call in (lambda: buffer.add("user", "Hi"), buffer.clear, buffer.recent, lambda: buffer.relevant("Hi")):
        with pytest.raises(StoreClosedError):
            call()
