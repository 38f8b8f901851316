"""A graph that makes old memories fewer, run by hand or by cron."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from langgraph.types import RetryPolicy
from typing_extensions import TypedDict

from warmgraph.clock import Clock
from warmgraph.knowledge import create_consolidator
from warmgraph.nodes import DEFAULT_NAMESPACE, MemoryContext
from warmgraph.nodes.consolidate import ConsolidationState, create_consolidate_node

__all__ = ["create_consolidation_graph"]


class ConsolidationInput(TypedDict, total=False):
    """Nothing: whose memories are consolidated is in the context."""


def create_consolidation_graph(
    model: BaseChatModel | str | None = None,
    *,
    store: BaseStore | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    older_than: timedelta = timedelta(days=30),
    turns: int = 4,
    share: float = 0.34,
    forget_after: timedelta | None = timedelta(days=365),
    themes: int = 10,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    context_schema: type[Any] | None = MemoryContext,
    retry_policy: RetryPolicy | None = None,
    clock: Clock | None = None,
    name: str = "consolidate",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create a graph that consolidates the memories of a user: summaries with links, themes, forgetting.

    Its input is empty, its output `consolidated`, what was done in numbers. See `create_consolidator` for what that is.

    Args:
        model: Writes the summaries; without one they are extracts.
        store: The store; on a server leave it out.
        namespace: Template of the namespace.
        older_than: What was said more recently is left as it is.
        turns: Turns of a summary, at least.
        share: How much of the characters an extract keeps.
        forget_after: After this long a fact that is not used is forgotten; `None` for never.
        themes: Themes listed, at most.
        checkpointer: The checkpointer; on a server leave it out.
        context_schema: Schema of the runtime context.
        retry_policy: For the node.
        clock: Tells the time.
        name: Name of the graph.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph import create_memory_agent
        >>> store, ana = InMemoryStore(), MemoryContext("ana")
        >>> agent = create_memory_agent("offline", store=store)
        >>> for text in ("I bought a bike.", "It is green.", "Where is my bike?"):
        ...     _ = agent.invoke({"messages": text}, {"configurable": {"thread_id": "1"}}, context=ana)
        >>> graph = create_consolidation_graph(store=store, older_than=timedelta(0))
        >>> done = graph.invoke({}, context=ana)["consolidated"]
        >>> [done[name] for name in ("before", "after", "summaries", "archived")]
        [6, 1, 1, 6]
        >>> graph.invoke({}, context=ana)["consolidated"]["summaries"]  # there is nothing left to do
        0
    """
    consolidator = create_consolidator(
        model,
        namespace=namespace,
        older_than=older_than,
        turns=turns,
        share=share,
        forget_after=forget_after,
        themes=themes,
        clock=clock,
    )
    builder = StateGraph(
        ConsolidationState,
        context_schema=context_schema,
        input_schema=ConsolidationInput,
        output_schema=ConsolidationState,
    )
    node = create_consolidate_node(consolidator, retry_policy=retry_policy)
    builder.add_node("consolidate", node, input_schema=ConsolidationState, retry_policy=retry_policy)
    builder.add_edge(START, "consolidate")
    builder.add_edge("consolidate", END)
    return builder.compile(store=store, checkpointer=checkpointer, name=name)
