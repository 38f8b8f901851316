"""What the state keeps of a recall: keys, scores and the decision, as JSON. Never a memory's text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired

from langgraph.store.base import SearchItem
from typing_extensions import TypedDict

from warmgraph.ranking import RouteDecision, Signals
from warmgraph.store.recalls import Dropped, DropReason

__all__ = [
    "DecisionTrace",
    "DroppedItem",
    "LossTrace",
    "RecallTrace",
    "RecalledItem",
    "SignalsTrace",
    "Tier",
    "decision_of",
    "decision_trace",
    "dropped_items",
    "recalled",
    "signals_of",
    "signals_trace",
]

Tier = Literal["warm", "long_term"]


class RecalledItem(TypedDict):
    """One memory that was recalled: its key, its score (`None` where the store gives none), and from where."""

    key: str
    score: float | None
    tier: Tier


class DroppedItem(TypedDict):
    """One memory that scored well enough and was left out: its key, its score, and why."""

    key: str
    score: float | None
    reason: DropReason


# What later versions added is not required: threads keep traces of earlier ones. It stands in classes of its own,
# because `NotRequired` is not seen at run time among annotations that are not evaluated.
class _LaterSignals(TypedDict, total=False):
    lead: float | None
    filtered: bool


class SignalsTrace(_LaterSignals):
    """`warmgraph.ranking.Signals` as JSON."""

    best_warm: float | None
    best_cold: float | None
    warm_items: int
    items: int
    resident: bool
    can_peek: bool
    away: NotRequired[str]


class LossTrace(TypedDict):
    """`warmgraph.ranking.LossEstimate` as JSON."""

    value: float
    low: float
    high: float
    checks: int


class _LaterDecision(TypedDict, total=False):
    loss: LossTrace


class DecisionTrace(_LaterDecision):
    """What the router decided; of one that learns, with what answering warm has cost in the namespace so far."""

    hit: bool
    confidence: float
    reason: str


class _LaterRecall(TypedDict, total=False):
    dropped: list[DroppedItem]


class RecallTrace(_LaterRecall):
    """The recall of one turn. It says nothing that a later turn could not repeat: no memory is copied into it.

    Attributes:
        namespace: Where was looked.
        message_id: The human message that was recalled for. Nodes ignore a trace of another message.
        query: What was looked for.
        at: When the turn began, ISO 8601.
        tier: "warm", or "long_term" once the long-term tier was searched.
        items: What was found, best first.
        dropped: What scored well enough and was left out of that.
        signals: What the warm tier saw; `None` when it could not be asked.
        decision: What the router decided; `None` before it was asked.
        milliseconds: Time taken so far.
    """

    namespace: list[str]
    message_id: str | None
    query: str
    at: str
    tier: Tier
    items: list[RecalledItem]
    signals: SignalsTrace | None
    decision: DecisionTrace | None
    milliseconds: float


def recalled(items: Iterable[SearchItem], tier: Tier) -> list[RecalledItem]:
    """Return what the state keeps of search results."""
    return [
        {"key": item.key, "score": None if item.score is None else float(item.score), "tier": tier} for item in items
    ]


def dropped_items(dropped: Iterable[Dropped]) -> list[DroppedItem]:
    """Return what the state keeps of what was left out, each key once."""
    first: dict[str, Dropped] = {}
    for each in dropped:
        first.setdefault(each.key, each)
    return [
        {"key": each.key, "score": None if each.score is None else float(each.score), "reason": each.reason}
        for each in first.values()
    ]


def signals_trace(signals: Signals | None) -> SignalsTrace | None:
    """Return signals as JSON."""
    if signals is None:
        return None
    trace: SignalsTrace = {
        "best_warm": signals.best_warm,
        "best_cold": signals.best_cold,
        "warm_items": signals.warm_items,
        "items": signals.items,
        "resident": signals.resident,
        "can_peek": signals.can_peek,
        "lead": signals.lead,
        "filtered": signals.filtered,
    }
    if signals.away is not None:
        trace["away"] = signals.away
    return trace


def signals_of(trace: SignalsTrace | None, namespace: Sequence[str] = ()) -> Signals | None:
    """Return the signals that a trace holds, of the namespace that it is of.

    Example:
        >>> seen = Signals(0.8, 0.3, 256, 900, resident=True, can_peek=True)
        >>> signals_of(signals_trace(seen)) == seen
        True
    """
    return None if trace is None else Signals(**trace, namespace=tuple(namespace))


def decision_trace(decision: RouteDecision) -> DecisionTrace:
    """Return a decision as JSON, without the signals, which the trace holds already."""
    trace: DecisionTrace = {"hit": decision.hit, "confidence": decision.confidence, "reason": decision.reason}
    if decision.signals.loss is not None:
        trace["loss"] = {
            "value": decision.signals.loss.value,
            "low": decision.signals.loss.low,
            "high": decision.signals.loss.high,
            "checks": decision.signals.loss.checks,
        }
    return trace


def decision_of(trace: RecallTrace) -> RouteDecision | None:
    """Return the decision that a trace holds; `None` where nobody decided from signals."""
    decision, signals = trace["decision"], signals_of(trace["signals"], trace["namespace"])
    if decision is None or signals is None:
        return None
    return RouteDecision(decision["hit"], decision["confidence"], decision["reason"], signals)
