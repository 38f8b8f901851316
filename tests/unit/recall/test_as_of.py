"""Recall as of a time: what was true then; and what no longer is, is not recalled as the present."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import ANA, calls, scripted
from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge import create_memory_searcher, create_memory_store_manager
from warmgraph.models import create_chat_model
from warmgraph.recall import recall, recall_long_term
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ManualClock

Call = Callable[..., Any]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SPACE = ("memories", "ana")
HOME = "In which city do I have my home?"


@pytest.fixture(params=["in memory", "ram", "file", "file behind RAM"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    """Open a store of LangGraph's, and ours in each form, at the clock of the test."""
    clock = ManualClock(START)
    if request.param == "in memory":
        yield InMemoryStore()
    elif request.param == "ram":
        with WarmStore(clock=clock) as store:
            yield store
    elif request.param == "file":
        with RoutedStore(tmp_path / "memory.db", clock=clock) as file:
            yield file
    else:
        with WarmStore.open(tmp_path / "memory.db", clock=clock) as both:
            yield both


def changed(store: BaseStore) -> ManualClock:
    """Move Ana from Lisbon to Porto in February, let her forget her cat in March; return the clock."""
    clock = ManualClock(START)

    def keep(*requests: tuple[str, Any]) -> list[Any]:
        model = scripted(calls(*requests))
        keeper = create_memory_store_manager(model, store=store, clock=clock, enable_deletes=True)
        return list(keeper.invoke({"messages": [("user", "My home and my cat.")]}, ANA))

    home, cat = keep(
        ("Memory", {"content": "Home city: Lisbon."}), ("Memory", {"content": "My home has a cat called Tomé."})
    )
    clock.advance(days=31)
    keep(("update_memory", {"id": home["key"], "content": {"content": "Home city: Porto."}}))
    clock.advance(days=28)
    keep(("delete_memory", {"id": cat["key"]}))
    return clock


def told(store: BaseStore, as_of: Any, query: str = HOME) -> set[str]:
    """Return what is recalled as of a time."""
    return {item.value["content"]["content"] for item in recall(store, SPACE, query, as_of=as_of).items}


LISBON, PORTO, CAT = "Home city: Lisbon.", "Home city: Porto.", "My home has a cat called Tomé."


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2025-12-31", set()),
        (START, {LISBON, CAT}),
        (date(2026, 1, 15), {LISBON, CAT}),
        (START + timedelta(days=31), {PORTO, CAT}),
        ("2026-02-15T12:00:00+02:00", {PORTO, CAT}),
        ("2026-03-15", {PORTO}),
        (None, {PORTO}),
    ],
)
def test_what_was_true_then(store: BaseStore, as_of: Any, expected: set[str]) -> None:
    """A changed fact is recalled as it was, a deleted one while it was, and neither before it was known."""
    changed(store)

    assert expected == told(store, as_of)
    assert expected == {
        item.value["content"]["content"] for item in recall_long_term(store, SPACE, HOME, as_of=as_of).items
    }


def test_what_was_true_then_says_until_when(store: BaseStore) -> None:
    """A revision goes by the key of its memory and has its period beside it."""
    changed(store)
    (home,) = [item for item in recall(store, SPACE, "Home city", as_of="2026-01-15").items if item.key != "cat"][:1]

    now = {item.key for item in recall(store, SPACE, "Home city").items}
    assert {home.key} == now
    assert SPACE == tuple(home.namespace)
    assert (START.isoformat(), "2026-02-01T00:00:00+00:00") == (home.value["valid_from"], home.value["valid_to"])


def test_an_undone_change_holds_again_and_its_period_stays_known(store: BaseStore) -> None:
    """After `undo` the present is what was before, and the time between is recalled as it was."""
    clock = changed(store)
    keeper = create_memory_store_manager(scripted(), store=store, clock=clock)
    (home,) = recall(store, SPACE, "Home city").items

    clock.advance(days=31)
    keeper.undo(home.key, config=ANA)

    assert {LISBON} == told(store, None, "Home city")
    assert [{LISBON}, {PORTO}, {LISBON}] == [
        told(store, as_of, "home city") - {CAT} for as_of in ("2026-01-15", "2026-02-15", clock.now())
    ]


