"""What a routed index does beyond what holds for all: it changes its ways with its size, and knows how sure it is."""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.index.conftest import flat_copy
from warmgraph.errors import InvalidArgumentError
from warmgraph.index import FloatArray, Metric, Plan, RoutedIndex, VectorIndex

Topics = Callable[..., FloatArray]

SMALL = Plan(codes_from=200, routed_from=1_000, fewest=40, reranked=100, batch=16)
"""All ways of an index within a few thousand vectors."""


def _loaded(vectors: FloatArray, path: Path | None = None, plan: Plan = SMALL) -> RoutedIndex:
    index = RoutedIndex(vectors.shape[1], path=path, plan=plan)
    index.upsert(np.arange(len(vectors)), vectors)
    return index


def _recall(index: VectorIndex, truth: VectorIndex, queries: FloatArray, k: int = 10) -> float:
    found = [
        len(set(index.search(query, k).slots.tolist()) & set(truth.search(query, k).slots.tolist())) / k
        for query in queries
    ]
    return float(np.mean(found))


# -- ways ----------------------------------------------------------------------------------------------------------


def test_the_way_changes_with_the_number(topics: Topics) -> None:
    """Written one by one: exact first, then codes, and cells once a refit has made them."""
    index, vectors = RoutedIndex(64, plan=SMALL), topics(1_100)
    modes = []
    for slot, vector in enumerate(vectors):
        index.upsert([slot], vector[None])
        modes.append((index.stats().mode, index.refit_due))

    assert ("flat", False) == modes[198]
    assert ("codes", False) == modes[199]
    assert ("codes", True) == modes[-1]
    assert index.refit()
    assert ("routed", False) == (index.stats().mode, index.refit_due)
    index._check()


def test_a_first_load_makes_cells_at_once(topics: Topics) -> None:
    """Whoever brings everything in one call need not refit."""
    stats = _loaded(topics(2_000)).stats()

    assert ("routed", 2_000, False) == (stats.mode, stats.items, stats.refit_due)
    assert stats.nlist == SMALL.cells(2_000)


def test_most_of_the_true_best_are_found(topics: Topics) -> None:
    """With codes and with cells the best ten are nearly those of an exact search, with exact scores."""
    vectors, queries = topics(6_000), topics(100, seed=1)
    truth = flat_copy(vectors)
    for plan in (SMALL, Plan(codes_from=200, routed_from=10**9, reranked=100)):
        index = _loaded(vectors, plan=plan)

        assert _recall(index, truth, queries) >= 0.97
        hits = index.search(queries[0], 10)
        np.testing.assert_allclose(vectors[hits.slots] @ queries[0], hits.scores, atol=1e-6)


@pytest.mark.parametrize("dims", [8, 100, 384, 4096])
def test_any_number_of_dimensions_works(topics: Topics, dims: int) -> None:
    """Short vectors get more bits than they have components, long ones fewer."""
    vectors, queries = topics(1_500, dims), topics(20, dims, seed=1)
    index = _loaded(vectors)

    index._check()
    assert _recall(index, flat_copy(vectors), queries) >= 0.9


def test_all_cells_and_a_full_comparison_are_exact(topics: Topics) -> None:
    """Probing every cell and comparing nearly every vector exactly gives what an exact index gives."""
    vectors, queries = topics(1_500), topics(30, seed=1)
    index = _loaded(vectors, plan=Plan(codes_from=200, routed_from=1_000, probed=1.0, reranked=740))
    truth = flat_copy(vectors)

    for query in queries:
        expected, found = truth.search(query, 10), index.search(query, 10)
        assert expected.slots.tolist() == found.slots.tolist()
        np.testing.assert_allclose(expected.scores, found.scores, atol=1e-6)


def test_equal_vectors_do_not_stand_in_the_way() -> None:
    """Thousands of copies of one vector are one place in space; codes, cells and the choice among them hold."""
    rows = np.repeat(np.eye(32, dtype=np.float32)[:2], [3_000, 5], axis=0)
    index = _loaded(rows)

    assert 10 == len(index.search(rows[0], 10).slots)
    np.testing.assert_allclose(1.0, index.search(rows[-1], 5).scores, atol=1e-6)
    index._check()


