"""Rerankers: what was found is read, and put in another order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from warmgraph.errors import InvalidArgumentError, RerankError
from warmgraph.ranking import CalibratedRouter, PeekRouter, Reranker, WarmRouter
from warmgraph.store import Recall, RoutedStore, WarmStore

ANA = ("memories", "ana")
DOGS = ("The dog barks.", "The dog sleeps on the dog bed of the other dog.", "My dog Bruno is old.", "A dog.")


class Shortest:
    """Prefers short texts, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Sequence[str]]] = []

    def rerank(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return a number that falls with the length."""
        self.asked.append((query, texts))
        return [-len(text) for text in texts]


class Native(Shortest):
    """The same, with an async form of its own."""

    async def arerank(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return what `rerank` does."""
        await asyncio.sleep(0)
        return self.rerank(query, texts)


async def longest(query: str, texts: Sequence[str]) -> Sequence[float]:
    """Prefer long texts."""
    return [len(text) for text in texts]


@pytest.fixture(params=["warm", "warm over file", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a store with a reranker, and four memories of dogs."""
    opened: list[Any] = []

    def make(reranker: Any, **options: Any) -> Any:
        if request.param == "warm":
            store: Any = WarmStore(reranker=reranker, **options)
        elif request.param == "file":
            store = RoutedStore(tmp_path / "memory.db", reranker=reranker, **options)
        else:
            store = WarmStore.open(tmp_path / "memory.db", reranker=reranker, **options)
        opened.append(store)
        for at, text in enumerate(DOGS):
            store.put(ANA, str(at), {"content": text})
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture(params=["sync", "async"])
def recall(request: pytest.FixtureRequest) -> Callable[..., Recall]:
    """Recall from everything, sync or async."""

    def asynchronously(store: Any, **options: Any) -> Recall:
        found: Recall = asyncio.run(store.arecall_long_term(ANA, "dog", **options))
        return found

    def at_once(store: Any, **options: Any) -> Recall:
        found: Recall = store.recall_long_term(ANA, "dog", **options)
        return found

    return at_once if request.param == "sync" else asynchronously


def keys(found: Recall) -> list[str]:
    """Return what was found."""
    return [item.key for item in found.items]


@pytest.mark.parametrize("kind", [Shortest, Native])
def test_a_reranker_decides_the_order(
    make: Callable[..., Any], recall: Callable[..., Recall], kind: type[Shortest]
) -> None:
    """It reads the texts of what was found, with the question; scores stay those of the ranking, best first."""
    reranker = kind()
    assert isinstance(reranker, Reranker)
    store = make(reranker)
    plain = make(None)
    found = recall(store)
    assert ["3", "0", "2", "1"] == keys(found)
    assert [item.score for item in recall(plain).items] == [item.score for item in found.items]
    ((query, texts),) = reranker.asked
    assert ("dog", set(DOGS)) == (query, set(texts))


def test_it_reads_more_than_is_asked_for(make: Callable[..., Any], recall: Callable[..., Recall]) -> None:
    """The one memory that is wanted may have stood last; beyond the depth nothing is read, and all stays."""
    assert ["3"] == keys(recall(make(Shortest()), limit=1))
    before = keys(recall(make(None)))
    after = keys(recall(make(Shortest(), rerank_depth=2)))
    assert (before[2:], set(before[:2])) == (after[2:], set(after[:2]))


def test_the_warm_half_is_read_as_well(tmp_path: Path) -> None:
    """A hit is in the reranker's order, whichever way the warm tier was looked at."""
    with WarmStore.open(tmp_path / "memory.db", reranker=Shortest()) as store:
        for at, text in enumerate(DOGS):
            store.put(ANA, str(at), {"content": text})
        store.recall_warm(ANA, "anything")  # the first touch
        few, many = store.recall_warm(ANA, "dog", limit=2), store.recall(ANA, "dog", filter={"content": {"$ne": "x"}})
    assert ["3", "0"] == keys(few)
    assert ("warm", ["3", "0", "2", "1"]) == (many.tier, keys(many))


@pytest.mark.parametrize(("router", "times"), [(PeekRouter(0.9), 1), (CalibratedRouter(router=PeekRouter(0.9)), 2)])
def test_a_miss_is_read_once_unless_somebody_learns_from_it(tmp_path: Path, router: WarmRouter, times: int) -> None:
    """What a hit would have answered is worth its cost only to a router that compares it with what was found."""
    reranker = Shortest()
    with WarmStore.open(tmp_path / "memory.db", reranker=reranker, capacity=3) as store:
        for at, text in enumerate((*DOGS, "No word of it.")):
            store.put(ANA, str(at), {"content": text})
        store.recall_warm(ANA, "anything")  # the first touch
        reranker.asked.clear()
        found = store.recall(ANA, "dog", router=router)
    assert ("long_term", ["3", "0", "2", "1"]) == (found.tier, keys(found))
    assert times == len(reranker.asked)


def test_an_async_function_reranks_on_a_loop_only(make: Callable[..., Any]) -> None:
    """From sync code the order stays as it was, and the recall says why."""
    store = make(longest)
    assert "1" == keys(asyncio.run(store.arecall_long_term(ANA, "dog")))[0]
    found = store.recall_long_term(ANA, "dog")
    assert 4 == len(found.items)
    assert isinstance(found.failure, RerankError)


@pytest.mark.parametrize("marks", [[1.0], [float("nan")] * 4, None])
def test_a_reranker_that_fails_costs_nothing(
    make: Callable[..., Any], recall: Callable[..., Recall], marks: Any
) -> None:
    """Too few numbers, none that can be compared, or none at all: the order stays, and the failure is told."""
    expected = keys(recall(make(None)))
    found = recall(make(lambda query, texts: marks))
    assert (expected, True) == (keys(found), found.failure is not None)


@pytest.mark.parametrize(("option", "value"), [("reranker", 3), ("rerank_depth", 0)])
def test_what_is_no_reranker_is_refused(option: str, value: Any) -> None:
    """At once, and by its name."""
    with pytest.raises(InvalidArgumentError, match=option):
        WarmStore(**{"reranker": Shortest(), option: value})


def test_a_recall_of_the_past_tells_that_the_reranker_failed(make: Callable[..., Any]) -> None:
    """As a recall of the present does: what was true then comes in the order of the ranking."""
    store = make(lambda query, texts: [1.0])
    found = store.recall_long_term(ANA, "dog", as_of="9999-01-01")
    assert (4, True) == (len(found.items), found.failure is not None)
