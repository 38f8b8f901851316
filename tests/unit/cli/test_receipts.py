"""Each event of memory becomes one line that a person understands."""

from __future__ import annotations

from warmgraph.cli.chat.receipts import is_error, receipt_line
from warmgraph.recall import MemoryErrorEvent, RecallReceipt, RememberReceipt


def recalled(**changes: object) -> RecallReceipt:
    """Return the receipt of a warm hit."""
    receipt: RecallReceipt = {
        "type": "memory_recall",
        "tier": "warm",
        "decision": {"hit": True, "confidence": 0.9, "reason": "margin +0.310 reaches tau +0.060"},
        "namespace": ["memories", "ana"],
        "keys": ["a"],
        "scores": [0.5],
        "count": 1,
        "tokens": 42,
        "left_out": {},
        "candidates": [],
        "milliseconds": 0.84,
    }
    receipt.update(changes)  # type: ignore[typeddict-item]
    return receipt


def test_a_hit_says_why_and_what_it_cost() -> None:
    """Tier, decision, number of memories, tokens and milliseconds are all there."""
    assert "recalled 1 memory from warm: hit (margin +0.310 reaches tau +0.060); 42 tokens; 0.8 ms" == receipt_line(
        recalled()
    )


def test_a_miss_names_the_tier_that_answered() -> None:
    """After a miss the memories come from the long-term tier, and the reason is the router's."""
    decision = {"hit": False, "confidence": 0.0, "reason": "first touch of this namespace"}

    line = receipt_line(recalled(tier="long_term", decision=decision, count=3))

    assert line.startswith("recalled 3 memories from long term: warm miss (first touch of this namespace); ")


def test_what_was_left_out_is_counted_by_reason() -> None:
    """Memories that were found and not used are not silently gone."""
    left_out = {"a": "low_score", "b": "budget", "c": "low_score"}

    line = receipt_line(recalled(count=0, tokens=0, left_out=left_out))

    assert "recalled 0 memories" in line
    assert "1 left out (over the token budget), 2 left out (too weak)" in line
    assert "tokens" not in line.replace("token budget", "")


def test_a_graph_without_a_router_has_no_decision() -> None:
    """Without a decision the tier alone is told."""
    assert "from long term; 42 tokens; 0.8 ms" in receipt_line(recalled(tier="long_term", decision=None))


def test_remembering_and_failing_are_told() -> None:
    """What was written is counted; what failed is named with its node, and marked as an error."""
    written: RememberReceipt = {
        "type": "memory_remember",
        "namespace": ["memories", "ana"],
        "keys": ["a", "b"],
        "milliseconds": 4.31,
    }
    failed: MemoryErrorEvent = {
        "type": "memory_error",
        "node": "remember",
        "error": "StoreUnavailableError",
        "message": "the disk is full",
    }

    assert "remembered 2 messages; 4.3 ms" == receipt_line(written)
    assert "memory failed in remember: StoreUnavailableError: the disk is full" == receipt_line(failed)
    assert [False, True] == [is_error(written), is_error(failed)]


def test_events_of_others_are_not_receipts() -> None:
    """A user's own tools may write to the custom stream, too."""
    assert "" == receipt_line({"type": "progress", "percent": 10})
    assert "" == receipt_line({})
