"""vector_fallback: search the long-term tier, and merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from langgraph.types import RetryPolicy

from warmgraph.clock import Clock, SystemClock
from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.traces import begin_trace, current_trace
from warmgraph.nodes.turns import message_keys
from warmgraph.ranking import WarmRouter
from warmgraph.recall.held import HeldItems
from warmgraph.recall.learning import tell_miss
from warmgraph.recall.merging import merge_ranked
from warmgraph.recall.tiers import long_term_steps
from warmgraph.recall.traces import RecallTrace, decision_of, dropped_items, recalled
from warmgraph.short_term.history import unsummarized
from warmgraph.steps import Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["create_vector_fallback_node"]


def create_vector_fallback_node(
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    limit: int = 10,
    filter: Mapping[str, Any] | None = None,
    router: WarmRouter | None = None,
    clock: Clock | None = None,
    retry_policy: RetryPolicy | None = None,
    name: str = "vector_fallback",
) -> MemoryNode:
    """Create the node that searches everything that is stored, and merges it with what the warm tier found.

    Reads `recall` and `messages`; writes `recall`: each key once, with its best score. It works without the node
    `recall`, too: then it is a plain search. When the store fails, what was warm is all there is.

    Args:
        namespace: Template of the namespace.
        limit: How many memories to keep at most.
        filter: As in `BaseStore.search`.
        router: Who decided; one that learns hears what a hit would have cost.
        clock: Tells when the turn began, where the node `recall` did not.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node.

    Example:
        >>> from langgraph.graph import StateGraph
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph.nodes import MemoryState
        >>> store = InMemoryStore()
        >>> store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
        >>> builder = StateGraph(MemoryState).add_node(create_vector_fallback_node())
        >>> graph = builder.set_entry_point("vector_fallback").compile(store=store)
        >>> found = graph.invoke({"messages": "Where do I live?"}, {"configurable": {"user_id": "ana"}})
        >>> found["recall"]["items"]
        [{'key': 'home', 'score': None, 'tier': 'long_term'}]
    """
    template = NamespaceTemplate(namespace)
    clock = clock if clock is not None else SystemClock()

    def logic(state: MemoryReads, visit: Visit) -> Steps[dict[str, Any]]:
        began = perf_counter()
        place = visit.namespace(template)
        trace: RecallTrace = {**(current_trace(state) or begin_trace(state, place, clock))}
        update: dict[str, Any] = {"recall": trace}
        query = trace["query"]
        if query:
            try:
                known = message_keys(
                    visit.thread_id, unsummarized(state.get("messages", []), state.get("running_summary"))
                )
                found = yield from long_term_steps(visit.store, place, query, limit, filter, known)
                if found.failure is not None and not state.get("memory_errors"):  # `recall` may have told it
                    update["memory_errors"] = [visit.noted(found.failure, [query])]
                decision = None if router is None else decision_of(trace)
                if router is not None and decision is not None:
                    tell_miss(visit.store, router, decision, [item["key"] for item in trace["items"]], found.items)
                held = HeldItems.of(state.get("memory_items"))
                update["memory_items"] = held.with_items(place, found.items)
                trace["tier"] = "long_term"
                trace["dropped"] = dropped_items(found.dropped)
                trace["items"] = merge_ranked(
                    (trace["items"], recalled(found.items, "long_term")),
                    limit=limit,
                    key=lambda item: item["key"],
                    score=lambda item: item["score"],
                )
            except Exception as error:
                update["memory_errors"] = [visit.failed(error, [query])]
        trace["milliseconds"] += (perf_counter() - began) * 1000
        return update

    return MemoryNode(name, logic, retry_policy=retry_policy)
