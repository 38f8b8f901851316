"""What the answers to all questions come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warmgraph.bench.conversations import Question, evidence_recall
from warmgraph.bench.report import percentile

__all__ = ["Outcome", "summarise"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one question brought to light.

    Args:
        question: The question.
        tier: "warm" or "long_term".
        decision: The router's, with its reason.
        keys: What was recalled, best first.
        packed: Of these, what stood in the prompt.
        reference: What the long-term tier alone would have recalled, best first.
        prompt_tokens: Tokens of the whole prompt, approximately.
        recall_ms: Time of the recall, over all nodes, in milliseconds.
        turn_ms: Time of the whole turn.
        answer: What the agent said.
        best: (key, author, text) of the best memories, read back from the store.
        failures: What failed in memory.
    """

    question: Question
    tier: str
    decision: Mapping[str, Any] | None
    keys: Sequence[str]
    packed: Sequence[str]
    reference: Sequence[str]
    prompt_tokens: int
    recall_ms: float
    turn_ms: float
    answer: str
    best: Sequence[tuple[str, str, str]] = ()
    failures: Sequence[str] = field(default_factory=list)

    @property
    def hit(self) -> bool:
        """Whether the warm tier was enough."""
        return self.tier == "warm"


def summarise(outcomes: Sequence[Outcome], history_tokens: Mapping[str, int], k: int) -> dict[str, Any]:
    """Return all figures of a demo.

    Evidence recall is the mean over questions of the share of their evidence that was recalled; questions without
    evidence are asked, and left out of it.

    Args:
        outcomes: One for each question.
        history_tokens: Tokens of the whole conversation, by user.
        k: How many memories were recalled at most; recall at more than that is NaN.
    """
    answerable = [outcome for outcome in outcomes if outcome.question.evidence]
    recalls = [outcome.recall_ms for outcome in outcomes]
    prompts = [float(outcome.prompt_tokens) for outcome in outcomes]
    histories = [float(history_tokens[outcome.question.user]) for outcome in outcomes]
    return {
        "questions": len(outcomes),
        "with_evidence": len(answerable),
        "recall_at_5": _recall_at(5, k, answerable, "keys"),
        "recall_at_10": _recall_at(10, k, answerable, "keys"),
        "recall_in_prompt": _recall_at(k, k, answerable, "packed"),
        "long_term_recall_at_5": _recall_at(5, k, answerable, "reference"),
        "long_term_recall_at_10": _recall_at(10, k, answerable, "reference"),
        "warm_hits": _mean(float(outcome.hit) for outcome in outcomes),
        "prompt_tokens": _mean(prompts),
        "history_tokens": _mean(histories),
        "recall_p50_ms": percentile(recalls, 0.5),
        "recall_p95_ms": percentile(recalls, 0.95),
        "recall_warm_p50_ms": percentile([each.recall_ms for each in outcomes if each.hit], 0.5),
        "recall_long_term_p50_ms": percentile([each.recall_ms for each in outcomes if not each.hit], 0.5),
        "turn_p50_ms": percentile([outcome.turn_ms for outcome in outcomes], 0.5),
    }


def grouped(outcomes: Iterable[Outcome], by: str) -> dict[str, list[Outcome]]:
    """Return outcomes by a field of their question, in the order of first appearance."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(getattr(outcome.question, by), []).append(outcome)
    return groups


def _recall_at(at: int, k: int, outcomes: Sequence[Outcome], of: str) -> float:
    if at > k:
        return float("nan")
    return _mean(evidence_recall(getattr(each, of), each.question.evidence, at) for each in outcomes)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else float("nan")