def test_more_hits_than_vectors(topics: Topics) -> None:
    """All vectors come back, each once, when more are asked for."""
    index = _loaded(topics(1_500))

    assert list(range(1_500)) == sorted(index.search(topics(1, seed=1)[0], 5_000).slots.tolist())


@pytest.mark.parametrize("metric", ["dot", "l2"])
def test_other_metrics_are_refused(metric: Metric) -> None:
    """Codes and cells are made for the cosine; the error names the index that has the others."""
    with pytest.raises(InvalidArgumentError, match="FlatIndex"):
        RoutedIndex(8, metric)


# -- masks ---------------------------------------------------------------------------------------------------------


def test_a_small_tenant_beside_a_huge_one_finds_all_of_its_rows(topics: Topics) -> None:
    """However far its rows are from the query, and however many better ones are not allowed."""
    vectors = topics(5_000)
    index = _loaded(vectors)
    tenant = np.random.default_rng(3).choice(5_000, 40, replace=False)
    allowed = np.zeros(5_000, bool)
    allowed[tenant] = True

    for query in topics(10, seed=1):
        hits = index.search(query, 40, allowed=allowed)

        assert sorted(tenant.tolist()) == sorted(hits.slots.tolist())


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_recall_under_a_mask(topics: Topics, share: float) -> None:
    """Few allowed or many: the best of them are found."""
    vectors, queries = topics(5_000), topics(40, seed=1)
    index, truth = _loaded(vectors), flat_copy(vectors)
    allowed = np.random.default_rng(4).random(5_000) < share

    found = [
        len(
            set(index.search(query, 10, allowed=allowed).slots.tolist())
            & set(truth.search(query, 10, allowed=allowed).slots.tolist())
        )
        for query in queries
    ]
    assert sum(found) / 400 >= 0.97


# -- signals -------------------------------------------------------------------------------------------------------


def test_signals_say_how_sure_a_search_is(topics: Topics) -> None:
    """A stored vector is nearer to its cell than noise is, and its margin larger."""
    vectors = topics(6_000)
    index = _loaded(vectors, plan=Plan(codes_from=200, routed_from=1_000, fallback_margin=-9.0, reranked=100))
    noise = np.random.default_rng(7).standard_normal(64).astype(np.float32)
    known = index.search_with_signals(vectors[17], 1).signals
    unknown = index.search_with_signals(noise, 10).signals

    assert known.quantization_error < unknown.quantization_error <= 2.0
    assert known.margin > unknown.margin
    assert 0.0 < unknown.confidence < known.confidence <= 1.0
    assert (index.plan.nprobe(index.stats().nlist), False) == (known.probed_cells, known.fallback)


