"""Namespaces that are searched by codes and cells: complete, in step with the file, and made once."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langgraph.store.base import PutOp

from tests.unit.store.conftest import SMALL, TopicEmbeddings, best, fill, index_of, mode_of, opened
from warmgraph.index import FlatIndex, RoutedIndex
from warmgraph.ranking import HybridScorer
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ManualClock

BIG, TINY = ("m", "big"), ("m", "tiny")
QUERIES = [str(n) for n in range(50_000, 50_030)]


def test_a_namespace_is_searched_as_its_size_demands(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """A few items are compared one by one, some hundred by codes, a thousand by cells; vectors then lie on disk."""
    with opened(tmp_path / "m.db", embed) as store:
        modes = []
        for start, stop in ((0, 150), (150, 400), (400, 1_200)):
            fill(store, BIG, range(start, stop))
            modes.append(mode_of(store, BIG))
        assert ["flat", "codes", "routed"] == modes
        figures = store.stats()
        assert 1_200 * 32 * 4 <= figures.vector_disk_bytes
        assert (2, 0) == (figures.refits, figures.failed_refits)
        store._check()
    assert ["m.db"] == [path.name for path in tmp_path.iterdir()]


def test_few_vectors_are_worth_no_file(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """A process has a thousand descriptors; namespaces of some thousand items keep their vectors in RAM."""
    with opened(tmp_path / "m.db", embed, replace(SMALL, mapped_from=2_000)) as store:
        fill(store, BIG, range(1_100))
        assert ("routed", 0) == (mode_of(store, BIG), store.stats().vector_disk_bytes)


def test_searches_find_the_best_with_exact_scores(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Nearly all of the true ten are found, and each score is the cosine."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(2_000))
        found = 0
        for query in QUERIES:
            items = store.search(BIG, query=query)
            scores = [float(embed.vector(item.key) @ embed.vector(query)) for item in items]
            assert scores == pytest.approx([item.score for item in items], abs=1e-5)
            assert sorted(scores, reverse=True) == pytest.approx(scores, abs=1e-5)
            found += len({item.key for item in items} & set(best(embed, range(2_000), query)))
        assert found >= 0.97 * 10 * len(QUERIES)


def test_a_small_tenant_beside_a_huge_one_finds_all_of_its_items(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """In its own namespace, and by a filter within the huge one, however far its items are from the query."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(1_500))
        fill(store, TINY, range(9_000, 9_007))
        assert {str(n) for n in range(9_000, 9_007)} == {item.key for item in store.search(TINY, query=QUERIES[0])}
        tenant = {"n": {"$gte": 1_493}}
        for query in QUERIES[:5]:
            items = store.search(BIG, query=query, filter=tenant)
            assert [str(n) for n in best(embed, range(1_493, 1_500), query)] == [item.key for item in items]
        both = store.search(("m",), query=QUERIES[0], limit=2_000)
        assert 1_507 == len({item.key for item in both})
        scores = [item.score for item in both if item.score is not None]
        assert sorted(scores, reverse=True) == scores


