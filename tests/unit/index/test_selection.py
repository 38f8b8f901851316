"""The best few of many scores."""

from __future__ import annotations

import numpy as np
import pytest

from warmgraph.index import top_k


@pytest.mark.parametrize("count", [0, 1, 5, 500, 501, 3_000, 20_000])
@pytest.mark.parametrize("k", [1, 3, 10, 499, 2_999, 50_000])
@pytest.mark.parametrize("steps", [1, 3, 40, 10**6])
def test_the_best_are_found_whatever_the_ties(count: int, k: int, steps: int) -> None:
    """Selection equals a full sort by score and slot, from all scores equal to all different."""
    rng = np.random.default_rng(count + k + steps)
    scores = rng.integers(0, steps, count).astype(np.float32) - np.float32(steps / 2)
    slots = rng.permutation(2 * count)[:count]

    hits = top_k(slots, scores, k)

    order = sorted(range(count), key=lambda at: (-scores[at], -slots[at]))[:k]
    assert slots[order].tolist() == hits.slots.tolist()
    assert scores[order].tolist() == hits.scores.tolist()


def test_slots_without_a_vector_come_last() -> None:
    """-inf is a score like any other."""
    scores = np.full(600, -np.inf, np.float32)
    scores[[4, 90]] = 0.5, 0.25

    assert [4, 90, 599] == top_k(np.arange(600), scores, 3).slots.tolist()
