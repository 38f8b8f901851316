"""warm_hit: is what the warm tier found enough?"""

from __future__ import annotations

from typing import Any

from langgraph.types import Command

from warmgraph.nodes.failures import MemoryFailure
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.traces import current_trace
from warmgraph.nodes.turns import message_keys
from warmgraph.ranking import PeekRouter, WarmRouter
from warmgraph.recall.learning import learns, prepare_steps, tell_hit
from warmgraph.recall.traces import DecisionTrace, decision_trace, signals_of
from warmgraph.short_term.history import unsummarized
from warmgraph.steps import Steps

__all__ = ["create_warm_hit_node"]


def create_warm_hit_node(
    router: WarmRouter | None = None,
    *,
    hit: str = "pack_context",
    miss: str = "vector_fallback",
    limit: int = 10,
    name: str = "warm_hit",
) -> MemoryNode:
    """Create the node that routes: to `hit` when the warm tier is enough, else to `miss`.

    Reads `recall`; writes the decision into it and returns a `Command`. It sees signals only, no memory. Without
    signals, because the store has no warm tier or failed, it is a miss. A router that raises is noted, and is a miss.
    It waits for nothing, but for a router that learns, which reads its state when it first comes to a namespace.

    Args:
        router: Decides; `PeekRouter()` by default.
        hit: The node to go to on a hit.
        miss: The node to go to on a miss.
        limit: As of the recall: so many memories are compared when a router that learns wants to know what a hit cost.
        name: Name of the node.

    Example:
        >>> create_warm_hit_node(hit="answer", miss="search").name
        'warm_hit'
    """
    chosen = router if router is not None else PeekRouter()
    told = learns(chosen)

    def logic(state: MemoryReads, visit: Visit) -> Steps[Command[Any]]:
        trace = current_trace(state)
        if trace is None:
            return Command(goto=miss)
        decision: DecisionTrace
        failures: list[MemoryFailure] = []
        signals = signals_of(trace["signals"], trace["namespace"])
        if not trace["query"]:
            decision = {"hit": True, "confidence": 1.0, "reason": "nothing to look for"}
        elif signals is None:
            decision = {"hit": False, "confidence": 0.0, "reason": "the warm tier did not answer"}
        else:
            try:
                if told:
                    yield from prepare_steps(visit.store, chosen, signals.namespace)
                decided = chosen.decide(signals)
                decision = decision_trace(decided)
                if decided.hit and told:
                    messages = unsummarized(state.get("messages", []), state.get("running_summary"))
                    known = message_keys(visit.thread_id, messages)
                    keys = [item["key"] for item in trace["items"]]
                    tell_hit(visit.store, chosen, decided, trace["query"], keys, limit=limit, exclude=known)
            except Exception as error:
                failures.append(visit.failed(error))
                decision = {"hit": False, "confidence": 0.0, "reason": "the router failed"}
        update: dict[str, Any] = {"recall": {**trace, "decision": decision}}
        if failures:
            update["memory_errors"] = failures
        return Command(goto=hit if decision["hit"] else miss, update=update)

    return MemoryNode(name, logic, goto=(hit, miss))
