"""Receipts: every candidate of a recall with its score, and what was left out of it and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.warm_facts import ANA
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_recall_graph
from warmgraph.store import RoutedStore, WarmStore

SAID = {
    "first": "The bees are in the garden.",
    "again": "The bees are in the garden.",
    "ask-1": "Where are the bees?",
    "ask-2": "How are the bees?",
    "ask-3": "Are the bees well?",
    "ask-4": "Do the bees fly?",
    "other": "The violin is in the house.",
}


def fill(store: WarmStore | RoutedStore) -> None:
    """Write statements, an echo, and questions."""
    for key, text in SAID.items():
        store.put(ANA, key, {"content": text, "is_question": text.endswith("?"), "about": key[:3]})


def recalled(store: Any, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Recall in a graph; return the trace in the state, and the receipt."""
    graph = create_recall_graph(store=store, **options)
    events: list[Any] = []
    state: Any = {}
    asked = {"messages": "Tell me of the bees in the garden"}
    for mode, chunk in graph.stream(asked, context=MemoryContext("ana"), stream_mode=["custom", "values"]):
        if mode == "custom":
            events.append(chunk)
        else:
            state = chunk
    (receipt,) = [event for event in events if event["type"] == "memory_recall"]
    return state["recall"], receipt


@pytest.fixture(params=["memory", "file", "warm_over_file", "cold"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Every way to answer: warm, from the file, after a miss."""
    if request.param == "memory":
        made: WarmStore | RoutedStore = WarmStore()
    elif request.param == "file":
        made = RoutedStore(tmp_path / "memory.db")
    else:
        made = WarmStore.open(tmp_path / "memory.db", capacity=100 if request.param == "warm_over_file" else 1)
    fill(made)
    yield made
    made.close()


def test_every_candidate_is_told_with_its_score(store: Any) -> None:
    """What the model gets, what echoes it, and questions that are too many; each once, best first, and no text."""
    trace, receipt = recalled(store, limit=4)
    found = {each["key"]: each for each in receipt["candidates"]}
    assert len(found) == len(receipt["candidates"])
    assert receipt["keys"] == [each["key"] for each in receipt["candidates"] if each["left_out"] is None]
    reasons = {each["left_out"] for each in receipt["candidates"]}
    assert {None, "duplicate", "crowded"} <= reasons <= {None, "duplicate", "crowded", "low_score"}
    scores = [each["score"] for each in receipt["candidates"]]
    assert sorted(scores, reverse=True) == scores
    assert {"duplicate", "crowded"} == {each["reason"] for each in trace["dropped"]}
    assert {key: each["left_out"] for key, each in found.items() if each["left_out"]} == receipt["left_out"]
    assert "garden" not in str(receipt)
    assert "garden" not in str({name: value for name, value in trace.items() if name != "query"})


def test_what_is_too_weak_or_too_long_is_told_as_well(store: Any) -> None:
    """Candidates below the threshold, and those beyond the budget."""
    _, receipt = recalled(store, min_score=0.9)
    assert "low_score" in receipt["left_out"].values()
    _, receipt = recalled(store, max_memory_tokens=1)
    assert "budget" in receipt["left_out"].values()


def test_what_the_filter_left_out_is_told(store: Any) -> None:
    """With its score: it would have been recalled without the filter."""
    _, receipt = recalled(store, filter={"about": "oth"})
    assert "filter" == receipt["left_out"]["first"]
