"""What a warm answer lacks of the long-term tier's, without knowing which memory was the right one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

__all__ = ["missing_share", "probable_loss"]

# Scores this far apart differ by a factor of e in how likely they are the right ones. On real conversations the losses
# that follow are at least two thirds of the true ones, mostly above them. With .05 they are half of them where
# importance evicts: what is kept there scores well, whether it is asked for or not. .08 overestimates more.
TEMPERATURE = 0.07


def missing_share(full: Sequence[tuple[str, float | None]], has: Callable[[str], bool]) -> float:
    """Return the share of the weight of a long-term answer that lies on memories which the warm tier has not.

    Args:
        full: (key, score) of the long-term answer, best first. Without scores each place weighs half of the one before.
        has: Tells whether a memory is warm.

    Example:
        >>> missing_share([("a", 0.9), ("b", 0.9)], {"a"}.__contains__)
        0.5
    """
    best = max((score for _, score in full if score is not None), default=0.0)
    total = missing = 0.0
    for place, (key, score) in enumerate(full):
        weight = 0.5**place if score is None else math.exp((score - best) / TEMPERATURE)
        total += weight
        if not has(key):
            missing += weight
    return missing / total if total else 0.0


def probable_loss(missing: float, warm: float, warm_items: int, cold_items: int) -> float:
    """Return how likely it is that the right memory is missing.

    Where what is asked for is nearly always warm, as right after it was said, a cold memory that scores well is most
    often no loss; where anything may be asked for, it is. So the weights are multiplied by the square root of how
    likely a warm and a cold memory are to be the right one. The root, because scores are not independent of what is
    kept warm: it overestimates what is lost more often than it underestimates it.

    Args:
        missing: As of `missing_share`.
        warm: How often what is asked for is warm.
        warm_items: How many memories are warm.
        cold_items: How many are not.

    Example:
        >>> [round(probable_loss(0.5, warm, warm_items=100, cold_items=900), 2) for warm in (0.1, 0.9)]
        [0.5, 0.1]
    """
    warm = min(max(warm, 0.02), 0.98)
    lost = missing * math.sqrt((1 - warm) / max(cold_items, 1))
    kept = (1 - missing) * math.sqrt(warm / max(warm_items, 1))
    return lost / (lost + kept) if lost else 0.0
