"""What a routed index does beyond what holds for all: it changes its ways with its size, and knows how sure it is."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.index.conftest import SMALL, flat_copy, loaded, recall_of
from warmgraph.errors import InvalidArgumentError
from warmgraph.index import FlatIndex, FloatArray, Metric, Plan, RoutedIndex

Topics = Callable[..., FloatArray]

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
    stats = loaded(topics(2_000)).stats()

    assert ("routed", 2_000, False) == (stats.mode, stats.items, stats.refit_due)
    assert stats.nlist == SMALL.cells(2_000)


def test_most_of_the_true_best_are_found(topics: Topics) -> None:
    """With codes and with cells the best ten are nearly those of an exact search, with exact scores."""
    vectors, queries = topics(6_000), topics(100, seed=1)
    truth = flat_copy(vectors)
    for plan in (SMALL, Plan(codes_from=200, routed_from=10**9, reranked=100)):
        index = loaded(vectors, plan=plan)

        assert recall_of(index, truth, queries) >= 0.97
        hits = index.search(queries[0], 10)
        np.testing.assert_allclose(vectors[hits.slots] @ queries[0], hits.scores, atol=1e-6)


@pytest.mark.parametrize("dims", [8, 100, 384, 4096])
def test_any_number_of_dimensions_works(topics: Topics, dims: int) -> None:
    """Short vectors get more bits than they have components, long ones fewer."""
    vectors, queries = topics(1_500, dims), topics(20, dims, seed=1)
    index = loaded(vectors)

    index._check()
    assert recall_of(index, flat_copy(vectors), queries) >= 0.9


def test_all_cells_and_a_full_comparison_are_exact(topics: Topics) -> None:
    """Probing every cell and comparing nearly every vector exactly gives what an exact index gives."""
    vectors, queries = topics(1_500), topics(30, seed=1)
    index = loaded(vectors, plan=Plan(codes_from=200, routed_from=1_000, probed=1.0, reranked=740, slack=384))
    truth = flat_copy(vectors)

    for query in queries:
        expected, found = truth.search(query, 10), index.search(query, 10)
        assert expected.slots.tolist() == found.slots.tolist()
        np.testing.assert_allclose(expected.scores, found.scores, atol=1e-6)


def test_equal_vectors_do_not_stand_in_the_way() -> None:
    """Thousands of copies of one vector are one place in space; codes, cells and the choice among them hold."""
    rows = np.repeat(np.eye(32, dtype=np.float32)[:2], [3_000, 5], axis=0)
    index = loaded(rows)

    assert 10 == len(index.search(rows[0], 10).slots)
    np.testing.assert_allclose(1.0, index.search(rows[-1], 5).scores, atol=1e-6)
    index._check()


def test_more_hits_than_vectors(topics: Topics) -> None:
    """All vectors come back, each once, when more are asked for."""
    index = loaded(topics(1_500))

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
    index = loaded(vectors)
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
    index, truth = loaded(vectors), flat_copy(vectors)
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
    index = loaded(vectors, plan=Plan(codes_from=200, routed_from=1_000, fallback_margin=-9.0, reranked=100))
    noise = np.random.default_rng(7).standard_normal(64).astype(np.float32)
    known = index.search_with_signals(vectors[17], 1).signals
    unknown = index.search_with_signals(noise, 10).signals

    assert known.quantization_error < unknown.quantization_error <= 2.0
    assert known.margin > unknown.margin
    assert 0.0 < unknown.confidence < known.confidence <= 1.0
    assert (index.plan.nprobe(index.stats().nlist), False) == (known.probed_cells, known.fallback)


def test_an_unsure_search_looks_further() -> None:
    """Where the margin is below the plan's, a third of all cells is searched, and the answer is better for it."""
    noise = np.random.default_rng(0).standard_normal((6_060, 64), dtype=np.float32)
    vectors, queries = noise[:6_000], noise[6_000:]
    truth = flat_copy(vectors)
    narrow = Plan(codes_from=200, routed_from=1_000, probed=0.01, fewest=1, fallback_margin=-9.0)
    careful = Plan(codes_from=200, routed_from=1_000, probed=0.01, fewest=1, fallback_margin=9.0)

    unsure, sure = loaded(vectors, plan=narrow), loaded(vectors, plan=careful)

    signals = sure.search_with_signals(queries[0], 10).signals
    assert (True, math.ceil(Plan().fallback_probed * sure.stats().nlist)) == (signals.fallback, signals.probed_cells)
    assert recall_of(unsure, truth, queries) + 0.05 < recall_of(sure, truth, queries)


def test_a_second_look_goes_on_where_the_first_has_ended(topics: Topics) -> None:
    """Over all cells and codes it finds what an exact search does: nothing is left out between them, or found twice."""
    plan = Plan(codes_from=200, routed_from=1_000, probed=0.05, fewest=1, reranked=20, slack=2, batch=16)
    thorough = replace(plan, fallback_margin=9.0, fallback_probed=1.0, fallback_slack=384, fallback_reranked=500)
    vectors = topics(3_020)
    slots = np.concatenate([np.arange(3_000), np.arange(20)])  # some have two
    allowed = np.random.default_rng(5).random(3_000) < 0.8
    truth, index = FlatIndex(64), RoutedIndex(64, plan=thorough)
    for each in (truth, index):
        each.upsert(slots, vectors)
        each.upsert([7, 2_999], topics(2, seed=9))

    for query in topics(20, seed=1):
        for mask in (None, allowed):
            expected, found = truth.search(query, 15, allowed=mask), index.search(query, 15, allowed=mask)
            assert expected.slots.tolist() == found.slots.tolist()
            np.testing.assert_allclose(expected.scores, found.scores, atol=1e-6)
    assert index.search_with_signals(topics(1, seed=2)[0], 15).signals.fallback