def test_an_unsure_search_looks_further() -> None:
    """Where the margin is below the plan's, a quarter of all cells is searched, and the answer is better for it."""
    noise = np.random.default_rng(0).standard_normal((6_060, 64), dtype=np.float32)
    vectors, queries = noise[:6_000], noise[6_000:]
    truth = flat_copy(vectors)
    narrow = Plan(codes_from=200, routed_from=1_000, probed=0.01, fewest=1, fallback_margin=-9.0)
    careful = Plan(codes_from=200, routed_from=1_000, probed=0.01, fewest=1, fallback_margin=9.0)

    unsure, sure = _loaded(vectors, plan=narrow), _loaded(vectors, plan=careful)

    signals = sure.search_with_signals(queries[0], 10).signals
    assert (True, sure.stats().nlist // 4) == (signals.fallback, signals.probed_cells)
    assert _recall(unsure, truth, queries) + 0.05 < _recall(sure, truth, queries)


def test_without_codes_a_search_is_sure() -> None:
    """An exact search says so."""
    index = RoutedIndex(4)
    index.upsert([0], np.ones((1, 4), np.float32))

    assert 1.0 == index.search_with_signals(np.ones(4, np.float32), 1).signals.confidence


# -- writes --------------------------------------------------------------------------------------------------------


def test_what_is_written_is_found_at_once(topics: Topics) -> None:
    """New, replaced and removed vectors show in the very next search, before and after they get codes."""
    vectors, newer = topics(2_000), topics(200, seed=5)
    index = _loaded(vectors)
    for at, vector in enumerate(newer):
        slot = 7 * at if at % 2 else 2_000 + at
        index.upsert([slot], vector[None])

        assert slot == index.search(vector, 1).slots[0]
        index.remove([slot])
        assert slot not in index.search(vector, 5).slots
    index._check()


def test_an_updated_item_stands_once(topics: Topics) -> None:
    """Written a hundred times, an item is there once, with its newest vector."""
    index = _loaded(topics(1_500))
    for vector in topics(100, seed=6):
        index.upsert([42], vector[None])

    index._check()
    assert 1_500 == len(index)
    np.testing.assert_allclose(vector[None], index.vectors_of(42), atol=1e-6)
    assert 1 == int((index.search(vector, 1_500).slots == 42).sum())


def test_reads_change_nothing(topics: Topics) -> None:
    """A thousand searches leave every centroid and every code where it was."""
    index = _loaded(topics(2_000))
    before, after = io.BytesIO(), io.BytesIO()
    index.save(before)
    for query in topics(1_000, seed=8):
        index.search_with_signals(query, 5)
    index.save(after)

    assert before.getvalue() == after.getvalue()


def test_recall_survives_churn(topics: Topics) -> None:
    """Each item replaced or removed and added again three times: found as well as in a fresh index."""
    vectors, queries = topics(3_000), topics(100, seed=1)
    truth, index = flat_copy(vectors), _loaded(vectors)
    fresh = _recall(index, truth, queries)
    rng = np.random.default_rng(2)
    for lap in range(3):
        order = rng.permutation(3_000)
        for start in range(0, 3_000, 40):
            slots = order[start : start + 40]
            if lap == 1:
                index.remove(slots.tolist())
            elif lap == 0:
                index.upsert(slots, topics(len(slots), seed=start))
            index.upsert(slots, vectors[slots])

    index._check()
    assert len(index) == 3_000
    assert _recall(index, truth, queries) >= fresh - 0.005


def test_cells_follow_what_is_written(topics: Topics) -> None:
    """Where much is written to one place its cell is split; where all is removed cells are given up."""
    index = _loaded(topics(1_500))
    cells = index.stats().nlist
    rng = np.random.default_rng(3)
    centre = topics(1)[0]
    for at in range(40):
        near = centre + 0.05 * rng.standard_normal((16, 64)).astype(np.float32)
        index.upsert(np.arange(2_000 + 16 * at, 2_016 + 16 * at), near)
    crowded = index.stats()
    for at in range(40):
        index.remove(range(2_000 + 16 * at, 2_016 + 16 * at))
    index.remove(range(1_000))
    for slot in range(1_000, 1_400):
        index.remove([slot])

    assert crowded.nlist > cells
    assert index.stats().nlist < crowded.nlist
    index._check()


def test_an_index_that_is_emptied_starts_anew(topics: Topics) -> None:
    """After the last vector is gone nothing of codes and cells is left."""
    index = _loaded(topics(1_500))
    index.remove(range(1_500))

    assert ("flat", 0, 0) == (index.stats().mode, index.stats().items, len(index))
    index.upsert([3], topics(1))
    assert [3] == index.search(topics(1)[0], 5).slots.tolist()


def test_writes_from_elsewhere_are_noticed(topics: Topics) -> None:
    """What lies far from all cells raises the alarm, and a refit settles it; more of the same does not."""
    index = _loaded(topics(3_000))
    for start in range(0, 960, 16):
        index.upsert(np.arange(3_000 + start, 3_016 + start), topics(16, seed=start + 1))
    same = index.refit_due
    rng = np.random.default_rng(5)
    for start in range(0, 960, 16):
        noise = rng.standard_normal((16, 64)).astype(np.float32)
        index.upsert(np.arange(4_000 + start, 4_016 + start), noise)

    assert (False, True) == (same, index.refit_due)
    assert index.refit()
    assert not index.refit_due


# -- refits --------------------------------------------------------------------------------------------------------


def test_a_refit_keeps_all_and_finds_as_well(topics: Topics) -> None:
    """Several vectors of a slot, recent writes and removed ones: all as before."""
    vectors, queries = topics(3_000), topics(60, seed=1)
    index = _loaded(vectors)
    index.upsert([3_000, 3_000, 5], topics(3, seed=9))
    index.remove([7])
    before = index.scores(queries[0], 3_100)

    assert index.refit()

    index._check()
    np.testing.assert_array_equal(before, index.scores(queries[0], 3_100))
    assert (2, 1, 0) == tuple(len(index.vectors_of(slot)) for slot in (3_000, 5, 7))


def test_there_is_nothing_to_refit_in_a_small_index() -> None:
    """Without codes a refit has nothing to do, and says so."""
    assert not RoutedIndex(8).refit()


def test_searches_and_writes_go_on_during_a_refit(topics: Topics) -> None:
    """Threads write, remove and search while another refits again and again: nothing is lost, nothing stands twice."""
    index = _loaded(topics(2_500))
    lock, stop = threading.RLock(), threading.Event()
    model: dict[int, FloatArray] = dict(enumerate(topics(2_500)))
    failures: list[BaseException] = []
    refits: list[bool] = []

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # shown by the assertion below
                failures.append(error)
            finally:
                stop.set()

        return run

    def refit() -> None:
        for _ in range(3):
            refits.append(index.refit(lock))

    def write() -> None:
        rng, step = random.Random(1), 0
        while not stop.is_set():
            step += 1
            slot, vector = rng.randrange(3_000), topics(1, seed=step)
            with lock:
                if rng.random() < 0.3:
                    index.remove([slot])
                    model.pop(slot, None)
                else:
                    index.upsert([slot], vector)
                    model[slot] = vector[0]

    def search() -> None:
        while not stop.is_set():
            with lock:
                if not model:
                    continue
                slot, vector = random.choice(list(model.items()))
                assert abs(index.search(vector, 1).scores[0] - 1.0) < 1e-5, slot

    threads = [threading.Thread(target=guarded(work)) for work in (refit, write, search)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == failures
    assert [True] * 3 == refits
    index._check()
    assert len(model) == len(index)
    for slot, vector in model.items():
        np.testing.assert_allclose(vector[None], index.vectors_of(slot), atol=1e-6)


def test_a_load_overtakes_a_refit(topics: Topics) -> None:
    """A refit that finds other cells in place of those it began with leaves them alone."""
    vectors = topics(3_000)
    index = _loaded(vectors[:1_000])

    class Overtaking:
        """A lock under which, the third time, everything is loaded."""

        taken = 0

        def __enter__(self) -> None:
            self.taken += 1
            if self.taken == 3:
                index.upsert(np.arange(1_000, 3_000), vectors[1_000:])

        def __exit__(self, *_: object) -> None: ...

    assert not index.refit(Overtaking())
    index._check()
    assert 3_000 == len(index)
    assert index.refit()


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("count", [50, 500, 2_000])
def test_a_saved_index_is_the_same_when_loaded(tmp_path: Path, topics: Topics, mapped: bool, count: int) -> None:
    """Flat, with codes and with cells, in RAM and in a mapped file: not a score differs."""
    path = tmp_path / "vectors" if mapped else None
    index = _loaded(topics(count), path)
    index.upsert([count, count, 3], topics(3, seed=4))
    index.remove([9])
    index.save(tmp_path / "index")
    loaded = RoutedIndex.load(tmp_path / "index", 64, path=path, plan=SMALL)

    loaded._check()
    assert index.stats().mode == loaded.stats().mode
    query = topics(1, seed=2)[0]
    np.testing.assert_array_equal(index.scores(query, count + 5), loaded.scores(query, count + 5))
    assert index.search(query, 10).slots.tolist() == loaded.search(query, 10).slots.tolist()
    np.testing.assert_array_equal(index.vectors_of(count), loaded.vectors_of(count))
    loaded.upsert(np.arange(5_000, 5_040), topics(40, seed=6))
    loaded._check()


def test_vectors_that_changed_after_the_last_save_are_missing(tmp_path: Path, topics: Topics) -> None:
    """After a crash the mapped file is newer than what was saved: no slot comes back with another's vector."""
    vectors = topics(2_000)
    index = _loaded(vectors, tmp_path / "vectors")
    index.save(tmp_path / "index")
    rng = np.random.default_rng(1)
    for start in range(0, 320, 16):
        index.remove(rng.choice(2_000, 20).tolist())
        index.upsert(np.arange(2_000 + start, 2_016 + start), topics(16, seed=start + 1))

    loaded = RoutedIndex.load(tmp_path / "index", 64, path=tmp_path / "vectors", plan=SMALL)

    loaded._check()
    kept = [slot for slot in range(2_000) if slot in loaded]
    assert 1_000 < len(kept) < 2_000
    for slot in kept:
        np.testing.assert_allclose(vectors[slot][None], loaded.vectors_of(slot), atol=1e-6)
    loaded.upsert(np.arange(2_000), vectors)
    loaded._check()


def test_what_is_no_saved_index_is_refused(tmp_path: Path, topics: Topics) -> None:
    """Noise, a damaged file, other dimensions, a mapped file that is gone: each is named."""
    index = _loaded(topics(2_000), tmp_path / "vectors")
    index.save(tmp_path / "index")
    whole = (tmp_path / "index").read_bytes()
    (tmp_path / "noise").write_bytes(b"no index at all")
    (tmp_path / "short").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped").write_bytes(whole[:40_000] + bytes([whole[40_000] ^ 1]) + whole[40_001:])

    for name in ("noise", "short", "flipped"):
        with pytest.raises(InvalidArgumentError, match="a saved index, undamaged"):
            RoutedIndex.load(tmp_path / name, 64, path=tmp_path / "vectors")
    with pytest.raises(InvalidArgumentError, match="32 dimensions"):
        RoutedIndex.load(tmp_path / "index", 32)
    with pytest.raises(InvalidArgumentError, match="the file of its vectors"):
        RoutedIndex.load(tmp_path / "index", 64, path=tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        RoutedIndex.load(tmp_path / "nothing", 64)


def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path, topics: Topics) -> None:
    """Nothing half written takes the place of a good file, and nothing is left lying about."""
    index = _loaded(topics(500))
    index.save(tmp_path / "index")
    before = (tmp_path / "index").read_bytes()
    (tmp_path / "folder").mkdir()

    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's choice
        index.save(tmp_path / "folder")

    assert before == (tmp_path / "index").read_bytes()
    assert ["folder", "index"] == sorted(path.name for path in tmp_path.iterdir())


def test_vectors_on_disk_leave_codes_in_ram(tmp_path: Path) -> None:
    """RAM holds at most 64 bytes a vector, whatever the length of the vectors; the file holds them all."""
    vectors = np.random.default_rng(0).standard_normal((20_000, 384), dtype=np.float32)
    stats = _loaded(vectors, tmp_path, Plan()).stats()

    assert stats.ram_bytes_per_vector <= 64
    assert stats.disk_bytes >= 20_000 * 384 * 4


def test_files_of_an_earlier_life_are_removed(tmp_path: Path, topics: Topics) -> None:
    """A refit leaves one file behind, `close` none."""
    index = _loaded(topics(2_000), tmp_path)
    index.refit()

    assert 1 == len(list(tmp_path.iterdir()))
    index.close()
    assert [] == list(tmp_path.iterdir())
