"""Hit rate and latencies over time, from the receipts that are still kept."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from warmgraph.recall import NotedReceipt
from warmgraph.recall.hub import kind_of

__all__ = ["figures_of"]

INTERVALS = 30


def figures_of(noted: Sequence[NotedReceipt], *, now: float, minutes: int) -> dict[str, Any]:
    """Return counts, and their course over the last minutes, as JSON.

    Args:
        noted: The receipts to count.
        now: Now, in seconds since the epoch.
        minutes: How far back to go.

    Example:
        >>> event = {"type": "memory_recall", "tier": "warm", "milliseconds": 0.3}
        >>> found = figures_of([NotedReceipt(1, 100.0, event)], now=120.0, minutes=5)
        >>> found["hits"], found["misses"], found["intervals"][-2]["hits"]
        (1, 0, 1)
    """
    width = minutes * 60 / INTERVALS
    start = now - minutes * 60
    recent = [each for each in noted if each.at > start]
    buckets: list[list[NotedReceipt]] = [[] for _ in range(INTERVALS)]
    for each in recent:
        buckets[min(int((each.at - start) / width), INTERVALS - 1)].append(each)
    return {
        "minutes": minutes,
        **_count(recent),
        "intervals": [{"at": start + (at + 1) * width, **_count(bucket)} for at, bucket in enumerate(buckets)],
    }


def _count(noted: Sequence[NotedReceipt]) -> dict[str, Any]:
    kinds = [kind_of(each.event) for each in noted]
    took = [each.event["milliseconds"] for each in noted if each.event["type"] == "memory_recall"]
    return {
        "hits": kinds.count("hit"),
        "misses": kinds.count("miss"),
        "written": kinds.count("remember"),
        "errors": kinds.count("error"),
        "p50": round(median(took), 3) if took else None,
        "p95": round(sorted(took)[min(int(len(took) * 0.95), len(took) - 1)], 3) if took else None,
    }
