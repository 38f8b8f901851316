"""Options of the stores: what they take, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from warmgraph.embeddings import HashingEmbeddings
from warmgraph.errors import InvalidArgumentError, StoreClosedError
from warmgraph.ranking import DenseScorer, HybridScorer, LexicalScorer
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.contract import check_ttl_config
from warmgraph.testing import FakeEmbeddings


def embed(texts: list[str]) -> list[list[float]]:
    """Embed anything alike."""
    return [[1.0, 0.0] for _ in texts]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"ttl": {"default": 1}}, "ttl"),
        ({"ttl": {"default_ttl": 0}}, "ttl"),
        ({"ttl": {"default_ttl": "5"}}, "ttl"),
        ({"ttl": {"sweep_interval_minutes": True}}, "ttl"),
        ({"ttl": 5}, "ttl"),
        ({"index": "hashing"}, "index"),
        ({"index": {"dims": 2}}, "index"),
        ({"index": {"embed": embed, "distance": "l2"}}, "index"),
        ({"index": {"embed": embed, "fields": "text"}}, "fields"),
        ({"index": {"embed": embed, "dims": 0}}, "dims"),
        ({"index": {"embed": 5}}, "embed"),
        ({"search_mode": "fuzzy"}, "search_mode"),
        ({"search_mode": "dense"}, "search_mode"),
        ({"scorer": DenseScorer()}, "scorer"),
    ],
)
@pytest.mark.parametrize("kind", ["warm", "routed"])
def test_a_bad_option_is_refused(kind: str, options: dict[str, Any], name: str) -> None:
    """Errors name the option, and no file and no thread is left behind."""
    with pytest.raises(InvalidArgumentError, match=name):
        WarmStore(**options) if kind == "warm" else RoutedStore(":memory:", **options)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"capacity": 0}, "capacity"),
        ({"capacity": 2.5}, "capacity"),
        ({"capacity": True}, "capacity"),
        ({"max_namespaces": 0}, "max_namespaces"),
        ({"max_namespace_bytes": 0}, "max_namespace_bytes"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"eviction": "random"}, "eviction"),
        ({"long_term": "memory.db"}, "long_term"),
    ],
)
def test_a_bad_bound_is_refused(options: dict[str, Any], name: str) -> None:
    """Bounds are positive numbers, and the long-term store is a store."""
    with pytest.raises(InvalidArgumentError, match=f"{name}: expected .*, got"):
        WarmStore(**options)


@pytest.mark.parametrize("options", [{"synchronous": "OFF"}, {"max_index_bytes": 0}])
def test_a_bad_option_of_the_file_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    """Nothing is made before the options are checked."""
    with pytest.raises(InvalidArgumentError):
        RoutedStore(tmp_path / "memory.db", **options)
    assert [] == list(tmp_path.iterdir())


def test_what_belongs_to_the_long_term_store_is_set_there() -> None:
    """An option that the store behind already answers is refused, not silently ignored."""
    with RoutedStore(":memory:") as routed:
        for name, given in {
            "index": {"embed": embed},
            "ttl": {},
            "search_mode": "lexical",
            "scorer": LexicalScorer(),
        }.items():
            with pytest.raises(InvalidArgumentError, match=name):
                WarmStore(routed, **{name: given})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="ttl"):
        WarmStore(InMemoryStore(), ttl={})


def test_open_leaves_no_file_open_when_an_option_is_bad(tmp_path: Path) -> None:
    """A failed `open` closes what it opened: the file can be removed and opened again."""
    with pytest.raises(InvalidArgumentError, match="capacity"):
        WarmStore.open(tmp_path / "memory.db", capacity=0)
    with WarmStore.open(tmp_path / "memory.db") as store:
        store.put(("n",), "k", {})


def test_the_best_ranking_there_is_is_the_default() -> None:
    """Hybrid where vectors mean something, words where they are only words or there are none."""
    assert isinstance(WarmStore()._backend.ranking.recall_scorer, LexicalScorer)
    hashed = WarmStore(index={"embed": HashingEmbeddings(64), "dims": 64})
    assert isinstance(hashed._backend.ranking.recall_scorer, LexicalScorer)
    assert isinstance(hashed._backend.ranking.search_scorer, DenseScorer)
    meant = WarmStore(index={"embed": FakeEmbeddings(8), "dims": 8})
    assert isinstance(meant._backend.ranking.recall_scorer, HybridScorer)
    assert isinstance(meant._backend.ranking.search_scorer, DenseScorer)


def test_a_search_mode_changes_what_search_ranks_by() -> None:
    """With an index, words can rank alone or with the vectors."""
    texts = {"k1": "a dog called Bruno", "k2": "the river"}
    for mode in ("lexical", "hybrid"):
        store = WarmStore(index={"embed": embed, "dims": 2, "fields": ["text"]}, search_mode=mode)  # type: ignore[arg-type]
        for key, text in texts.items():
            store.put(("n",), key, {"text": text})
        found = store.search(("n",), query="dog")
        assert ["k1", "k2"] == [item.key for item in found]
        assert (found[0].score or 0) > (found[1].score or 0)


def test_a_configuration_is_copied() -> None:
    """What the caller changes afterwards has no effect."""
    given: Any = {"default_ttl": 5}
    kept = check_ttl_config(given)
    given["default_ttl"] = 6
    assert {"default_ttl": 5} == kept
    assert check_ttl_config(None) is None


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Reads, writes, recalls and sweeps after `close` are StoreClosedErrors; closing twice is none."""
    for store in (
        WarmStore(),
        WarmStore.open(tmp_path / "a.db"),
        RoutedStore(tmp_path / "b.db"),
        RoutedStore(":memory:"),
    ):
        store.put(("n",), "k", {})
        store.close()
        store.close()
        calls: list[Any] = [
            lambda: store.get(("n",), "k"),  # noqa: B023
            lambda: store.put(("n",), "k", {}),  # noqa: B023
            lambda: store.search(("n",)),  # noqa: B023
            lambda: store.recall_long_term(("n",), "q"),  # noqa: B023
            store.sweep_ttl,
        ]
        for call in calls:
            with pytest.raises(StoreClosedError):
                call()


def test_a_store_that_was_handed_in_stays_open() -> None:
    """A `WarmStore` closes what it opened, and nothing else."""
    with RoutedStore(":memory:") as routed:
        with WarmStore(routed) as store:
            store.put(("n",), "k", {"n": 1})
        item = routed.get(("n",), "k")
        assert item is not None
        assert {"n": 1} == item.value
