"""The faults that were measured in routing-memory, shown absent."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langgraph.store.base import PutOp

from tests.unit.store.conftest import TopicEmbeddings, fill, mode_of, opened
from warmgraph.index import Codebook, FloatArray

NS = ("m", "all")


def test_an_updated_item_stands_once(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """There, an updated id was found twice, by its old text and by its new one."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, NS, range(1_100))
        for n in range(60_000, 60_040):
            store.put(NS, "7", {"text": str(n)})
        found = store.search(NS, query="60039", limit=1_200)
        assert 1_100 == len(found) == len({item.key for item in found})
        assert ("7", 1.0) == (found[0].key, round(found[0].score or 0, 4))
        old = [item for item in store.search(NS, query="7", limit=1_200) if item.key == "7"]
        assert 1 == len(old)
        assert (old[0].score or 0) < 0.99
        store._check()


def test_an_item_can_be_deleted(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """There was no way to delete: here nothing of an item is left, in the index or in the file."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, NS, range(1_100))
        store.delete(NS, "7")
        assert "7" not in {item.key for item in store.search(NS, query="7", limit=1_200)}
        index = store.load_index(NS)
        assert index.slot("7") is None
        connection = sqlite3.connect(store.path)
        assert 1_099 == connection.execute("SELECT count(*) FROM vectors_1").fetchone()[0]
        connection.close()
        store._check()


def test_a_codebook_that_was_kept_is_loaded(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """There, the saved codebook was never read and every opening refitted: here the cells are where they were."""

    def centroids(store: Any) -> Any:
        return store.load_index(NS).vectors.routing().codebook.centroids_

    with opened(tmp_path / "m.db", embed) as store:
        fill(store, NS, range(1_100))
        before = centroids(store).copy()
    with opened(tmp_path / "m.db", embed) as store:
        after = centroids(store)
        assert 0 == store.stats().refits
        # Cells are the running means of their members, which came in another order.
        assert float(np.median(np.vecdot(before, after))) > 0.95


def test_reads_move_no_centroid(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """There, a search moved the cell it looked at, until items sat in the wrong one."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, NS, range(1_100))
        vectors: Any = store.load_index(NS).vectors
        before = vectors.routing().codebook.centroids_.copy()
        for n in range(300):
            store.search(NS, query=str(40_000 + n))
            store.search_with_signals(NS, str(n))
        np.testing.assert_array_equal(before, vectors.routing().codebook.centroids_)
        vectors._check()


def test_writers_and_readers_do_not_wait_for_a_refit(
    tmp_path: Path, embed: TopicEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, adding an item blocked for 6.8 s while cells were made: here both go on, however long it takes."""
    fitting, go_on = threading.Event(), threading.Event()
    fit = Codebook.fit

    def endless(self: Codebook, vectors: FloatArray, rest: float = 0.0) -> Codebook:
        fitting.set()
        assert go_on.wait(60.0)
        return fit(self, vectors, rest)

    monkeypatch.setattr(Codebook, "fit", endless)
    with opened(tmp_path / "m.db", embed) as store:
        store.batch([PutOp(NS, str(n), {"text": str(n)}) for n in range(1_100)])
        store.load_index(NS)
        assert fitting.wait(60.0)
        for n in range(2_000, 2_020):
            store.put(NS, str(n), {"text": str(n)})
            assert str(n) == store.search(NS, query=str(n), limit=1)[0].key
        store.delete(NS, "2005")
        assert 0 == store.stats().refits
        go_on.set()
        assert store._indexes.refits.join(60.0)
        assert ("routed", 1) == (mode_of(store, NS), store.stats().refits)
        assert "2019" == store.search(NS, query="2019", limit=1)[0].key
        store._check()


def test_as_many_results_as_were_asked_for(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """There, `top_k` was cut to 5."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, NS, range(1_100))
        for limit in (1, 6, 50, 700, 1_100):
            assert limit == len(store.search(NS, query="40000", limit=limit))
            assert limit == len(store.search_with_signals(NS, "40000", limit=limit).items)


def test_six_threads_keep_all_nine_hundred_items(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """There, 561 of them were left."""
    with opened(tmp_path / "m.db", embed) as store:
        store.load_index(NS)

        def write(thread: int) -> None:
            for n in range(150):
                store.put(NS, f"{thread}-{n}", {"text": str(1_000 * thread + n)})

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write, range(6)))
        assert store._indexes.refits.join(60.0)
        assert "codes" == mode_of(store, NS)
        expected = {f"{thread}-{n}" for thread in range(6) for n in range(150)}
        assert expected == {item.key for item in store.search(NS, query="5", limit=1_000)}
        store._check()


def test_vectors_of_a_large_namespace_are_not_in_ram(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """There, "768x compression" came with every vector in RAM as an object: here the figures tell RAM from disk."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, NS, range(1_100))
        vectors: Any = store.load_index(NS).vectors
        figures = vectors.stats()
        assert figures.disk_bytes >= 1_100 * 32 * 4
        assert figures.ram_bytes_per_vector < 120  # of a small one; at 100,000 vectors about 60