def test_a_second_look_goes_no_further_than_the_margin_asks_for(topics: Topics) -> None:
    """The nearer the first look came to what was wanted, the fewer cells are probed after it."""
    index, query = loaded(topics(6_000)), topics(1, seed=1)[0]
    probed = []
    for short in (0.0, 0.05, 0.1, 0.4):
        index.plan = replace(SMALL, fewest=20, fallback_margin=-9.0)
        margin = index.search_with_signals(query, 10).signals.margin
        index.plan = replace(index.plan, fallback_margin=margin + short, fallback_probed=0.9)
        probed.append(index.search_with_signals(query, 10).signals.probed_cells)

    assert sorted(set(probed)) == probed
    assert probed[0] == index.plan.nprobe(index.stats().nlist)


def test_without_codes_a_search_is_sure() -> None:
    """An exact search says so."""
    index = RoutedIndex(4)
    index.upsert([0], np.ones((1, 4), np.float32))

    assert 1.0 == index.search_with_signals(np.ones(4, np.float32), 1).signals.confidence


# -- writes --------------------------------------------------------------------------------------------------------


def test_what_is_written_is_found_at_once(topics: Topics) -> None:
    """New, replaced and removed vectors show in the very next search, before and after they get codes."""
    vectors, newer = topics(2_000), topics(200, seed=5)
    index = loaded(vectors)
    for at, vector in enumerate(newer):
        slot = 7 * at if at % 2 else 2_000 + at
        index.upsert([slot], vector[None])

        assert slot == index.search(vector, 1).slots[0]
        index.remove([slot])
        assert slot not in index.search(vector, 5).slots
    index._check()


def test_an_updated_item_stands_once(topics: Topics) -> None:
    """Written a hundred times, an item is there once, with its newest vector."""
    index = loaded(topics(1_500))
    for vector in topics(100, seed=6):
        index.upsert([42], vector[None])

    index._check()
    assert 1_500 == len(index)
    np.testing.assert_allclose(vector[None], index.vectors_of(42), atol=1e-6)
    assert 1 == int((index.search(vector, 1_500).slots == 42).sum())


def test_reads_change_nothing(topics: Topics) -> None:
    """A thousand searches leave every centroid and every code where it was."""
    index = loaded(topics(2_000))
    before, after = io.BytesIO(), io.BytesIO()
    index.save(before)
    for query in topics(1_000, seed=8):
        index.search_with_signals(query, 5)
    index.save(after)

    assert before.getvalue() == after.getvalue()


def test_recall_survives_churn(topics: Topics) -> None:
    """Each item replaced or removed and added again three times: found as well as in a fresh index."""
    vectors, queries = topics(3_000), topics(100, seed=1)
    truth, index = flat_copy(vectors), loaded(vectors)
    fresh = recall_of(index, truth, queries)
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
    assert recall_of(index, truth, queries) >= fresh - 0.005


def test_cells_follow_what_is_written(topics: Topics) -> None:
    """Where much is written to one place its cell is split; where all is removed cells are given up."""
    index = loaded(topics(1_500))
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
    index = loaded(topics(1_500))
    index.remove(range(1_500))

    assert ("flat", 0, 0) == (index.stats().mode, index.stats().items, len(index))
    index.upsert([3], topics(1))
    assert [3] == index.search(topics(1)[0], 5).slots.tolist()


def test_writes_from_elsewhere_are_noticed(topics: Topics) -> None:
    """What lies far from all cells raises the alarm, and a refit settles it; more of the same does not."""
    index = loaded(topics(3_000))
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


# -- size ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("routed_from", [1_000, 10**9])
def test_a_vector_takes_no_more_than_64_bytes(topics: Topics, tmp_path: Path, routed_from: int) -> None:
    """With vectors on disk, at any time: loaded at once, written to one by one, made anew."""
    plan = Plan(codes_from=200, routed_from=routed_from, nlist=100)  # 40 a cell, as of 60,000
    index = loaded(topics(4_000, 96), tmp_path, plan)
    taken = [index.stats().ram_bytes_per_vector]
    for slot, vector in enumerate(topics(1_200, 96, seed=1), start=4_000):
        index.upsert([slot], vector[None])
        taken.append(index.stats().ram_bytes_per_vector)
    assert index.refit()
    taken.append(index.stats().ram_bytes_per_vector)

    assert max(taken) <= 64.0
    index.close()


def test_recent_writes_take_room_for_themselves_alone(topics: Topics) -> None:
    """What waits for codes takes as much beside a million slots as beside a thousand."""
    taken = []
    for first in (1_000, 1_000_000):
        index = RoutedIndex(64, plan=SMALL)
        index.upsert(np.arange(first, first + 1_000), topics(1_000))
        before = index.stats().fixed_bytes
        index.upsert([first, first + 2_000], topics(2, seed=1))
        taken.append(index.stats().fixed_bytes - before)

    assert taken[0] == taken[1] > 2 * 64 * 4
