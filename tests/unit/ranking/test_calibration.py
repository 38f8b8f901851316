"""The curve of losses over margins, and the tau that follows from it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.ranking import missing_share, probable_loss
from warmgraph.ranking.calibration import BINS, EXPECTED, LossCurve, believe, bin_of, edge_of


def curve(recalls: float, loss: float) -> LossCurve:
    """Return a curve with as many checked recalls in every bin, each of which lost as much."""
    return LossCurve(*(np.full(BINS, float(each)) for each in (recalls, recalls, recalls, recalls * loss)))


@given(st.floats(-1, 1))
def test_a_margin_lies_in_the_bin_that_begins_below_it(distance: float) -> None:
    """Each bin begins at its edge, within what floats can tell."""
    at = bin_of(distance)
    assert edge_of(at) <= distance + 1e-8
    assert at == BINS - 1 or distance < edge_of(at + 1)


def test_without_anything_seen_the_expectation_holds() -> None:
    """Larger margins lose less, and the loss of a tau falls with it."""
    belief = believe(LossCurve(), LossCurve(), prior_weight=2, shared_weight=50)
    assert EXPECTED.tolist() == pytest.approx(belief.at_bin.tolist())
    assert sorted(belief.loss.tolist(), reverse=True) == belief.loss.tolist()
    assert (0, 0) == belief.of_hits(LossCurve())


@given(st.lists(st.floats(0, 1), min_size=BINS, max_size=BINS))
def test_a_larger_margin_never_loses_more(losses: list[float]) -> None:
    """Whatever was seen, noise is smoothed away."""
    seen = curve(5, 0)
    seen.loss[:] = 5 * np.array(losses)
    believed = believe(seen, seen, prior_weight=2, shared_weight=50).at_bin
    assert all(before >= after - 1e-12 for before, after in pairwise(believed.tolist()))
    assert 0 <= believed.min() <= believed.max() <= 1


def test_what_was_seen_outweighs_what_is_expected() -> None:
    """With many checks that lost nothing everything may be a hit; with many that lost much nothing may."""
    free, dear = curve(1_000, 0), curve(1_000, 0.5)
    assert 0 == believe(free, free, prior_weight=2, shared_weight=50).lowest(0.01, 0.5)
    assert believe(dear, dear, prior_weight=2, shared_weight=50).lowest(0.01, 0.5) is None


def test_a_namespace_that_knows_nothing_leans_on_the_others() -> None:
    """What others lost counts until it has seen enough itself."""
    others = curve(1_000, 0.5)
    new = believe(LossCurve(), others, prior_weight=2, shared_weight=50)
    assert 0.4 < new.at_bin.min()
    own = curve(1_000, 0)
    others.add(own)  # what all saw holds what it saw itself
    assert 0.05 > believe(own, others, prior_weight=2, shared_weight=50).at_bin.max()


def test_the_error_shrinks_with_what_was_checked() -> None:
    """Ten times the checks make the interval less than half as wide."""
    few, many = (
        believe(seen, seen, prior_weight=2, shared_weight=50).of_hits(seen)
        for seen in (curve(10, 0.1), curve(100, 0.1))
    )
    assert few[1] > 2 * many[1]


def test_a_curve_survives_json_and_oddities() -> None:
    """It reads what it wrote; what is no curve counts as nothing known."""
    seen = curve(3, 0.25)
    read = LossCurve.from_json(seen.to_json())
    assert seen.to_json() == read.to_json()
    odds: list[object] = [None, [], {"recalls": []}, {"recalls": {"9999": 1, "x": 2, "1": "3", "2": -1}}]
    for odd in odds:
        assert LossCurve().to_json() == LossCurve.from_json(odd).to_json()


def test_old_counts_fade() -> None:
    """Beyond a number of recalls all counts are halved: the loss per check stays."""
    seen = curve(100, 0.5)
    seen.fade(BINS * 60.0)
    assert (50, 25) == (seen.checks[0], seen.loss[0])


def test_what_is_missing_weighs_as_its_score() -> None:
    """An item far behind the best weighs next to nothing; without scores each place weighs half of the one before."""
    full = [("a", 0.9), ("b", 0.4)]
    assert missing_share(full, {"a"}.__contains__) < 0.001
    assert missing_share(full, {"b"}.__contains__) > 0.999
    assert 1 / 3 == pytest.approx(missing_share([("a", None), ("b", None)], {"a"}.__contains__))
    assert 0 == missing_share([], {"a"}.__contains__)


def test_where_all_is_asked_for_what_is_missing_is_lost() -> None:
    """If warm items are asked for as often as their number says, the loss is what is missing; else less, or more."""
    assert 0.25 == pytest.approx(probable_loss(0.25, warm=0.1, warm_items=100, cold_items=900))
    assert 0.25 > probable_loss(0.25, warm=0.9, warm_items=100, cold_items=900)
    assert 0.25 < probable_loss(0.25, warm=0.02, warm_items=100, cold_items=900)
    assert 0 == probable_loss(0, warm=1, warm_items=0, cold_items=0)
    assert 1 == probable_loss(1, warm=1, warm_items=1, cold_items=1)
