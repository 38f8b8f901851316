"""What memory did in a turn, in one line for each event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

__all__ = ["is_error", "receipt_line"]

_LEFT_OUT = {
    "low_score": "too weak",
    "duplicate": "said already",
    "missing": "gone",
    "unreadable": "unreadable",
    "quarantined": "not trusted",
    "budget": "over the token budget",
    "crowded": "too many questions",
    "filter": "filtered out",
    "expired": "expired",
}


def receipt_line(event: Mapping[str, Any]) -> str:
    """Describe an event of the custom stream.

    Args:
        event: One of `warmgraph.recall.MemoryEvent`; other events give "".

    Example:
        >>> decision = {"hit": False, "confidence": 0.1, "reason": "margin -0.02 is below tau +0.06"}
        >>> receipt_line(
        ...     {
        ...         "type": "memory_recall",
        ...         "tier": "long_term",
        ...         "decision": decision,
        ...         "count": 2,
        ...         "tokens": 61,
        ...         "left_out": {"a": "low_score"},
        ...         "milliseconds": 1.25,
        ...     }
        ... )
        'recalled 2 memories from long term: warm miss (margin -0.02 is below tau +0.06); 61 tokens, ...; 1.2 ms'
    """
    kind = event.get("type")
    if kind == "memory_recall":
        return _recall_line(event)
    if kind == "memory_remember":
        return f"remembered {_count(len(event['keys']), 'message')}; {event['milliseconds']:.1f} ms"
    if kind == "memory_error":
        return f"memory failed in {event['node']}: {event['error']}: {event['message']}"
    return ""


def is_error(event: Mapping[str, Any]) -> bool:
    """Whether an event tells of a failure."""
    return event.get("type") == "memory_error"


def tier_line(tier: str, decision: Mapping[str, Any] | None) -> str:
    """Say where memories came from, and why.

    Example:
        >>> tier_line("warm", {"hit": True, "confidence": 1.0, "reason": "everything is warm"})
        'warm: hit (everything is warm)'
    """
    if decision is None:
        return tier.replace("_", " ")
    return f"{tier.replace('_', ' ')}: {'hit' if decision['hit'] else 'warm miss'} ({decision['reason']})"


def _recall_line(event: Mapping[str, Any]) -> str:
    tier = tier_line(event["tier"], event["decision"])
    left_out = Counter(event.get("left_out", {}).values())
    parts = [f"{event['tokens']} tokens"] if event["count"] else []
    parts += [f"{count} left out ({_LEFT_OUT.get(why, why)})" for why, count in sorted(left_out.items())]
    costs = "; ".join([", ".join(parts)] if parts else [])
    said = f"recalled {_count(event['count'], 'memory', 'memories')} from {tier}"
    return "; ".join(part for part in (said, costs, f"{event['milliseconds']:.1f} ms") if part)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
