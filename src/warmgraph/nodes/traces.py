"""The trace of the current turn, in the state."""

from __future__ import annotations

from warmgraph.clock import Clock
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.turns import last_human, message_text
from warmgraph.recall.traces import RecallTrace

__all__ = ["begin_trace", "current_trace"]


def begin_trace(state: MemoryReads, namespace: tuple[str, ...], clock: Clock) -> RecallTrace:
    """Return an empty trace for the last human message."""
    messages = state.get("messages", [])
    at = last_human(messages)
    return {
        "namespace": list(namespace),
        "message_id": None if at is None else messages[at].id,
        "query": "" if at is None else message_text(messages[at]),
        "at": clock.now().isoformat(timespec="seconds"),
        "tier": "warm",
        "items": [],
        "signals": None,
        "decision": None,
        "milliseconds": 0.0,
    }


def current_trace(state: MemoryReads) -> RecallTrace | None:
    """Return the trace in the state if it is of the last human message.

    Threads keep the trace of an earlier turn when a graph does not recall in each; it must not be taken for this one.
    """
    trace = state.get("recall")
    messages = state.get("messages", [])
    at = last_human(messages)
    if at is None or not isinstance(trace, dict) or not _KEYS <= trace.keys():
        return None  # written by another version, or by hand
    return trace if trace["message_id"] == messages[at].id else None


_KEYS = RecallTrace.__required_keys__
