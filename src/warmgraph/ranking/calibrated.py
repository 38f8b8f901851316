"""A router that watches what its hits cost, and moves tau so that they cost little."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from warmgraph.errors import InvalidArgumentError
from warmgraph.forks import ForkAware, watch_forks
from warmgraph.ranking.calibration import Belief, LossCurve, believe, bin_of, edge_of
from warmgraph.ranking.comparison import probable_loss
from warmgraph.ranking.routers import LossEstimate, Namespace, PeekRouter, RouteDecision, Signals, TauRouter, WarmRouter

__all__ = ["CalibratedRouter", "LearningRouter", "RouterStats"]

SHARED: Namespace = ()
"""Where the counts of all namespaces together are kept."""

FIRST_HITS = 50
"""So many hits are all checked; from then on a share of them is."""

# As how many checks the curve counts that is expected before anything was seen, and as how many, at most, what other
# namespaces saw; and by how many standard errors the loss stays below the bound. On conversations that were replayed
# any of 2 to 8, 20 to 100 and 0 to 1 kept the true loss below twice the bound in every cell; more errors cost hits.
PRIOR_WEIGHT = 2.0
SHARED_WEIGHT = 50.0
ERRORS = 0.25
INTERVAL = 1.96

MOST_RECALLS = 1_000
MOST_SHARED = 4_000
"""Counts of a namespace, and of all, are halved beyond: what was long ago weighs less."""
MOST_NAMESPACES = 10_000
NOTES_A_BELIEF = 16
"""Recalls after which tau is worked out anew, if nothing was checked meanwhile."""


class RouterStats(NamedTuple):
    """What a learning router has seen, in all namespaces.

    Args:
        recalls: Recalls that tau decided; counts of long ago are halved.
        hits: Of these, those answered warm.
        checks: Of these, those whose warm answer was compared with the long-term tier's.
        loss: What answering warm has cost.
        max_loss: What it may cost.
    """

    recalls: int
    hits: int
    checks: int
    loss: LossEstimate
    max_loss: float


@runtime_checkable
class LearningRouter(WarmRouter, Protocol):
    """A router that a `WarmStore` tells what became of its decisions, and whose state it keeps.

    The store calls `restore` once for a namespace, before it asks for a decision there, and once for the empty
    namespace, under which a router may keep what it knows of all.
    """

    @property
    def state_name(self) -> str:
        """A name for the state, different for routers whose states mean different things."""
        ...

    def knows(self, namespace: Namespace) -> bool:
        """Whether `restore` was called for a namespace."""
        ...

    def restore(self, namespace: Namespace, state: object) -> None:
        """Take what was kept of a namespace, as JSON; `None` where there is nothing."""
        ...

    def note(self, decision: RouteDecision) -> bool:
        """Hear that a decision is acted on. Return whether to compare the warm answer with the long-term tier's."""
        ...

    def observe(self, decision: RouteDecision, missing: float) -> None:
        """Hear which share of the long-term answer is not warm (`missing_share`), whatever was answered."""
        ...

    def take_news(self) -> Mapping[Namespace, object]:
        """Return, as JSON, what was learned since it was taken last."""
        ...

    def give_back(self, news: Mapping[Namespace, object]) -> None:
        """Take back news that could not be kept."""
        ...

    def merged(self, state: object, news: object) -> object:
        """Return a kept state with news added, as JSON."""
        ...

    def stats(self) -> RouterStats:
        """Return what was seen so far."""
        ...


@dataclass(slots=True)
class _Known:
    """What is known of a namespace: the counts, those of them that were not kept yet, and what follows from them."""

    curve: LossCurve = field(default_factory=LossCurve)
    news: LossCurve | None = None
    belief: Belief | None = None
    first: int | None = None  # the first bin of which all may be hits
    notes: int = 0  # since the belief
    drawn: int = 0

    def unkept(self) -> LossCurve:
        if self.news is None:
            self.news = LossCurve()
        return self.news


