"""Routers: when is the warm tier enough?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import MarginRouter, PeekRouter, Signals, TauRouter, ThresholdRouter, WarmRouter

SEEN = Signals(best_warm=0.8, best_cold=0.3, warm_items=256, items=900, resident=True, can_peek=True)


def test_a_clear_lead_of_the_warm_tier_is_a_hit() -> None:
    """The best warm score must exceed the best cold one by tau, which itself is enough."""
    router = PeekRouter(tau=0.25)
    assert router.decide(replace(SEEN, best_warm=0.5, best_cold=0.25)).hit
    assert not router.decide(replace(SEEN, best_warm=0.5, best_cold=0.26)).hit
    assert PeekRouter(tau=-1).decide(replace(SEEN, best_warm=0.0, best_cold=1.0)).hit


@pytest.mark.parametrize(
    ("seen", "hit", "reason"),
    [
        (replace(SEEN, best_cold=None), True, "everything is warm"),
        (replace(SEEN, best_cold=None, best_warm=None, warm_items=0, items=0), True, "everything is warm"),
        (replace(SEEN, best_warm=None, warm_items=0), False, "nothing is warm"),
        (replace(SEEN, resident=False), False, "first touch of this namespace"),
        (replace(SEEN, resident=False, best_cold=None), False, "first touch of this namespace"),
        (replace(SEEN, filtered=True), False, "with a filter cold items cannot be judged"),
        (replace(SEEN, filtered=True, best_cold=None), True, "everything is warm"),
        (replace(SEEN, can_peek=False), False, "cold items are not indexed here"),
        (replace(SEEN, can_peek=False, best_cold=None), False, "cold items are not indexed here"),
    ],
)
def test_where_nothing_can_be_compared_the_rule_is_fixed(seen: Signals, hit: bool, reason: str) -> None:
    """All warm is a hit, a first touch and an index that does not cover everything are misses."""
    decision = PeekRouter().decide(seen)
    assert (hit, reason, seen) == (decision.hit, decision.reason, decision.signals)
    assert float(hit) == decision.confidence


def test_confidence_grows_with_the_distance_to_tau() -> None:
    """On the threshold it is a half; further away it nears 0 or 1."""
    router = PeekRouter(tau=0.0)
    confidences = [
        router.decide(replace(SEEN, best_warm=warm, best_cold=0.5)).confidence for warm in (0, 0.4, 0.5, 0.6, 1)
    ]
    assert sorted(confidences) == confidences
    assert 0.5 == confidences[2]
    assert 0 < confidences[0] < 0.01
    assert 0.99 < confidences[-1] < 1


def test_a_decision_says_why() -> None:
    """The reason names the margin and tau."""
    assert "margin +0.500 reaches tau +0.060" == PeekRouter().decide(SEEN).reason
    assert "margin -0.100 is below tau +0.060" == PeekRouter().decide(replace(SEEN, best_warm=0.2)).reason


def test_a_threshold_looks_at_the_best_warm_item_alone() -> None:
    """Whatever is cold, and wherever cold items cannot be looked at."""
    router = ThresholdRouter(0.5)
    assert router.decide(replace(SEEN, best_warm=0.5, best_cold=0.9)).hit
    assert router.decide(replace(SEEN, can_peek=False)).hit
    assert not router.decide(replace(SEEN, best_warm=0.49, best_cold=0.0)).hit
    assert not router.decide(replace(SEEN, filtered=True)).hit


def test_a_margin_looks_at_how_far_the_best_warm_item_leads() -> None:
    """Its lead over the sixth; signals that do not tell it are a miss."""
    router = MarginRouter(0.3)
    assert router.decide(replace(SEEN, lead=0.3)).hit
    decision = router.decide(replace(SEEN, lead=0.29))
    assert (False, "lead +0.290 is below tau +0.300") == (decision.hit, decision.reason)
    assert not router.decide(SEEN).hit


@pytest.mark.parametrize("make", [PeekRouter, ThresholdRouter, MarginRouter])
def test_every_router_of_a_tau_says_what_it_is(make: type[TauRouter]) -> None:
    """Its name and its tau, which is refused when nothing could reach it."""
    router: TauRouter = make(0.25)
    assert f"{make.__name__}(tau=0.25)" == repr(router)
    with pytest.raises(InvalidArgumentError, match="tau"):
        make(2)


@pytest.mark.parametrize("tau", [1.1, -1.1, float("nan"), "0.1", None, True])
def test_a_tau_that_no_margin_could_reach_is_refused(tau: object) -> None:
    """Tau is a number in [-1, 1]."""
    with pytest.raises(InvalidArgumentError, match="tau"):
        PeekRouter(tau)  # type: ignore[arg-type]


def test_a_router_of_ones_own_is_one() -> None:
    """Anything with `decide` is a router."""
    assert isinstance(PeekRouter(), WarmRouter)
    assert not isinstance(object(), WarmRouter)
    assert "PeekRouter(tau=0.06)" == repr(PeekRouter())
