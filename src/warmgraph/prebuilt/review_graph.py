"""A graph in which a human decides about memories that were kept aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict

from warmgraph.clock import Clock
from warmgraph.nodes import DEFAULT_NAMESPACE, MemoryContext, create_find_quarantined_node, create_review_node
from warmgraph.nodes.review import ReviewedMemory, ReviewState

__all__ = ["create_review_graph"]


class ReviewInput(TypedDict, total=False):
    """Nothing: whose memories are reviewed is in the context."""


class ReviewOutput(TypedDict, total=False):
    """What a run of the review graph returns."""

    reviewed: list[ReviewedMemory]


def create_review_graph(
    *,
    store: BaseStore | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    limit: int = 10,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    context_schema: type[Any] | None = MemoryContext,
    clock: Clock | None = None,
    name: str = "review",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create a graph that asks about memories in quarantine by `interrupt()`: approve, edit, or reject each.

    What tools, quoted texts and other sources say that a policy does not trust is kept aside when it is extracted. A
    run of this graph shows the oldest of it, in the form of LangChain's human-in-the-loop middleware, and does what it
    is resumed with; see `create_review_node`. With nothing to review it ends at once.

    Args:
        store: The store; on a server leave it out.
        namespace: Template of the namespace.
        limit: How many memories one run asks about.
        checkpointer: Keeps the run while the human thinks: needed, but on a server leave it out.
        context_schema: Schema of the runtime context.
        clock: Tells when it was reviewed.
        name: Name of the graph.

    Example:
        >>> from langgraph.checkpoint.memory import InMemorySaver
        >>> from langgraph.store.memory import InMemoryStore
        >>> from langgraph.types import Command
        >>> from warmgraph import TrustPolicy, create_manage_memory_tool
        >>> store, ana = InMemoryStore(), MemoryContext("ana")
        >>> wary = create_manage_memory_tool(DEFAULT_NAMESPACE, store=store, policy=TrustPolicy(store_from=1.0))
        >>> wary.invoke({"content": "Likes bitcoin."}, {"configurable": {"user_id": "ana"}})
        'kept for review: memory ...'
        >>> graph = create_review_graph(store=store, checkpointer=InMemorySaver())
        >>> thread = {"configurable": {"thread_id": "1"}}
        >>> asked = graph.invoke({}, thread, context=ana)["__interrupt__"][0].value
        >>> [(request["name"], request["args"]) for request in asked["action_requests"]]
        [('add_memory', {'content': 'Likes bitcoin.'})]
        >>> done = graph.invoke(Command(resume={"decisions": [{"type": "reject"}]}), thread, context=ana)
        >>> [(each["decision"], each["action"]) for each in done["reviewed"]], store.search(("memories", "ana"))
        ([('reject', 'refused')], [])
    """
    builder = StateGraph(
        ReviewState, context_schema=context_schema, input_schema=ReviewInput, output_schema=ReviewOutput
    )
    builder.add_node("find_quarantined", create_find_quarantined_node(namespace, limit=limit), input_schema=ReviewState)
    builder.add_node("review", create_review_node(namespace, clock=clock), input_schema=ReviewState)
    builder.add_edge(START, "find_quarantined")
    builder.add_edge("find_quarantined", "review")
    builder.add_edge("review", END)
    return builder.compile(store=store, checkpointer=checkpointer, name=name)
