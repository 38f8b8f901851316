"""`TextMemory`: texts in, texts out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from langgraph.store.memory import InMemoryStore

from warmgraph import TextMemory
from warmgraph.errors import InvalidArgumentError

TEXTS = {"home": "I live in Lisbon.", "cat": "My cat is called Miso.", "tea": "I drink green tea."}


def test_an_id_stands_once_with_its_newest_text() -> None:
    """Written again it is replaced, deleted it is gone."""
    with TextMemory(":memory:") as memory:
        memory.add("I live in Lisbon.", "home")
        memory.add("I live in Porto.", "home")

        assert ["I live in Porto."] == [found["text"] for found in memory.search("Where do I live?")]
        memory.delete("home")
        assert ([], 0) == (memory.search("Where do I live?"), memory.stats()["item_count"])


def test_opening_a_file_again_finds_everything(tmp_path: Path) -> None:
    """With its metadata; and more than five results where more are asked for."""
    with TextMemory(tmp_path / "memory.db") as memory:
        for number in range(12):
            memory.add(f"Note {number} about Lisbon.", metadata={"number": number})
    with TextMemory(tmp_path / "memory.db") as memory:
        found = memory.search("Lisbon", top_k=12)

    assert set(range(12)) == {result["metadata"]["number"] for result in found}


@pytest.mark.parametrize("make", [partial(TextMemory, ":memory:"), partial(TextMemory, store=InMemoryStore())])
async def test_every_call_has_a_twin_for_event_loops(make: Callable[[], TextMemory]) -> None:
    """With a file and with any store, the signals have the same keys."""
    memory = await asyncio.to_thread(make)
    for key, text in TEXTS.items():
        await memory.aadd(text, key)
    found = await memory.asearch_with_signals("What is my cat called?", top_k=1)
    await memory.adelete("tea")

    assert {"results", "margin", "tier", "confidence", "reason"} == set(found)
    assert 1 == len(found["results"])
    assert {"cat", "home"} == {result["item_id"] for result in await memory.asearch("Lisbon, Miso", threshold=-1.0)}
    assert 2 == (await memory.astats())["item_count"]
    await asyncio.to_thread(memory.close)


def test_a_threshold_leaves_weak_results_out() -> None:
    """The best is found, what is below the threshold is not; the margin tells them apart."""
    with TextMemory(":memory:", score_threshold=0.3) as memory:
        for key, text in TEXTS.items():
            memory.add(text, key)

        assert ["cat"] == [found["item_id"] for found in memory.search("my cat Miso")]
        assert memory.search_with_signals("my cat Miso")["margin"] > 0
        assert [] == memory.search("my cat Miso", threshold=1.01)


def test_bad_arguments_are_told() -> None:
    """By name."""
    with pytest.raises(InvalidArgumentError, match="db_path"):
        TextMemory()
    with pytest.raises(InvalidArgumentError, match="index"):
        TextMemory(store=InMemoryStore(), index={"dims": 8, "embed": "hashing:8"})
    with pytest.raises(InvalidArgumentError, match="namespace"):
        TextMemory(":memory:", namespace="texts")
    with TextMemory(":memory:") as memory, pytest.raises(InvalidArgumentError, match="text"):
        memory.add(" ")
