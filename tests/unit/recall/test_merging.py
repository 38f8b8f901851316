"""Merging rankings."""

from __future__ import annotations

import pytest

from warmgraph.recall.merging import merge_ranked

Entry = tuple[str, float | None]


def merged(*rankings: list[Entry], limit: int = 10) -> list[Entry]:
    """Merge rankings of (key, score)."""
    return merge_ranked(rankings, limit=limit, key=lambda entry: entry[0], score=lambda entry: entry[1])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_key_stands_once_with_its_best_score(order: tuple[int, int]) -> None:
    """Whichever ranking saw the better score, it counts."""
    rankings: list[list[Entry]] = [[("a", 0.2), ("b", 0.1)], [("b", 0.9), ("c", 0.3)]]
    assert [("b", 0.9), ("c", 0.3), ("a", 0.2)] == merged(rankings[order[0]], rankings[order[1]])


def test_equal_scores_keep_the_preferred_ranking_first() -> None:
    """Of two equal scores that of the first ranking stays, and stands first."""
    assert [("a", 0.5), ("b", 0.5)] == merged([("a", 0.5)], [("b", 0.5), ("a", 0.5)])


def test_entries_without_a_score_follow_in_their_order() -> None:
    """A store that does not rank cannot outrank one that does."""
    assert [("c", -0.5), ("a", None), ("b", None)] == merged([("a", None), ("b", None)], [("c", -0.5)])


def test_a_score_beats_none_for_the_same_key() -> None:
    """A key that one ranking scored is not unscored because another did not."""
    assert [("a", 0.1)] == merged([("a", None)], [("a", 0.1)])


def test_no_more_than_the_limit() -> None:
    """The worst entries go."""
    assert [("c", 3.0), ("b", 2.0)] == merged([("a", 1.0), ("b", 2.0), ("c", 3.0)], limit=2)
