"""Routers: is what the warm tier holds enough to answer from?

A router sees `Signals` only, never a memory, so it costs nothing and can run as a node of its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from warmgraph.errors import InvalidArgumentError

__all__ = [
    "LossEstimate",
    "MarginRouter",
    "Namespace",
    "PeekRouter",
    "RouteDecision",
    "Signals",
    "TauRouter",
    "ThresholdRouter",
    "WarmRouter",
]

Namespace: TypeAlias = tuple[str, ...]

# Hits at tau = +.06 lost at most 1.45% of evidence recall@5 on real conversations, in every schedule and at every
# capacity that was replayed; most cells lost under .6%. `warmgraph bench replay` is where that is measured.
DEFAULT_TAU = 0.06


@dataclass(frozen=True, slots=True)
class LossEstimate:
    """What answering warm has cost in a namespace, as a share of what the long-term tier would have found.

    Args:
        value: The estimate.
        low: Lower end of the 95% interval.
        high: Upper end of it.
        checks: On how many compared recalls it rests; 0 when nothing is known yet.
    """

    value: float
    low: float
    high: float
    checks: int


@dataclass(frozen=True, slots=True)
class Signals:
    """What one lexical scoring pass over a namespace saw.

    Args:
        best_warm: Best lexical score among warm items, in [0, 1]; `None` when nothing is warm.
        best_cold: Best lexical score among items that are not warm; `None` when nothing is cold.
        warm_items: How many items are warm.
        items: How many items the namespace holds in all.
        resident: False on the first touch of a namespace after a start, which counts as a miss.
        can_peek: False when the lexical index does not cover all items, so that cold ones cannot be judged.
        away: Why the long-term tier cannot be asked; `None` while it can.
        lead: By how much the best warm score leads the sixth; 0 where the best two are as good as equal, `None` where
            that was not looked at.
        filtered: True when the recall has a filter, of which these scores know nothing.
        namespace: Where was looked: routers that learn do so for each namespace.
        loss: What answering warm has cost there so far; set by routers that watch it.
    """

    best_warm: float | None
    best_cold: float | None
    warm_items: int
    items: int
    resident: bool
    can_peek: bool
    away: str | None = None
    lead: float | None = None
    filtered: bool = False
    namespace: Namespace = ()
    loss: LossEstimate | None = None


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """What a router decided, and why.

    Args:
        hit: True to answer from the warm tier alone.
        confidence: How sure the router is that nothing is lost, in [0, 1].
        reason: One short phrase for people.
        signals: What it decided from.
    """

    hit: bool
    confidence: float
    reason: str
    signals: Signals


@runtime_checkable
class WarmRouter(Protocol):
    """Decides from signals whether the warm tier is enough."""

    def decide(self, signals: Signals) -> RouteDecision:
        """Return the decision for one recall."""
        ...


class TauRouter(ABC):
    """A router that compares one number of the signals with `tau`: what `CalibratedRouter` can stand on.

    Args:
        tau: What the number must reach, in score units, in [-1, 1].

    Raises:
        InvalidArgumentError: `tau` is not a number in [-1, 1].
    """

    measures: str = "margin"  # what the number is called in reasons

    def __init__(self, tau: float) -> None:
        if isinstance(tau, bool) or not isinstance(tau, (int, float)) or not -1 <= tau <= 1:
            raise InvalidArgumentError("tau", expected="a number in [-1, 1]", got=tau)
        self.tau: float = float(tau)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(tau={self.tau})"

    @abstractmethod
    def margin(self, signals: Signals) -> float | None:
        """Return what is compared with tau, in [-1, 1]; `None` where the signals do not tell."""

    def decide(self, signals: Signals) -> RouteDecision:
        """Return a hit when the number reaches `tau`, or when nothing is cold."""
        return self.settled(signals) or self.compare(signals, self.tau)

    def settled(self, signals: Signals) -> RouteDecision | None:
        """Return the decision where no tau would make another; `None` where tau decides."""
        if signals.away is not None:
            return RouteDecision(True, 0.0, f"only what is warm: {signals.away}", signals)
        if not signals.resident:
            return RouteDecision(False, 0.0, "first touch of this namespace", signals)
        if signals.best_cold is None and signals.can_peek:
            return RouteDecision(True, 1.0, "everything is warm", signals)
        if signals.filtered:
            return RouteDecision(False, 0.0, "with a filter cold items cannot be judged", signals)
        if signals.best_warm is None:
            return RouteDecision(False, 0.0, "nothing is warm", signals)
        if self.margin(signals) is None:
            return RouteDecision(False, 0.0, "cold items are not indexed here", signals)
        return None

    def compare(self, signals: Signals, tau: float) -> RouteDecision:
        """Return the decision by a tau, where `settled` has none."""
        margin = self.margin(signals)
        assert margin is not None
        hit = margin >= tau
        word = "reaches" if hit else "is below"
        reason = f"{self.measures} {margin:+.3f} {word} tau {tau:+.3f}"
        return RouteDecision(hit, _confidence(margin - tau), reason, signals)


class PeekRouter(TauRouter):
    """Hit when the best warm item beats the best cold one by `tau`: the *lexical peek*.

    Both scores come from one pass over one index of everything, so the router needs no vector search, no
    embedding and no disk. Where a query speaks of a time or of an order of events, what ranks is compared as well.

    The same comparison by vectors, or by sign codes, was tried on the replay and left out: at a loss of 1% both have
    fewer hits in nearly every cell, and they embed every query. By the hybrid score there are as many hits as by words.

    Args:
        tau: Margin by which the best warm score must exceed the best cold one, in score units, in [-1, 1].

    Raises:
        InvalidArgumentError: `tau` is not a number in [-1, 1].

    Example:
        >>> seen = Signals(best_warm=0.8, best_cold=0.3, warm_items=256, items=900, resident=True, can_peek=True)
        >>> PeekRouter().decide(seen).hit
        True
    """

    def __init__(self, tau: float = DEFAULT_TAU) -> None:
        super().__init__(tau)

    def margin(self, signals: Signals) -> float | None:
        """Return the best warm score minus the best cold one."""
        if signals.best_warm is None or signals.best_cold is None or not signals.can_peek:
            return None
        return signals.best_warm - signals.best_cold


class ThresholdRouter(TauRouter):
    """Hit when the best warm item scores at least `tau`, whatever is cold.

    Cheap, and the worst judge of the three: a good score does not say that there is no better one elsewhere. On the
    replay it has fewer hits than `PeekRouter` at twice the loss, and its tau does not carry over from one workload to
    another. For stores whose cold items nobody can look at.

    Args:
        tau: What the best warm score must reach, as a share of the best score the query could get.

    Raises:
        InvalidArgumentError: `tau` is not a number in [-1, 1].

    Example:
        >>> seen = Signals(best_warm=0.8, best_cold=0.3, warm_items=256, items=900, resident=True, can_peek=True)
        >>> ThresholdRouter(0.5).decide(seen).reason
        'best warm score +0.800 reaches tau +0.500'
    """

    measures = "best warm score"

    def __init__(self, tau: float = 0.5) -> None:
        super().__init__(tau)

    def margin(self, signals: Signals) -> float | None:
        """Return the best warm score."""
        return signals.best_warm


class MarginRouter(TauRouter):
    """Hit when the best warm item leads the sixth by `tau`: it stands out among what is warm, whatever is cold.

    As cheap as `ThresholdRouter`, and for the same stores.

    Args:
        tau: What the lead must reach.

    Raises:
        InvalidArgumentError: `tau` is not a number in [-1, 1].

    Example:
        >>> seen = Signals(0.8, 0.3, warm_items=256, items=900, resident=True, can_peek=True, lead=0.1)
        >>> MarginRouter(0.3).decide(seen).hit
        False
    """

    measures = "lead"

    def __init__(self, tau: float = 0.3) -> None:
        super().__init__(tau)

    def margin(self, signals: Signals) -> float | None:
        """Return the lead of the best warm item."""
        return signals.lead


def _confidence(distance: float) -> float:
    # A squashed distance to the threshold, .5 on it; a probability only once a calibrated router stands on top.
    return 1 / (1 + math.exp(-distance / 0.1))
