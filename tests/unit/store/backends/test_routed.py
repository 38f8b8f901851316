"""Searches of a namespace that is all warm: from RAM, and never another answer than the file's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import Op, SearchOp

from warmgraph.steps import run
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings, ManualClock

ANA = ("memories", "ana")
BELOW = (*ANA, "drafts")
DENSE: Any = {"dims": 8, "embed": FakeEmbeddings(8), "fields": ["content"]}
SEARCHES = [
    SearchOp(ANA, query="red dog"),
    SearchOp(ANA, query="red dog", limit=2, offset=1),
    SearchOp(ANA, query="a bird", filter={"n": {"$gte": 2}}, limit=2, offset=1),
    SearchOp(ANA, filter={"n": {"$gte": 2}}),
    SearchOp(ANA, limit=3, offset=1),
    SearchOp(ANA, limit=0),
    SearchOp(ANA, query="cat", offset=9),
]


@pytest.fixture
def clock() -> ManualClock:
    """The time of a test."""
    return ManualClock()


@pytest.fixture(params=["dense", "lexical"])
def store(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[WarmStore]:
    """A store with a file of no other process, in which one namespace was written, searched, and is all warm."""
    index = DENSE if request.param == "dense" else None
    ttl: Any = {"refresh_on_read": True}
    with WarmStore.open(":memory:", index=index, ttl=ttl, clock=clock) as store:
        for number, text in enumerate(["red dog", "blue dog", "red dog", "red cat", "bird", ""]):
            store.put(ANA, str(number), {"content": text, "n": number, "list": [{"deep": 1}]}, ttl=10)
        for op in SEARCHES:
            store.batch([op])
        yield store


def _from_ram(store: WarmStore, op: Op) -> list[Any] | None:
    """Return what a batch answers without waiting for anything; `None` if it wants an event loop to wait on."""
    try:
        store.abatch([op]).send(None)
    except StopIteration as stop:
        return list(stop.value)
    except RuntimeError:
        return None
    pytest.fail("it waits, without an event loop")


def _plain(item: Any) -> tuple[object, ...]:
    return item.namespace, item.key, item.value, item.created_at, item.updated_at, item.score


@pytest.mark.parametrize("op", SEARCHES, ids=repr)
def test_the_answer_is_that_of_the_file(store: WarmStore, op: SearchOp) -> None:
    """Items, scores, order and times, with filters, offsets and ties, and without a query the newest first."""
    file = store.long_term
    assert isinstance(file, RoutedStore)
    (expected,) = file.batch([op])

    found = _from_ram(store, op)

    assert found is not None
    assert isinstance(expected, list)
    assert [_plain(item) for item in expected] == [_plain(item) for item in found[0]]


def test_values_belong_to_the_caller(store: WarmStore) -> None:
    """Changing what was found changes nothing in RAM."""
    (first,) = store.search(ANA, limit=1)
    first.value["list"][0]["deep"] = 2
    assert [{"deep": 1}] == store.search(ANA, limit=1)[0].value["list"]


def test_what_is_written_is_found(store: WarmStore) -> None:
    """Every write is in the next answer, and that still comes from RAM."""
    store.put(ANA, "new", {"content": "red dog", "n": 9})
    store.put(ANA, "1", {"content": "red dog", "n": 9})
    store.delete(ANA, "0")

    found = _from_ram(store, SearchOp(ANA, query="red dog", limit=3))

    assert found is not None
    assert ["1", "new", "2"] == [item.key for item in found[0]]


def test_a_namespace_below_is_searched_as_well(store: WarmStore) -> None:
    """What is written below a namespace is found in it, by whomever it was written."""
    store.put(BELOW, "draft", {"content": "red dog", "n": 1})
    assert "draft" == store.search(ANA, query="red dog")[0].key
    found = _from_ram(store, SearchOp(ANA, query="red dog"))
    assert found is not None
    assert "draft" == found[0][0].key
    store.delete(BELOW, "draft")
    assert "2" == store.search(ANA, query="red dog")[0].key
    assert _from_ram(store, SearchOp(ANA, query="red dog")) is not None

    file = store.long_term
    assert isinstance(file, RoutedStore)
    file.put(BELOW, "draft", {"content": "red dog", "n": 1})
    assert "draft" == store.search(ANA, query="red dog")[0].key


def test_what_somebody_else_wrote_is_found(store: WarmStore) -> None:
    """A write beside the warm tier makes its item cold: the file answers."""
    file = store.long_term
    assert isinstance(file, RoutedStore)
    file.put(ANA, "1", {"content": "red dog", "n": 7})
    assert _from_ram(store, SearchOp(ANA, query="red dog")) is None
    assert {"content": "red dog", "n": 7} == store.search(ANA, query="red dog")[0].value


def test_what_another_process_writes_below_is_found(tmp_path: Path) -> None:
    """A namespace below that somebody else made is searched as soon as this process has heard of it."""
    path = tmp_path / "memory.db"
    with WarmStore.open(path) as store, WarmStore.open(path) as other:
        store.put(ANA, "1", {"content": "dog"})
        for _ in range(2):
            assert ["1"] == [item.key for item in store.search(ANA, query="dog")]
        other.put(BELOW, "draft", {"content": "dog dog"})
        run(store._warm.follow())
        assert {"1", "draft"} == {item.key for item in store.search(ANA, query="dog")}


def test_a_search_lets_items_live_on(store: WarmStore, clock: ManualClock) -> None:
    """A time to live starts anew with a search that RAM answers, in the file as well; one that is over stays over."""
    file = store.long_term
    assert isinstance(file, RoutedStore)
    clock.advance(minutes=6)
    found = _from_ram(store, SearchOp(ANA, query="red dog", limit=2))
    assert found is not None
    assert ["2", "0"] == [item.key for item in found[0]]
    clock.advance(minutes=6)

    found = _from_ram(store, SearchOp(ANA, refresh_ttl=False))

    assert found is not None
    assert ["2", "0"] == [item.key for item in found[0]]
    assert ["2", "0"] == [item.key for item in file.search(ANA, refresh_ttl=False)]
    store._check()


def test_a_namespace_that_is_partly_cold_is_searched_in_the_file() -> None:
    """What was evicted is found all the same."""
    with WarmStore.open(":memory:", capacity=2) as store:
        for number in range(4):
            store.put(ANA, str(number), {"content": "dog"})
        for _ in range(2):
            assert ["3", "2", "1", "0"] == [item.key for item in store.search(ANA, query="dog")]
        assert _from_ram(store, SearchOp(ANA, query="dog")) is None


def test_what_lies_below_is_asked_again_when_too_much_is_known(
    store: WarmStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of prefixes that are remembered is bounded; forgetting them costs one read."""
    monkeypatch.setattr("warmgraph.store.backends.routed.MAX_PREFIXES", 1)
    monkeypatch.setattr("warmgraph.store.backends.routed.FEW_NAMESPACES", 1)  # the root has two
    store.put(("other",), "k", {"content": "dog"})
    for _ in range(2):
        assert ["k"] == [item.key for item in store.search(("other",), query="dog")]
        assert ["2"] == [item.key for item in store.search(ANA, query="red dog", limit=1)]
    assert _from_ram(store, SearchOp(("other",), query="dog")) is None
    assert _from_ram(store, SearchOp(ANA, query="red dog")) is not None


