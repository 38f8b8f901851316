"""The embedding model is away: recalls rank by words and say so, and what was said is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import EmbeddingError, StoreError
from warmgraph.store import Recall, RoutedStore, WarmStore, WordsPut
from warmgraph.testing import FakeEmbeddings, ManualClock

ANA = ("memories", "ana")


class Moody(FakeEmbeddings):
    """Embeds, unless it is away."""

    away = False
    refused: Sequence[str] = ()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed, or fail."""
        if self.away or set(self.refused) & set(texts):
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


BIRD = WordsPut(ANA, "bird", {"content": "My bird is called Zé."})


def test_what_is_written_without_vectors_is_found_by_its_words(store: BaseStore, model: Moody) -> None:
    """The item is there at once, and asks nothing of the model."""
    model.away = True
    store.batch([BIRD])
    found: Any = store.recall_long_term(ANA, "the bird")  # type: ignore[attr-defined]
    assert "bird" == keys(found)[0]


def test_vectors_follow_when_the_model_is_back(tmp_path: Path, model: Moody) -> None:
    """With the next write that embeds, in this process and for others; other items without vectors are left alone."""
    path, index = tmp_path / "memory.db", {"embed": model, "fields": ["content"]}
    with RoutedStore(path) as plain:
        plain.put(ANA, "old", {"content": "From before there was a model."})
    given: Any = index
    with RoutedStore(path, index=given) as store, RoutedStore(path, index=given) as other:
        store.batch([BIRD])
        assert [None, None] == [item.score for item in store.search(ANA, query="My bird is called Zé.")]
        store.put(ANA, "dog", {"content": "My dog is called Bruno."})
        for each in (store, other):
            found = each.search(ANA, query="My bird is called Zé.")
            scores = {item.key: item.score for item in found}
            assert ("bird", None) == (found[0].key, scores["old"])
            assert pytest.approx(1.0) == scores["bird"]
            each._check()


def test_a_model_that_is_still_away_is_asked_again_with_a_later_write(tmp_path: Path, model: Moody) -> None:
    """A write succeeds although what came before it still cannot be embedded, and the next one tries again."""
    index: Any = {"embed": model, "fields": ["content"]}
    with RoutedStore(tmp_path / "memory.db", index=index) as store:
        store.put(ANA, "dog", {"content": "My dog is called Bruno."})
        store.batch([BIRD])
        model.refused = ["My bird is called Zé."]
        store.put(ANA, "1", {"content": "Number 1."})
        model.refused = []
        store.put(ANA, "2", {"content": "Number 2."})
        assert "bird" == store.search(ANA, query="My bird is called Zé.")[0].key


def test_reembed_gives_vectors_to_what_an_ended_process_left(tmp_path: Path, model: Moody) -> None:
    """Nothing but the file knows of them, and that is enough."""
    index: Any = {"embed": model, "fields": ["content"]}
    with RoutedStore(tmp_path / "memory.db", index=index) as store:
        store.put(ANA, "dog", {"content": "My dog is called Bruno."})
        store.batch([BIRD])
    with RoutedStore(tmp_path / "memory.db", index=index) as store:
        assert 1 == store.reembed().embedded
        assert "bird" == store.search(ANA, query="My bird is called Zé.")[0].key


def test_other_stores_behind_get_it_without_an_index(model: Moody) -> None:
    """A long-term store that would embed is told not to; by its words the item is found here."""
    index: Any = {"embed": model, "dims": 16, "fields": ["content"]}
    store = WarmStore(InMemoryStore(index=index))
    model.away = True
    store.batch([BIRD])
    assert ["bird"] == [item.key for item in store.recall_warm(ANA, "the bird").items]


def test_a_store_behind_that_cannot_search_leaves_words(model: Moody, recall: Callable[[Any, str], Recall]) -> None:
    """Once its namespace is known here; before, there is nothing to fall back on, and its error is raised."""
    index: Any = {"embed": model, "dims": 16, "fields": ["content"]}
    long_term = InMemoryStore(index=index)
    store = WarmStore(long_term)
    for key, text in (("dog", "My dog is called Bruno."), ("cat", "My cat is called Rita.")):
        store.put(ANA, key, {"content": text})
    model.away = True
    with pytest.raises(TimeoutError):
        recall(store, "the dog?")
    store.recall_warm(ANA, "anything")
    found = recall(store, "the dog?")
    assert ["dog"] == keys(found)
    assert isinstance(found.failure, StoreError)
