"""The index configuration of a store, in the forms that LangGraph's stores know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import HybridScorer
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings, LookupEmbeddings

NS = ("docs",)
VECTORS = {"a": [1.0, 0.0], "b": [3.0, 1.0], "c": [0.0, 1.0]}
MAKERS: list[Callable[..., Any]] = [WarmStore, lambda **options: RoutedStore(":memory:", **options)]


def index(**options: Any) -> Any:
    """Make a configuration."""
    return {"dims": 2, "embed": LookupEmbeddings(VECTORS), "fields": ["text"], **options}


@pytest.mark.parametrize("make", MAKERS)
def test_a_store_tells_how_it_embeds(make: Callable[..., Any]) -> None:
    """`index_config` and `embeddings` are there under the names that LangGraph's stores use."""
    given = index()
    with make(index=given) as store:
        assert given == store.index_config
        assert given["embed"] is store.embeddings
    with make(index={"embed": lambda texts: [[1.0] for _ in texts]}) as store:
        assert store.embeddings is None
    with make() as store:
        assert store.index_config is None
        assert store.embeddings is None


def test_a_warm_tier_tells_how_the_store_behind_embeds() -> None:
    """In front of another store it is that store's index that counts."""
    given = index()
    with RoutedStore(":memory:", index=given) as behind:
        assert given == WarmStore(behind).index_config


@pytest.mark.parametrize("make", MAKERS)
def test_text_fields_are_fields(make: Callable[..., Any]) -> None:
    """SqliteStore's name of the setting works as well; both at once do not."""
    with make(index={"embed": FakeEmbeddings(4), "text_fields": ["text"]}) as store:
        store.put(NS, "k", {"text": "a text", "other": "another"})
        assert 1.0 == pytest.approx(store.search(NS, query="a text")[0].score, abs=1e-3)
    with pytest.raises(InvalidArgumentError, match="text_fields"):
        make(index=index(text_fields=["text"]))


def test_a_distance_survives_opening_again(tmp_path: Path) -> None:
    """Vectors are kept as they are, so that another distance needs no other file."""
    expected = {"inner_product": {"a": 1.0, "b": 3.0, "c": 0.0}, "l2": {"a": 0.0, "b": -(5**0.5), "c": -(2**0.5)}}
    with RoutedStore(tmp_path / "memory.db", index=index()) as store:
        for key in VECTORS:
            store.put(NS, key, {"text": key})
    for distance, scores in expected.items():
        with WarmStore.open(tmp_path / "memory.db", index=index(distance_type=distance)) as store:
            assert scores == pytest.approx({item.key: item.score for item in store.search(NS, query="a")}, abs=1e-5)


def test_without_cosines_recalls_rank_by_words() -> None:
    """A sum of signals means nothing with distances in it."""
    vectors = {**VECTORS, "a dog": [5.0, 0.0], "peanuts": [9.0, 0.0], "which dog": [9.0, 0.0]}
    config = {"dims": 2, "embed": LookupEmbeddings(vectors), "fields": ["text"], "distance_type": "inner_product"}
    store = WarmStore(index=config)  # type: ignore[arg-type]
    for key in ("a dog", "peanuts"):
        store.put(NS, key, {"text": key})
    assert ["peanuts", "a dog"] == [item.key for item in store.search(NS, query="which dog")]
    assert ["a dog"] == [item.key for item in store.recall(NS, "which dog").items]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"index": index(distance_type="manhattan")}, "distance_type"),
        ({"index": index(distance_type=["l2"])}, "distance_type"),
        ({"index": index(distance_type="l2"), "search_mode": "hybrid"}, "search_mode"),
        ({"index": index(distance_type="l2"), "scorer": HybridScorer()}, "scorer"),
        ({"index": index(ann_index_config={})}, "index"),
    ],
)
def test_what_means_nothing_is_refused(make: Callable[..., Any], options: Any, argument: str) -> None:
    """A setting that is unknown, or does not go with another, is an error that names it."""
    with pytest.raises(InvalidArgumentError) as caught:
        make(**options)
    assert argument == caught.value.argument
