"""Events on the custom stream: what was recalled, what was remembered, what failed.

They hold keys and scores, never a memory's text. Read them with `stream_mode="custom"`; from a subgraph, with
`subgraphs=True`.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from warmgraph.recall.packing import LeftOut, Packed
from warmgraph.recall.traces import DecisionTrace, RecallTrace, Tier

__all__ = [
    "Candidate",
    "MemoryErrorEvent",
    "MemoryEvent",
    "RecallReceipt",
    "RememberReceipt",
    "ScheduleReceipt",
    "SummarizeReceipt",
    "candidates_of",
]


class Candidate(TypedDict):
    """A memory that might have been used.

    Attributes:
        key: Its key.
        score: Its score; `None` where the store gives none.
        tier: Where it was found.
        left_out: Why the model does not get it; `None` where it does.
    """

    key: str
    score: float | None
    tier: Tier
    left_out: LeftOut | None


class RecallReceipt(TypedDict):
    """One recall, once its memories are ready for the model.

    Attributes:
        type: "memory_recall".
        tier: Where the memories come from.
        decision: What the router decided; `None` in a graph without one.
        namespace: Where was looked.
        keys: The memories that the model gets, best first.
        scores: Their scores, in the same order.
        count: How many they are.
        tokens: How many tokens their block takes.
        left_out: Keys that were found and not used, each with the reason: "low_score" (below the threshold), "budget",
            "duplicate", "crowded" (by questions), "filter", "expired", "missing", "unreadable", "quarantined".
        candidates: All of both, with their scores, best first.
        milliseconds: Time spent on the recall, over all nodes.
    """

    type: Literal["memory_recall"]
    tier: Tier
    decision: DecisionTrace | None
    namespace: list[str]
    keys: list[str]
    scores: list[float | None]
    count: int
    tokens: int
    left_out: dict[str, LeftOut]
    candidates: list[Candidate]
    milliseconds: float


class RememberReceipt(TypedDict):
    """The messages of one turn, written.

    Attributes:
        type: "memory_remember".
        namespace: Where they were written.
        keys: Their keys, in the order of the conversation.
        milliseconds: Time until the store had acknowledged them.
    """

    type: Literal["memory_remember"]
    namespace: list[str]
    keys: list[str]
    milliseconds: float


class SummarizeReceipt(TypedDict):
    """A thread was summarized.

    Attributes:
        type: "memory_summarize".
        messages: How many messages are in the summary now.
        kept: How many the model sees beside it.
        milliseconds: Time that it took.
    """

    type: Literal["memory_summarize"]
    messages: int
    kept: int
    milliseconds: float


class ScheduleReceipt(TypedDict):
    """Reflection on a thread was scheduled.

    Attributes:
        type: "memory_schedule_reflection".
        namespace: Whose memory it is about.
        after_seconds: How long the thread has to rest before it begins.
    """

    type: Literal["memory_schedule_reflection"]
    namespace: list[str]
    after_seconds: float


class MemoryErrorEvent(TypedDict):
    """A part of memory failed; the answer does not depend on it.

    Attributes:
        type: "memory_error".
        node: The node that failed.
        error: The type of the error.
        message: What it says.
    """

    type: Literal["memory_error"]
    node: str
    error: str
    message: str


def candidates_of(trace: RecallTrace, packed: Packed) -> list[Candidate]:
    """Return all memories of a recall, used or not, best first."""
    left_out, others = packed.left_out, trace.get("dropped")
    if not others:  # items come best first
        return [
            {"key": (key := item["key"]), "score": item["score"], "tier": item["tier"], "left_out": left_out.get(key)}
            for item in trace["items"]
        ]
    found: dict[str, Candidate] = {}
    for dropped in others:
        found[dropped["key"]] = {
            "key": dropped["key"],
            "score": dropped["score"],
            "tier": trace["tier"],
            "left_out": dropped["reason"],
        }
    for item in trace["items"]:  # what was left out of one tier may have come from the other
        found[item["key"]] = {**item, "left_out": left_out.get(item["key"])}
    return sorted(found.values(), key=lambda each: float("inf") if each["score"] is None else -each["score"])


MemoryEvent = RecallReceipt | RememberReceipt | SummarizeReceipt | ScheduleReceipt | MemoryErrorEvent