def test_namespaces_beside_each_other_are_known_together(store: WarmStore) -> None:
    """One look at the file tells what lies below a namespace, below those beside it, and below what they share."""
    names = [("memories", f"user-{n}") for n in range(5)]
    for n, name in enumerate(names):
        store.put(name, "k", {"content": f"dog {n}"})
    store.search(("memories",), query="dog")  # their indexes are in RAM from now on
    for name in names:
        found = _from_ram(store, SearchOp(name, query="dog"))
        assert found is not None
        assert ["k"] == [item.key for item in found[0]]
    found = _from_ram(store, SearchOp(("memories",), query="dog", limit=20))
    file = store.long_term
    assert isinstance(file, RoutedStore)
    assert found is not None
    assert [_plain(item) for item in file.search(("memories",), query="dog", limit=20)] == [
        _plain(item) for item in found[0]
    ]


def test_a_new_namespace_is_searched_with_those_that_are_known(store: WarmStore) -> None:
    """By whomever it was made, and nothing but a look at the file tells that one of its name was deleted."""
    file = store.long_term
    assert isinstance(file, RoutedStore)
    new, prefix = ("memories", "new"), ("memories",)
    for writer in (store, file):
        for _ in range(2):
            assert "red" not in {item.key for item in store.search(prefix, query="red dog", limit=20)}
        writer.put(new, "red", {"content": "red red dog"})
        for _ in range(2):
            assert "red" in {item.key for item in store.search(prefix, query="red dog", limit=20)}
            assert ["red"] == [item.key for item in store.search(new, query="red dog")]
        writer.delete(new, "red")
        assert [] == store.search(new, query="red dog")