class CalibratedRouter(ForkAware):
    """Move the tau of another router so that answering warm costs at most `max_loss`, without labels.

    What a hit costs is observed: a share of the hits is compared with what the long-term tier would have answered, in
    the background, after the answer. A miss is compared for nothing, for both answers are there. The loss of a warm
    answer is the probability that the right memory is in the long-term answer and not warm, judged from the scores
    (`missing_share`) and from how often what is asked for is warm (`probable_loss`); that of a namespace is the sum
    over its hits, divided by all recalls that tau decided. Tau is the lowest at which this loss, plus a quarter of its
    standard error, stays below `max_loss`; a namespace that knows little leans on what all saw, and that on an
    expectation under which tau stays near the other router's own.

    The bound is one on the average of recalls like those seen before, not a promise for each. When what is asked
    changes from one day to the next, it takes one or two thousand recalls to follow.

    Needs a `WarmStore`, which compares, and keeps the state across restarts: one router for one store. Alone, or on
    other stores, it decides as it does before anything was seen. Thread-safe.

    Args:
        router: Whose margin decides: a `PeekRouter`, `ThresholdRouter` or `MarginRouter`, or one's own `TauRouter`.
        max_loss: Loss per recall to stay below, in (0, 1).
        check_share: Share of the hits that is compared, in [0, 1], more of those of which a loss is likely, fewer of
            the others. The first 50 are all compared, unless it is 0: then only misses teach.
        seed: Which hits are compared follows from it, from the namespace, and from how many there were.

    Raises:
        InvalidArgumentError: A bad argument.

    Example:
        >>> router = CalibratedRouter(max_loss=0.01)
        >>> seen = Signals(best_warm=0.8, best_cold=0.3, warm_items=256, items=900, resident=True, can_peek=True)
        >>> decision = router.decide(seen)
        >>> decision.hit, decision.signals.loss.checks
        (True, 0)
    """

    def __init__(
        self,
        router: TauRouter | None = None,
        *,
        max_loss: float = 0.01,
        check_share: float = 0.1,
        seed: int = 0,
    ) -> None:
        if router is not None and not isinstance(router, TauRouter):
            raise InvalidArgumentError("router", expected="a TauRouter, such as PeekRouter()", got=router)
        if isinstance(max_loss, bool) or not isinstance(max_loss, (int, float)) or not 0 < max_loss < 1:
            raise InvalidArgumentError("max_loss", expected="a number between 0 and 1", got=max_loss)
        if isinstance(check_share, bool) or not isinstance(check_share, (int, float)) or not 0 <= check_share <= 1:
            raise InvalidArgumentError("check_share", expected="a number in [0, 1]", got=check_share)
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InvalidArgumentError("seed", expected="an integer", got=seed)
        self.router: TauRouter = router or PeekRouter()
        self.max_loss: float = float(max_loss)
        self.check_share: float = float(check_share)
        self.seed: int = seed
        self._lock = threading.Lock()
        self._shared = _Known()
        self._known: OrderedDict[Namespace, _Known] = OrderedDict()
        self._restored: set[Namespace] = set()
        watch_forks(self)

    def __repr__(self) -> str:
        return f"CalibratedRouter({self.router!r}, max_loss={self.max_loss}, check_share={self.check_share})"

    # -- deciding ----------------------------------------------------------------------------------------------------

    def decide(self, signals: Signals) -> RouteDecision:
        """Return a hit when the other router's margin reaches the tau of the namespace. Changes nothing."""
        with self._lock:
            known = self._of(signals.namespace)
            belief, tau = self._believed(known), self._tau(known)
            loss = _estimate(belief, known.curve)
        told = replace(signals, loss=loss)
        settled = self.router.settled(told)
        if settled is not None:
            return settled
        margin = self.router.margin(signals)
        assert margin is not None
        at = bin_of(margin - self.router.tau)
        decision = self.router.compare(told, tau)
        return replace(decision, confidence=float(1 - belief.at_bin[at]))

    def tau(self, namespace: Namespace = ()) -> float:
        """Return the tau of a namespace as it is now; above 1 where nothing is to be a hit."""
        with self._lock:
            known = self._of(namespace)
            self._believed(known)
            return self._tau(known)

    def loss(self, namespace: Namespace) -> LossEstimate:
        """Return what answering warm has cost in a namespace."""
        with self._lock:
            known = self._of(namespace)
            return _estimate(self._believed(known), known.curve)

    def stats(self) -> RouterStats:
        """Return what was seen in all namespaces together."""
        with self._lock:
            curve = self._shared.curve
            belief = self._believe(curve, curve)
            recalls, hits, checks = (round(float(each.sum())) for each in (curve.recalls, curve.hits, curve.checks))
            return RouterStats(recalls, hits, checks, _estimate(belief, curve), self.max_loss)

    # -- learning ----------------------------------------------------------------------------------------------------

    def note(self, decision: RouteDecision) -> bool:
        """Count a decision that is acted on; return whether its hit is one of those to compare."""
        at = self._bin(decision)
        if at is None:
            return False
        namespace = decision.signals.namespace
        with self._lock:
            known = self._of(namespace)
            for part in (known, self._shared):
                for curve in (part.curve, part.unkept()):
                    curve.recalls[at] += 1
                    curve.hits[at] += decision.hit
                part.curve.fade(MOST_SHARED if part is self._shared else MOST_RECALLS)
            known.notes += 1
            if known.notes >= NOTES_A_BELIEF:
                known.belief = None
            return decision.hit and self._is_drawn(namespace, known, at)

    def observe(self, decision: RouteDecision, missing: float) -> None:
        """Learn what the warm answer lost, or would have lost.

        Args:
            decision: What was decided.
            missing: Share of the long-term answer that is not warm, as of `missing_share`.
        """
        at = self._bin(decision)
        if at is None:
            return
        signals = decision.signals
        with self._lock:
            known = self._of(signals.namespace)
            warm, cold_items = self._believed(known).warm, signals.items - signals.warm_items
            loss = probable_loss(missing, warm, signals.warm_items, cold_items)
            for part in (known, self._shared):
                for curve in (part.curve, part.unkept()):
                    curve.checks[at] += 1
                    curve.loss[at] += loss
                    curve.warm[at] += 1 - missing
            known.belief = None

    # -- the state, which the store keeps ----------------------------------------------------------------------------

    @property
    def state_name(self) -> str:
        """What the state was learned with: counts of other margins mean something else."""
        return f"router/calibrated/{type(self.router).__name__}/{self.router.tau:g}"

    def knows(self, namespace: Namespace) -> bool:
        """Whether `restore` was called for a namespace."""
        return namespace in self._restored

    def restore(self, namespace: Namespace, state: object) -> None:
        """Take what was kept of a namespace, and add what is not kept yet."""
        kept = LossCurve.from_json(state)
        kept.fade(MOST_SHARED if namespace == SHARED else MOST_RECALLS)
        with self._lock:
            known = self._shared if namespace == SHARED else self._of(namespace)
            if known.news is not None:
                kept.add(known.news)
            known.curve, known.belief = kept, None
            self._restored.add(namespace)

    def take_news(self) -> Mapping[Namespace, object]:
        """Return the counts since it was called last, by namespace."""
        with self._lock:
            parts = {SHARED: self._shared, **self._known}
            news = {namespace: part.news.to_json() for namespace, part in parts.items() if part.news is not None}
            for part in parts.values():
                part.news = None
        return news

    def give_back(self, news: Mapping[Namespace, object]) -> None:
        """Count news as not kept yet."""
        with self._lock:
            for namespace, counts in news.items():
                known = self._shared if namespace == SHARED else self._of(namespace)
                known.unkept().add(LossCurve.from_json(counts))

    def merged(self, state: object, news: object) -> object:
        """Return a kept state with news added; both are what `to_json` of a curve writes."""
        curve = LossCurve.from_json(state)
        curve.add(LossCurve.from_json(news))
        curve.fade(MOST_SHARED)
        return curve.to_json()

    def after_fork_in_child(self) -> None:
        """Have a lock that no thread of the parent holds."""
        self._lock = threading.Lock()

    # -- within; all with the lock held ------------------------------------------------------------------------------

    def _of(self, namespace: Namespace) -> _Known:
        known = self._known.get(namespace)
        if known is None:
            known = self._known[namespace] = _Known()
            if len(self._known) > MOST_NAMESPACES:
                self._forget_one()
        self._known.move_to_end(namespace)
        return known

    def _forget_one(self) -> None:
        """Forget the namespace that was asked for least recently, if all that is known of it is kept."""
        for namespace, known in self._known.items():
            if known.news is None:
                del self._known[namespace]
                self._restored.discard(namespace)
                return

    def _believed(self, known: _Known) -> Belief:
        if known.belief is None:
            known.belief, known.notes = self._believe(known.curve, self._shared.curve), 0
            known.first = known.belief.lowest(self.max_loss, ERRORS)
        return known.belief

    def _believe(self, own: LossCurve, shared: LossCurve) -> Belief:
        return believe(own, shared, prior_weight=PRIOR_WEIGHT, shared_weight=SHARED_WEIGHT)

    def _tau(self, known: _Known) -> float:
        if known.first is None:
            return float("inf")
        return max(self.router.tau + edge_of(known.first), -1.0)

    def _bin(self, decision: RouteDecision) -> int | None:
        """Return the bin of a decision; `None` if no tau would have made another."""
        if self.router.settled(decision.signals) is not None:
            return None
        margin = self.router.margin(decision.signals)
        return None if margin is None else bin_of(margin - self.router.tau)

    def _is_drawn(self, namespace: Namespace, known: _Known, at: int) -> bool:
        if not self.check_share:
            return False
        shared = self._shared.curve
        hits = shared.hits.sum()
        if hits <= FIRST_HITS:
            return True
        # Most is learned by checking each margin as often as its loss deviates from what is expected there.
        chance = self._believed(known).at_bin
        deviation = np.sqrt(chance * (1 - chance))
        usual = shared.hits @ deviation / hits
        likely = self.check_share * max(deviation[at] / usual if usual else 1.0, 0.5)
        known.drawn += 1
        drawn = zlib.crc32(f"{self.seed}/{known.drawn}/{'.'.join(namespace)}".encode())
        return bool(drawn < likely * 2**32)


def _estimate(belief: Belief, curve: LossCurve) -> LossEstimate:
    if not curve.hits.any():
        return LossEstimate(0.0, 0.0, 1.0, 0)
    loss, error = belief.of_hits(curve)
    reach = INTERVAL * error
    return LossEstimate(loss, max(loss - reach, 0.0), min(loss + reach, 1.0), round(float(curve.checks.sum())))