@pytest.mark.parametrize("share", [2, 20, 300])
def test_a_filter_fills_the_page(tmp_path: Path, embed: TopicEmbeddings, share: int) -> None:
    """Whether it lets half of all items through or five, a page holds as many as there are, up to the limit."""
    with opened(tmp_path / "m.db", embed) as store:
        store.batch([PutOp(BIG, str(n), {"text": str(n), "chosen": n % share == 0}) for n in range(1_500)])
        fill(store, BIG, range(1_500, 1_510))
        items = store.search(BIG, query=QUERIES[0], filter={"chosen": True})
        truth = best(embed, range(0, 1_500, share), QUERIES[0])
        assert min(10, 1_500 // share) == len(items)
        assert len({item.key for item in items} & set(truth)) >= len(truth) - 1


def test_pages_are_disjoint(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Three pages hold thirty items, in the order of their scores."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(1_500))
        pages = [store.search(BIG, query=QUERIES[0], offset=offset) for offset in (0, 10, 20)]
        keys = [item.key for page in pages for item in page]
        assert 30 == len(set(keys))
        scores = [item.score or 0.0 for page in pages for item in page]
        assert sorted(scores, reverse=True) == scores


def test_an_item_scores_by_its_best_text(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Items of several texts have several vectors, before and after codes are made, and after opening again."""
    index: Any = {**index_of(embed), "fields": ["texts[*]"]}

    def scored(store: RoutedStore) -> list[tuple[str, float]]:
        return [(item.key, round(item.score or 0, 4)) for item in store.search(BIG, query="7003", limit=3)]

    with RoutedStore(tmp_path / "m.db", index=index, vector_plan=SMALL) as store:
        store.batch([PutOp(BIG, str(n), {"texts": [f"{1_000 * part + n}" for part in range(3)]}) for n in range(600)])
        store.put(BIG, "sought", {"texts": ["5", "7003"]})
        before = scored(store)
        assert store._indexes.refits.join(60.0)
        assert "routed" == mode_of(store, BIG)
        assert ("sought", 1.0) == scored(store)[0]
        assert before == scored(store)
        store._check()
    with RoutedStore(tmp_path / "m.db", index=index, vector_plan=SMALL) as store:
        assert before == scored(store)
        assert "routed" == mode_of(store, BIG)


def test_opening_again_makes_nothing_anew(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """No text is embedded and no cell is made: routing is read from the file, and finds the same."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(1_500))
        before = [[item.key for item in store.search(BIG, query=query)] for query in QUERIES]
    again = TopicEmbeddings()
    with opened(tmp_path / "m.db", again) as store:
        after = [[item.key for item in store.search(BIG, query=query)] for query in QUERIES]
        assert ("routed", 0) == (mode_of(store, BIG), store.stats().refits)
        assert len(QUERIES) == again.documents  # the queries alone
        same = sum(len(set(left) & set(right)) for left, right in zip(before, after, strict=True))
        assert same >= 0.97 * 10 * len(QUERIES)


@pytest.mark.parametrize("damage", ["DELETE FROM state", "UPDATE state SET value = substr(value, 1, 900)"])
def test_routing_that_is_lost_or_damaged_is_made_again(tmp_path: Path, embed: TopicEmbeddings, damage: str) -> None:
    """The rows are the truth; until it is there again, every vector is compared."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(1_200))
    connection = sqlite3.connect(tmp_path / "m.db")
    with connection:
        assert 1 == connection.execute(damage).rowcount
    connection.close()
    with opened(tmp_path / "m.db", embed) as store:
        assert best(embed, range(1_200), QUERIES[0]) == [item.key for item in store.search(BIG, query=QUERIES[0])]
        assert store._indexes.refits.join(60.0)
        assert ("routed", 1) == (mode_of(store, BIG), store.stats().refits)
        store._check()


def test_what_was_written_without_an_index_in_ram_is_found(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Routing is older than the rows after a crash, or after writes elsewhere: the next opening knows all of them."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(1_200))
    with opened(tmp_path / "m.db", embed) as store:
        store.put(BIG, "3", {"text": "70000"})
        store.delete(BIG, "4")
        store.put(BIG, "new", {"text": "70001"})
    with opened(tmp_path / "m.db", embed) as store:
        assert "3" == store.search(BIG, query="70000", limit=1)[0].key
        assert "new" == store.search(BIG, query="70001", limit=1)[0].key
        assert "4" != store.search(BIG, query="4", limit=1)[0].key
        store._check()


def test_a_namespace_that_is_emptied_leaves_no_routing(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """With the last item goes what was made of the vectors."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(300))
        connection = sqlite3.connect(tmp_path / "m.db")
        assert 1 == connection.execute("SELECT count(*) FROM state").fetchone()[0]
        store.batch([PutOp(BIG, str(n), None) for n in range(300)])
        assert 0 == connection.execute("SELECT count(*) FROM state").fetchone()[0]
        connection.close()
        assert [] == store.search(BIG, query=QUERIES[0])
        store._check()


def test_indexes_beyond_the_bound_are_dropped_and_come_back(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Large namespaces leave RAM one by one, and are searched by cells again when they are used."""
    with opened(tmp_path / "m.db", embed, max_index_bytes=300_000) as store:
        for user in range(3):
            fill(store, ("m", str(user)), range(1_100))
        assert store.stats().namespaces_loaded < 3
        for user in range(3):
            assert "77" == store.search(("m", str(user)), query="77", limit=1)[0].key
            assert "routed" == mode_of(store, ("m", str(user)))
        store._check()


def test_processes_share_a_file(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Each has codes of its own, and finds what the other wrote; routing that one made is there for the next."""
    with opened(tmp_path / "m.db", embed) as one, opened(tmp_path / "m.db", embed) as other:
        fill(one, BIG, range(1_200))
        assert "5" == other.search(BIG, query="5", limit=1)[0].key
        assert ("routed", 0) == (mode_of(other, BIG), other.stats().refits)
        one.put(BIG, "5", {"text": "80000"})
        other.put(BIG, "6", {"text": "80001"})
        for store in (one, other):
            assert ["5", "6"] == [store.search(BIG, query=query, limit=1)[0].key for query in ("80000", "80001")]
            store._check()


def test_recalls_rank_a_large_namespace_as_a_small_one(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """By words and vectors together the same ten come first, whether all vectors are compared or the promising ones."""
    scorer = HybridScorer(thread_weight=0.3)
    with opened(tmp_path / "m.db", embed, scorer=scorer) as store:
        fill(store, BIG, range(1_500))
        routed = [[item.key for item in store.recall_long_term(BIG, f"{q} word7").items] for q in QUERIES]
    with RoutedStore(tmp_path / "m.db", index=index_of(embed), scorer=scorer) as store:
        exact = [[item.key for item in store.recall_long_term(BIG, f"{q} word7").items] for q in QUERIES]
        assert "flat" == mode_of(store, BIG)
    same = sum(len(set(left) & set(right)) for left, right in zip(routed, exact, strict=True))
    assert same >= 0.95 * 10 * len(QUERIES)


def test_expired_items_are_not_found(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """A time to live counts among codes as well."""
    clock = ManualClock()
    with opened(tmp_path / "m.db", embed, clock=clock) as store:
        fill(store, BIG, range(1_100))
        store.put(BIG, "mortal", {"text": "90000"}, ttl=1)
        assert "mortal" == store.search(BIG, query="90000", limit=1)[0].key
        clock.advance(minutes=2)
        assert "mortal" not in {item.key for item in store.search(BIG, query="90000")}
        assert 1_100 == len(store.search(BIG, query="90000", limit=5_000))


def test_other_distances_are_compared_one_by_one(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Codes are for the cosine; the inner product stays exact."""
    index: Any = {**index_of(embed), "distance_type": "inner_product"}
    with RoutedStore(tmp_path / "m.db", index=index, vector_plan=SMALL) as store:
        store.batch([PutOp(BIG, str(n), {"text": str(n)}) for n in range(300)])
        assert "9" == store.search(BIG, query="9", limit=1)[0].key
        assert isinstance(store.load_index(BIG).vectors, FlatIndex)


def test_searches_writes_and_refits_at_once_lose_nothing(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Threads write, delete and search while codes and cells are made: each finds what it has just written."""
    failures: list[BaseException] = []
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(150))

        def work(thread: int) -> None:
            try:
                for n in range(0, 600, 20):
                    numbers = range(100_000 * thread + n, 100_000 * thread + n + 20)
                    store.batch([PutOp(BIG, str(k), {"text": str(k)}) for k in numbers])
                    assert str(numbers[7]) == store.search(BIG, query=str(numbers[7]), limit=1)[0].key
                    store.delete(BIG, str(numbers[3]))
                    assert str(numbers[3]) != store.search(BIG, query=str(numbers[3]), limit=1)[0].key
            except BaseException as error:  # shown by the assertion below
                failures.append(error)

        threads = [threading.Thread(target=work, args=(thread,)) for thread in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100.0)
        assert [] == failures
        assert store._indexes.refits.join(60.0)
        assert 0 == store.stats().failed_refits
        assert store.stats().refits
        store._check()


def test_a_closed_store_leaves_no_refit_behind(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Closing gives up the refit that is under way, and the next opening makes it."""
    store = opened(tmp_path / "m.db", embed)
    store.batch([PutOp(BIG, str(n), {"text": str(n)}) for n in range(1_200)])
    store.load_index(BIG)
    store.close()
    assert store._indexes.refits.join(60.0)
    with opened(tmp_path / "m.db", embed) as again:
        again.load_index(BIG)
        assert again._indexes.refits.join(60.0)
        assert "routed" == mode_of(again, BIG)


def test_vectors_stay_in_ram_where_the_disk_is_full(
    tmp_path: Path, embed: TopicEmbeddings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A search must not fail because there is no room for a cache."""

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(1_200))
        assert ("routed", 0) == (mode_of(store, BIG), store.stats().vector_disk_bytes)
        assert "7" == store.search(BIG, query="7", limit=1)[0].key
        store._check()
    assert "stay in RAM" in caplog.text


# -- signals ----------------------------------------------------------------------------------------------------------


def test_a_store_says_how_sure_a_search_is(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """A stored text is near a cell, and noise is not; a threshold and a filter hold; sync and async agree."""
    with opened(tmp_path / "m.db", embed) as store:
        fill(store, BIG, range(1_500))
        found = store.search_with_signals(BIG, "77", limit=3)
        assert found.signals is not None
        assert ("77", 3) == (found.items[0].key, len(found.items))
        assert 0 < found.signals.probed_cells <= 64
        assert found.signals.candidates < 1_600
        assert 0 < found.signals.confidence <= 1
        assert 0 <= found.signals.quantization_error < 0.6
        assert ["77"] == [item.key for item in store.search_with_signals(BIG, "77", score_threshold=0.999).items]
        few = store.search_with_signals(BIG, "77", filter={"n": {"$lt": 3}})
        assert {"0", "1", "2"} == {item.key for item in few.items}


async def test_signals_on_an_event_loop_are_the_same(embed: TopicEmbeddings) -> None:
    """The async twin of either store gives the same answer."""
    store = await asyncio.to_thread(opened, ":memory:", embed)
    await store.abatch([PutOp(TINY, str(n), {"text": str(n)}) for n in range(20)])
    warm = WarmStore(store)
    expected = await asyncio.to_thread(store.search_with_signals, TINY, "7")
    assert expected == await store.asearch_with_signals(TINY, "7")
    assert expected == await asyncio.to_thread(warm.search_with_signals, TINY, "7")
    assert expected == await warm.asearch_with_signals(TINY, "7")
    assert expected.signals is not None
    assert (1.0, 20, False) == (expected.signals.confidence, expected.signals.candidates, expected.signals.fallback)
    await store.aclose()


def test_signals_need_vectors() -> None:
    """Without an index, behind another store, or with a threshold that is no number, a typed error says so."""
    with RoutedStore(":memory:") as store, pytest.raises(ValueError, match="index"):
        store.search_with_signals(TINY, "anything")
    with pytest.raises(ValueError, match="long_term"):
        WarmStore().search_with_signals(TINY, "anything")
    with RoutedStore(":memory:") as store:
        for threshold in ("high", float("nan"), True):
            with pytest.raises(ValueError, match="score_threshold"):
                store.search_with_signals(TINY, "anything", score_threshold=threshold)  # type: ignore[arg-type]


def test_signals_are_none_while_words_rank(tmp_path: Path, embed: TopicEmbeddings) -> None:
    """Vectors of another model are not compared, and nothing is said about them."""
    with opened(tmp_path / "m.db", embed) as store:
        store.put(TINY, "1", {"text": "1 lisbon"})
    other: Any = {"dims": 8, "embed": lambda texts: np.eye(8)[: len(texts)].tolist(), "fields": ["text"]}
    with RoutedStore(tmp_path / "m.db", index=other) as store:
        found = store.search_with_signals(TINY, "lisbon")
        assert (["1"], None) == ([item.key for item in found.items], found.signals)


def test_a_large_index_is_a_routed_one(embed: TopicEmbeddings) -> None:
    """Also of a store in memory, whose vectors stay there."""
    with opened(":memory:", embed) as store:
        fill(store, BIG, range(1_100))
        assert isinstance(store.load_index(BIG).vectors, RoutedIndex)
        assert ("routed", 0) == (mode_of(store, BIG), store.stats().vector_disk_bytes)
        assert "7" == store.search(BIG, query="7", limit=1)[0].key
