"""`RoutedStore`: what the file keeps, and what opening it again costs."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp

from warmgraph.errors import StoreCorruptError
from warmgraph.index import analyze
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings

NS = ("memories", "ana")
THREAD = [
    "We should get a pet.",
    "A dog would be nice.",
    "My aunt had one, it was called Bruno.",
    "Where did she live?",
    "In a small town near the sea.",
]


def index(embed: Any, dims: int = 8) -> Any:
    """Make an index configuration."""
    return {"dims": dims, "embed": embed, "fields": ["content"]}


def fill(store: RoutedStore) -> None:
    """Write a conversation."""
    puts = [
        PutOp(NS, str(n), {"content": text, "thread_id": "t", "position": n, "author": "ana" if n % 2 else "bob"})
        for n, text in enumerate(THREAD)
    ]
    store.batch(puts)


class Counting:
    """An analyzer that counts its calls."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> list[str]:
        """Analyze, and count."""
        self.texts.append(text)
        return analyze(text)


def test_opening_again_neither_embeds_nor_tokenizes(tmp_path: Path) -> None:
    """Vectors and the terms of an analyzer of one's own come from the file; the answers are the same as before."""
    with RoutedStore(tmp_path / "m.db", index=index(FakeEmbeddings(8)), analyzer=Counting()) as store:
        fill(store)
        recalled = store.recall_long_term(NS, "the name of the dog").items
        searched = store.search(NS, query=THREAD[1])
    embeddings, analyzer = FakeEmbeddings(8), Counting()
    with RoutedStore(tmp_path / "m.db", index=index(embeddings), analyzer=analyzer) as store:
        assert searched == store.search(NS, query=THREAD[1])
        assert recalled == store.recall_long_term(NS, "the name of the dog").items
        assert [] == embeddings.documents
        assert not {*THREAD, "ana", "bob"} & set(analyzer.texts)
        store._check()


def test_words_are_read_when_somebody_asks_for_them(tmp_path: Path) -> None:
    """Neither a write nor opening again, nor a search by vectors, has to count words; what a recall counts is right."""
    with RoutedStore(tmp_path / "m.db", index=index(FakeEmbeddings(8))) as store:
        fill(store)
        recalled = store.recall_long_term(NS, "the name of the dog").items
    analyzer = Counting()
    with RoutedStore(tmp_path / "m.db", index=index(FakeEmbeddings(8)), analyzer=analyzer) as store:
        store.search(NS, query=THREAD[1])
        assert not set(THREAD) & set(analyzer.texts)
        assert recalled == store.recall_long_term(NS, "the name of the dog").items
        assert set(THREAD) <= set(analyzer.texts)
        store._check()


def test_times_and_order_survive(tmp_path: Path) -> None:
    """Creation and update times come back to the microsecond, and the newest is still the newest."""
    with RoutedStore(tmp_path / "m.db") as store:
        fill(store)
        store.put(NS, "2", {"content": "changed"})
        before = store.search(NS)
    with RoutedStore(tmp_path / "m.db") as store:
        assert before == store.search(NS)
        assert "2" == before[0].key


def test_a_query_is_embedded_once_for_both_tiers(tmp_path: Path) -> None:
    """Warm tier and long-term tier share one embedder with its memo."""
    embeddings = FakeEmbeddings(8)
    with WarmStore.open(tmp_path / "m.db", index=index(embeddings), capacity=2) as store:
        for n in range(6):
            store.put(NS, str(n), {"content": f"fact {n}"})
        for _ in range(2):
            store.recall(NS, "some fact")
            store.recall_long_term(NS, "some fact")
            store.search(NS, query="some fact")
        assert ["some fact"] == embeddings.queries


def test_a_file_may_be_opened_without_its_index(tmp_path: Path) -> None:
    """Without an embedding model words rank; with it the vectors are there again."""
    with RoutedStore(tmp_path / "m.db", index=index(FakeEmbeddings(8))) as store:
        fill(store)
    with RoutedStore(tmp_path / "m.db") as store:
        assert "1" == store.search(NS, query="dog")[0].key
        store.put(NS, "new", {"content": "a cat"})
    with RoutedStore(tmp_path / "m.db", index=index(FakeEmbeddings(8))) as store:
        found = store.search(NS, query=THREAD[1])
        assert 1.0 == pytest.approx(found[0].score)
        assert ("new", None) == (found[-1].key, found[-1].score)


def test_neighbours_in_a_thread_give_each_other_context(tmp_path: Path) -> None:
    """A turn is found by what was said just before it, also after opening the file again."""
    with RoutedStore(tmp_path / "m.db") as store:
        fill(store)
        found = [item.key for item in store.recall_long_term(NS, "dog", limit=3).items]
        assert "1" == found[0]
        assert "2" in found
    with RoutedStore(tmp_path / "m.db") as store:
        assert found == [item.key for item in store.recall_long_term(NS, "dog", limit=3).items]


def test_figures_tell_what_there_is(tmp_path: Path) -> None:
    """`stats` counts items and bytes of the file and of the indexes."""
    with RoutedStore(tmp_path / "m.db", index=index(FakeEmbeddings(8))) as store:
        fill(store)
        assert (5, 0, 0) == (store.stats().items, store.stats().namespaces_loaded, store.stats().vector_bytes)
        store.search(NS, query="dog")
        figures = store.stats()
        assert 1 == figures.namespaces_loaded
        assert min(figures.lexical_bytes, figures.vector_bytes) > 0
        assert figures.file_bytes >= os.path.getsize(tmp_path / "m.db")
    with RoutedStore(":memory:") as store:
        assert 0 == store.stats().file_bytes


@pytest.mark.parametrize(("synchronous", "expected"), [("FULL", 2), ("NORMAL", 1)])
def test_durability_is_what_was_asked_for(tmp_path: Path, synchronous: Any, expected: int) -> None:
    """The writer's connection syncs every commit by default."""
    with RoutedStore(tmp_path / "m.db", synchronous=synchronous) as store:
        level = store._database.write(lambda c: c.execute("PRAGMA synchronous").fetchone()[0]).result()
        assert expected == level


def test_damage_is_a_typed_error(tmp_path: Path) -> None:
    """A file whose pages are overwritten is reported as corrupt, when it is opened or when it is read."""
    path = tmp_path / "m.db"
    with RoutedStore(path) as store:
        store.batch([PutOp(NS, str(n), {"content": "x" * 500}) for n in range(200)])
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))

    def use() -> None:
        with RoutedStore(path) as store:
            store.search(NS, limit=1000)

    with pytest.raises(StoreCorruptError, match=r"m\.db"):
        use()


def test_what_we_keep_for_ourselves_is_not_recalled(tmp_path: Path) -> None:
    """State of ours lies in a table of its own: no search, listing or recall shows it."""
    with RoutedStore(tmp_path / "m.db") as store:
        store.put(NS, "k", {"content": "dog"})
        connection = sqlite3.connect(tmp_path / "m.db")
        connection.execute("INSERT INTO state VALUES ('memories.ana', 'watermark', '\"dog\"')")
        connection.commit()
        connection.close()
        assert [NS] == store.list_namespaces()
        assert ["k"] == [item.key for item in store.search((), query="dog")]


def test_a_store_shows_its_file(tmp_path: Path) -> None:
    """The representation and `path` name it."""
    with RoutedStore(tmp_path / "m.db") as store:
        assert f"RoutedStore({str(tmp_path / 'm.db')!r})" == repr(store)
        assert str(tmp_path / "m.db") == store.path
        assert store.embedder is None
