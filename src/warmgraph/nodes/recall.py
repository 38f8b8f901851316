"""recall: rank the warm tier for what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from langgraph.types import RetryPolicy

from warmgraph.clock import Clock, SystemClock
from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.failures import MemoryFailure
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.traces import begin_trace
from warmgraph.nodes.turns import message_keys
from warmgraph.recall.held import HeldItems
from warmgraph.recall.tiers import warm_steps
from warmgraph.recall.traces import dropped_items, recalled, signals_trace
from warmgraph.short_term.history import unsummarized
from warmgraph.steps import Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["create_recall_node"]


def create_recall_node(
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    limit: int = 10,
    filter: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    retry_policy: RetryPolicy | None = None,
    name: str = "recall",
) -> MemoryNode:
    """Create the node that begins a turn: it ranks the warm tier for the last human message.

    Reads `messages`; writes `recall` (keys, scores, the router's signals) and begins `memory_errors` anew. Messages
    that stand in the thread are not recalled: the model sees them anyway. A store that fails leaves an empty recall,
    and a model of embeddings that fails one by words; `memory_errors` tells of both. Only a namespace that cannot be
    resolved stops the run, before any model is called.

    Args:
        namespace: Template of the namespace, such as `("memories", "{user_id}")`.
        limit: How many memories to recall at most.
        filter: As in `BaseStore.search`.
        clock: Tells when the turn begins.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node.

    Example:
        >>> from langgraph.graph import StateGraph
        >>> from warmgraph.nodes import MemoryState
        >>> graph = StateGraph(MemoryState).add_node(create_recall_node()).set_entry_point("recall").compile()
        >>> found = graph.invoke({"messages": "Where do I live?"}, {"configurable": {"user_id": "ana"}})
        >>> found["recall"]["query"], [failure["error"] for failure in found["memory_errors"]]
        ('Where do I live?', ['StoreError'])
    """
    template = NamespaceTemplate(namespace)
    clock = clock if clock is not None else SystemClock()

    def logic(state: MemoryReads, visit: Visit) -> Steps[dict[str, Any]]:
        began = perf_counter()
        place = visit.namespace(template)
        trace = begin_trace(state, place, clock)
        failures: list[MemoryFailure | None] = [None] if state.get("memory_errors") else []
        query = trace["query"]
        update: dict[str, Any] = {"recall": trace}
        if query:
            try:
                known = message_keys(
                    visit.thread_id, unsummarized(state.get("messages", []), state.get("running_summary"))
                )
                found = yield from warm_steps(visit.store, place, query, limit, filter, known)
                trace["items"] = recalled(found.items, "warm")
                trace["dropped"] = dropped_items(found.dropped) if found.dropped else []
                trace["signals"] = signals_trace(found.signals)
                update["memory_items"] = HeldItems(place, found.items)
                if found.failure is not None:
                    failures.append(visit.noted(found.failure, [query]))
            except Exception as error:
                failures.append(visit.failed(error, [query]))
        trace["milliseconds"] = (perf_counter() - began) * 1000
        if failures:
            update["memory_errors"] = failures
        return update

    return MemoryNode(name, logic, retry_policy=retry_policy)