def test_a_memory_that_has_ended_is_not_recalled_as_present(store: BaseStore) -> None:
    """`valid_to` in the past takes a memory out of recalls, however many there are, and not out of searches."""
    for number in range(30):
        ended = {"content": f"The office code is {number}.", "valid_from": "2025-01-01", "valid_to": "2025-06-01"}
        store.put(SPACE, f"old {number}", ended)
    store.put(SPACE, "new", {"content": "The office code is 99.", "valid_to": "2996-01-01"})

    for found in (
        recall(store, SPACE, "office code", limit=5),
        asyncio.run(_arecall(store)),
        recall_long_term(store, SPACE, "office code", limit=5),
    ):
        assert ["new"] == [item.key for item in found.items]
    assert 5 == len(recall(store, SPACE, "office code", limit=5, as_of="2025-03-01").items)
    assert 31 == len(store.search(SPACE, query="office code", limit=50))


async def _arecall(store: BaseStore) -> Any:
    from warmgraph.recall import arecall

    return await arecall(store, SPACE, "office code", limit=5)


def test_filters_and_exclusions_hold_for_the_past(store: BaseStore) -> None:
    """`filter` and `exclude` mean the same for what was true then."""
    changed(store)
    (home,) = recall(store, SPACE, "Home city").items

    found = recall(store, SPACE, HOME, as_of="2026-01-15", exclude=[home.key]).items
    assert [CAT] == [item.value["content"]["content"] for item in found]
    assert [] == recall(store, SPACE, HOME, as_of="2026-01-15", filter={"kind": "Profile"}).items


def test_history_is_never_recalled_as_present(store: BaseStore) -> None:
    """Revisions lie outside of what recalls and searches of the namespace reach."""
    changed(store)

    assert {PORTO} == told(store, None)
    everything = store.search(SPACE, limit=50)
    assert [PORTO] == [item.value["content"]["content"] for item in everything]


def test_a_searcher_and_a_manager_look_back(store: BaseStore) -> None:
    """The input of a searcher and the search of a manager take `as_of` as well."""
    changed(store)
    searcher = create_memory_searcher("offline", store=store)
    asked: dict[str, Any] = {"messages": [("user", "Where is my home city?")]}
    keeper = create_memory_store_manager(create_chat_model("offline"), store=store)

    then = [item.value["content"]["content"] for item in searcher.invoke({**asked, "as_of": "2026-01-15"}, ANA)]
    assert LISBON in then
    assert PORTO not in then
    assert LISBON not in [item.value["content"]["content"] for item in searcher.invoke(asked, ANA)]
    looked = keeper.search(query="home city", as_of="2026-01-15", config=ANA)
    assert LISBON in [item.value.content for item in looked]
    assert PORTO not in [item.value.content for item in looked]


@pytest.mark.parametrize("as_of", ["yesterday", 7, "2026-13-01"])
def test_no_time_is_refused(store: BaseStore, as_of: Any) -> None:
    """What is no time is an error that names the argument."""
    with pytest.raises(InvalidArgumentError, match="as_of"):
        recall(store, SPACE, HOME, as_of=as_of)


@pytest.mark.parametrize("open_store", [WarmStore.open, RoutedStore])
def test_what_was_not_true_then_is_told_as_left_out(
    tmp_path: Path, open_store: Callable[[Path], WarmStore | RoutedStore]
) -> None:
    """A recall of the past says which memories of today it passed over, as one of the present does of the past."""
    with open_store(tmp_path / "memory.db") as store:
        for key, city, start in (("old", "Lisbon", "2020-01-01"), ("new", "Porto", "2022-01-01")):
            end = {"valid_to": "2022-01-01T00:00:00+00:00"} if key == "old" else {}
            fields = {"content": f"Home city: {city}.", "valid_from": f"{start}T00:00:00+00:00", **end}
            store.put(SPACE, key, fields)
        for as_of, kept, left_out in (("2021-06-01", "old", "new"), ("2023-06-01", "new", "old")):
            found = store.recall_long_term(SPACE, "home city", as_of=as_of)
            assert [kept] == [item.key for item in found.items]
            assert [(left_out, "filter")] == [(each.key, each.reason) for each in found.dropped]