def test_a_search_where_nothing_is_asks_the_file_once(store: WarmStore) -> None:
    """That a namespace is empty is known as well, until something is written to it."""
    nowhere = ("memories", "nobody")
    assert [] == store.search(nowhere, query="dog")
    assert [[]] == _from_ram(store, SearchOp(nowhere, query="dog"))
    store.put((*nowhere, "deep", "down"), "k", {"content": "dog"})
    assert ["k"] == [item.key for item in store.search(nowhere, query="dog")]


def test_where_there_are_many_namespaces_only_those_asked_for_are_known(
    store: WarmStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a number of them those beside a namespace are left alone, and its own are asked for as before."""
    monkeypatch.setattr("warmgraph.store.backends.routed.FEW_NAMESPACES", 2)
    for n in range(4):
        store.put(("crowd", str(n)), "k", {"content": "dog"})
    store.search(("crowd",), query="dog")
    store.search(("crowd", "1"), query="dog")
    assert _from_ram(store, SearchOp(("crowd", "1"), query="dog")) is not None
    assert _from_ram(store, SearchOp(("crowd", "2"), query="dog")) is None
    assert _from_ram(store, SearchOp(("crowd",), query="dog")) is None
    assert 4 == len(store.search(("crowd",), query="dog"))


def test_namespaces_that_become_many_are_let_go(store: WarmStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that goes on for long meets users without end: what it keeps in mind of them is bounded."""
    monkeypatch.setattr("warmgraph.store.backends.routed.FEW_NAMESPACES", 3)
    store.put(("crowd", "0"), "k", {"content": "dog"})
    for _ in range(2):
        assert 1 == len(store.search(("crowd",), query="dog"))
    assert _from_ram(store, SearchOp(("crowd",), query="dog")) is not None
    for n in range(1, 6):
        store.put(("crowd", str(n)), "k", {"content": "dog"})
        assert n + 1 == len(store.search(("crowd",), query="dog"))
        assert ["k"] == [item.key for item in store.search(("crowd", "0"), query="dog")]
    assert _from_ram(store, SearchOp(("crowd",), query="dog")) is None
    assert _from_ram(store, SearchOp(("crowd", "0"), query="dog")) is not None
    monkeypatch.setattr("warmgraph.store.backends.routed.MAX_PREFIXES", 4)
    for n in range(6):
        store.put(("crowd", "0", str(n)), "k", {"content": "dog"})
        assert n + 2 == len(store.search(("crowd", "0"), query="dog"))


def test_what_was_known_of_a_prefix_and_forgotten_is_not_believed_again(
    store: WarmStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A namespace that came while nothing was known below its prefix is found when that is known once more."""
    prefix = ("memories",)
    for _ in range(2):
        store.search(prefix, query="red dog")
    assert _from_ram(store, SearchOp(prefix, query="red dog")) is not None
    monkeypatch.setattr("warmgraph.store.backends.routed.MAX_PREFIXES", 0)
    store.put(("elsewhere",), "k", {"content": "dog"})  # too much is known: all is forgotten
    monkeypatch.undo()
    store.put(("memories", "new"), "red", {"content": "red red dog"})
    for _ in range(3):
        assert "red" in {item.key for item in store.search(prefix, query="red dog", limit=20)}


def test_what_goes_cold_below_a_prefix_is_read_from_the_file() -> None:
    """Evicted, or written by somebody else: the prefix was all warm a moment ago, and still nothing is missing."""
    names = [("crowd", str(n)) for n in range(3)]
    with WarmStore.open(":memory:", index=DENSE, capacity=2) as store:
        for name in names:
            store.put(name, "a", {"content": "red dog", "n": 0})
        for _ in range(2):
            assert 3 == len(store.search(("crowd",), query="red dog"))
        assert _from_ram(store, SearchOp(("crowd",), query="red dog")) is not None
        file = store.long_term
        assert isinstance(file, RoutedStore)
        file.put(names[0], "a", {"content": "red dog", "n": 1})
        assert {0, 1} == {item.value["n"] for item in store.search(("crowd",), query="red dog")}
        for key in "bcd":
            store.put(names[1], key, {"content": "red dog", "n": 2})
        assert 6 == len(store.search(("crowd",), query="red dog"))
        assert _from_ram(store, SearchOp(("crowd",), query="red dog")) is None
        store._check()
