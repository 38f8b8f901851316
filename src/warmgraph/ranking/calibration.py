"""What answering warm costs, by margin: the curve that a calibrated router learns, and the tau that follows from it.

The loss of a namespace at a tau is a sum over margins: how often a recall has that margin, times what a warm answer
loses at it. How often is known of every recall, for nothing. What is lost has to be observed; it depends on the margin
much as it does elsewhere, so a namespace that knows little leans on what all namespaces saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "Belief", "LossCurve", "believe", "bin_of"]

_Bins: TypeAlias = NDArray[np.float64]

WIDTH = 0.02
REACH = 0.4
"""Margins further than this from the router's own tau are counted together."""
_EDGES: _Bins = np.arange(-round(REACH / WIDTH), round(REACH / WIDTH) + 1).astype(np.float64) * WIDTH
BINS: int = len(_EDGES) + 1

# What a warm answer is expected to lose before anything was seen: little from the router's own tau on, less with every
# tenth above, and more and more below.
_MIDDLES: _Bins = np.append(_EDGES[0] - WIDTH, _EDGES) + WIDTH / 2
EXPECTED: _Bins = np.where(
    _MIDDLES > 0, 0.02 * np.exp(-_MIDDLES / 0.1), 0.3 - 0.28 * np.exp(np.minimum(_MIDDLES, 0) / 0.1)
)

SMOOTHING = 0.1

_FIELDS = ("recalls", "hits", "checks", "loss", "warm")


@dataclass(slots=True)
class LossCurve:
    """Counts by margin. All arrays have shape (BINS,), float64.

    Args:
        recalls: Recalls that tau decided.
        hits: Of these, those answered warm.
        checks: Of these, those whose warm answer was compared with the long-term tier's.
        loss: The sum of what the compared ones lost, each in [0, 1].
        warm: The sum of the shares of their long-term answers that are warm, each in [0, 1].
    """

    recalls: _Bins = field(default_factory=lambda: np.zeros(BINS))
    hits: _Bins = field(default_factory=lambda: np.zeros(BINS))
    checks: _Bins = field(default_factory=lambda: np.zeros(BINS))
    loss: _Bins = field(default_factory=lambda: np.zeros(BINS))
    warm: _Bins = field(default_factory=lambda: np.zeros(BINS))

    def add(self, other: LossCurve) -> None:
        """Add the counts of another curve."""
        for name in _FIELDS:
            getattr(self, name).__iadd__(getattr(other, name))

    def fade(self, most: float) -> None:
        """Halve all counts once there are more recalls than `most`, so that what is long past weighs less."""
        while self.recalls.sum() > most:
            for name in _FIELDS:
                getattr(self, name).__imul__(0.5)

    def to_json(self) -> dict[str, Any]:
        """Return what is not 0, by bin."""
        return {
            name: {str(at): float(getattr(self, name)[at]) for at in np.flatnonzero(getattr(self, name)).tolist()}
            for name in _FIELDS
        }

    @classmethod
    def from_json(cls, state: object) -> LossCurve:
        """Return the curve that `to_json` wrote; what cannot be read counts as nothing known."""
        curve = cls()
        for name in _FIELDS:
            counts = state.get(name) if isinstance(state, Mapping) else None
            for at, count in counts.items() if isinstance(counts, Mapping) else ():
                if str(at).isdecimal() and int(at) < BINS and isinstance(count, (int, float)) and count >= 0:
                    getattr(curve, name)[int(at)] = count
        return curve


class Belief(NamedTuple):
    """What is believed of a namespace.

    Args:
        at_bin: Array of shape (BINS,): the loss of a warm answer with such a margin.
        variance: Array of shape (BINS,): of that loss.
        loss: Array of shape (BINS,): the loss per recall if all from that bin on are hits.
        error: Array of shape (BINS,): its standard error.
        warm: How often what is asked for is warm, in (0, 1).
    """

    at_bin: _Bins
    variance: _Bins
    loss: _Bins
    error: _Bins
    warm: float

    def lowest(self, max_loss: float, errors: float) -> int | None:
        """Return the first bin from which on all may be hits: the loss is bounded, with so many standard errors."""
        allowed = np.flatnonzero(self.loss + errors * self.error <= max_loss)
        return int(allowed[0]) if len(allowed) else None

    def of_hits(self, curve: LossCurve) -> tuple[float, float]:
        """Return the loss per recall of the hits that a curve has, and its standard error."""
        hits = curve.hits / max(float(curve.recalls.sum()), 1.0)
        return float(hits @ self.at_bin), float(np.sqrt(hits**2 @ self.variance))


def bin_of(distance: float) -> int:
    """Return the bin of a margin, given its distance to the router's own tau.

    Example:
        >>> bin_of(-2.0), bin_of(0.0) - bin_of(-0.001), bin_of(2.0) == BINS - 1
        (0, 1, True)
    """
    return int(np.searchsorted(_EDGES, distance + 1e-9, side="right"))


def edge_of(at: int) -> float:
    """Return the distance to the router's own tau at which a bin begins; -inf for the first."""
    return float(_EDGES[at - 1]) if at else float("-inf")


def believe(own: LossCurve, shared: LossCurve, *, prior_weight: float, shared_weight: float) -> Belief:
    """Return what is believed of a namespace.

    Args:
        own: What was seen there.
        shared: What was seen in all namespaces, that one included.
        prior_weight: As how many checks of each bin that counts which is expected before anything was seen.
        shared_weight: As how many checks of each bin, and as how many recalls, the shared curve counts at most.
    """
    checks, loss, warm = (
        np.maximum(getattr(shared, name) - getattr(own, name), 0) for name in ("checks", "loss", "warm")
    )
    known = checks + prior_weight
    lent = np.minimum(known, shared_weight)
    weight = own.checks + lent
    common = _falling((loss + prior_weight * EXPECTED) / known, known)
    mean = _falling((own.loss + lent * common) / weight, weight)
    warm = (own.warm + lent * (warm + prior_weight * 0.5) / known) / weight
    share = _shares(own.recalls, shared.recalls, shared_weight)
    likely = (mean * weight + SMOOTHING) / (weight + 2 * SMOOTHING)  # not sure of 0 because nothing was lost yet
    variance = likely * (1 - likely) / (weight + 1)
    return Belief(
        at_bin=mean,
        variance=variance,
        loss=np.cumsum((share * mean)[::-1])[::-1],
        error=np.sqrt(np.cumsum((share**2 * variance)[::-1])[::-1]),
        warm=float(share @ warm),
    )


def _shares(own: _Bins, shared: _Bins, weight: float) -> _Bins:
    """Return how the recalls of a namespace spread over the bins; evenly, before anything was asked."""
    others = np.maximum(shared - own, 0) + 1
    shares: _Bins = (own + weight * others / others.sum()) / (own.sum() + weight)
    return shares


def _falling(values: Sequence[float] | _Bins, weights: _Bins) -> _Bins:
    """Return the nearest values that never rise: a larger margin loses no more than a smaller one.

    Pool adjacent violators: neighbours in the wrong order take their common mean.
    """
    blocks: list[list[float]] = []  # mean, weight, bins
    for value, weight in zip(np.asarray(values).tolist(), weights.tolist(), strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            mean, heavy, bins = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + mean * heavy) / (before[1] + heavy)
            before[1] += heavy
            before[2] += bins
    return np.repeat([block[0] for block in blocks], [int(block[2]) for block in blocks])
