"""The embedding model is away: recalls rank by words and say so, and what was said is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore

from warmgraph.errors import EmbeddingError
from warmgraph.store import Recall, RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings, ManualClock

ANA = ("memories", "ana")


class Moody(FakeEmbeddings):
    """Embeds, unless it is away."""

    away = False

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed, or fail."""
        if self.away:
            raise TimeoutError("no answer")
        return super().embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        """Embed, or fail, and count the call either way."""
        vector = super().embed_query(text)
        if self.away:
            raise TimeoutError("no answer")
        return vector


@pytest.fixture
def model() -> Moody:
    """Make a model that is there."""
    return Moody()


@pytest.fixture
def clock() -> ManualClock:
    """Make a clock."""
    return ManualClock()


@pytest.fixture(params=["warm", "warm over file", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path, model: Moody, clock: ManualClock) -> Iterator[BaseStore]:
    """Open each kind of store of ours, with two memories that words can tell apart."""
    index: Any = {"embed": model, "fields": ["content"]}
    if request.param == "warm":
        store: Any = WarmStore(index=index, clock=clock, clear_lead=2)
    elif request.param == "file":
        store = RoutedStore(tmp_path / "memory.db", index=index, clock=clock)
    else:
        store = WarmStore.open(tmp_path / "memory.db", index=index, clock=clock, clear_lead=2)
    with store:
        store.put(ANA, "dog", {"content": "My dog is called Bruno."})
        store.put(ANA, "cat", {"content": "My cat is called Rita."})
        yield store


@pytest.fixture(params=["sync", "async"])
def recall(request: pytest.FixtureRequest) -> Callable[[Any, str], Recall]:
    """Recall from everything, sync or async."""

    def asynchronously(store: Any, query: str) -> Recall:
        found: Recall = asyncio.run(store.arecall_long_term(ANA, query))
        return found

    def at_once(store: Any, query: str) -> Recall:
        found: Recall = store.recall_long_term(ANA, query)
        return found

    return at_once if request.param == "sync" else asynchronously


def keys(found: Recall) -> Sequence[str]:
    """Return what was found."""
    return [item.key for item in found.items]


def test_words_rank_while_the_model_is_away(
    store: BaseStore, model: Moody, recall: Callable[[Any, str], Recall]
) -> None:
    """The best memory is found by its words, and the recall tells why no vectors were used."""
    model.away = True
    found = recall(store, "a dog called what?")
    assert "dog" == keys(found)[0]
    assert isinstance(found.failure, EmbeddingError)
    assert "no answer" in str(found.failure)


def test_a_model_that_failed_is_left_alone_for_a_while(
    store: BaseStore, model: Moody, clock: ManualClock, recall: Callable[[Any, str], Recall]
) -> None:
    """Recalls do not wait for it to time out again; after half a minute one asks it, and vectors are back."""
    model.away = True
    recall(store, "a dog called what?")
    asked = len(model.queries)
    again = recall(store, "and the cat?")
    assert (asked, True) == (len(model.queries), again.failure is not None)
    model.away = False
    assert recall(store, "and the cat?").failure is not None
    clock.advance(seconds=31)
    back = recall(store, "and the cat?")
    assert (asked + 1, None) == (len(model.queries), back.failure)


def test_a_query_that_was_embedded_before_needs_no_model(
    store: BaseStore, model: Moody, recall: Callable[[Any, str], Recall]
) -> None:
    """What the memo holds is used, whatever became of the model."""
    assert recall(store, "the cat?").failure is None
    model.away = True
    assert recall(store, "the dog?").failure is not None
    assert recall(store, "the cat?").failure is None


def test_both_halves_and_the_router_go_on(model: Moody, tmp_path: Path) -> None:
    """The warm tier ranks by words, the router decides as ever, and what it returns tells of the failure."""
    index: Any = {"embed": model, "fields": ["content"]}
    with WarmStore.open(tmp_path / "memory.db", index=index, clear_lead=2) as store:
        store.put(ANA, "dog", {"content": "My dog is called Bruno."})
        store.recall_warm(ANA, "anything")
        model.away = True
        warm, both = store.recall_warm(ANA, "which dog?"), store.recall(ANA, "whose dog?")
    assert (["dog"], True) == (keys(warm), warm.failure is not None)
    assert both.decision is not None
    assert (["dog"], True, "warm") == (keys(both), both.decision.hit, both.tier)
    assert both.failure is not None


def test_search_keeps_the_contract(store: BaseStore, model: Moody) -> None:
    """`search` and `put` raise, as in every store: only a recall has something to fall back on by itself."""
    model.away = True
    with pytest.raises(EmbeddingError, match="no answer"):
        store.search(ANA, query="a dog?")
    with pytest.raises(EmbeddingError, match="no answer"):
        store.put(ANA, "bird", {"content": "My bird is called Zé."})
    assert store.get(ANA, "bird") is None
