"""A graph that reflects on what was remembered, for the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import Runnable
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from langgraph.types import RetryPolicy

from warmgraph.nodes import (
    DEFAULT_NAMESPACE,
    MemoryContext,
    ReflectionPointer,
    ReflectionState,
    create_reflect_node,
)

__all__ = ["create_reflection_graph"]


def create_reflection_graph(
    reflector: Runnable[Any, Any] | Any,
    *,
    store: BaseStore | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    max_messages: int = 50,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    context_schema: type[Any] | None = MemoryContext,
    retry_policy: RetryPolicy | None = None,
    name: str = "reflect",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create a graph that gives a reflector what was remembered of a thread since it last ran.

    Its input is a pointer, as `schedule_reflection` makes it: `thread_id`, and optionally `namespace` and `up_to`; its
    output `reflected`, how many messages the reflector was given. Run it with the context of the user whose memory it
    is. In a `ReflectionExecutor`, the reflector's writes and the watermark are applied together.

    Args:
        reflector: A Runnable or a function of `{"messages": [...]}`, which writes to the store of its run.
        store: The store; on a server, or in an executor that has one, leave it out.
        namespace: Template of the namespace.
        max_messages: How many messages the reflector gets at once; it is called as often as it takes.
        checkpointer: The checkpointer; on a server leave it out.
        context_schema: Schema of the runtime context.
        retry_policy: For the node. On a server failed runs are not repeated, in an executor they are.
        name: Name of the graph.

    Example:
        >>> from langgraph.config import get_store
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph import ReflectionExecutor, create_memory_agent
        >>> def reflect(payload):
        ...     words = [message.text for message in payload["messages"] if message.type == "human"]
        ...     get_store().put(("notes", "ana"), "said", {"content": " / ".join(words)})
        >>> store, ana = InMemoryStore(), MemoryContext("ana")
        >>> with ReflectionExecutor(create_reflection_graph(reflect), DEFAULT_NAMESPACE, store=store) as executor:
        ...     agent = create_memory_agent("offline", store=store, reflection=executor)
        ...     for text in ("I live in Lisbon.", "I like tea."):
        ...         _ = agent.invoke({"messages": text}, {"configurable": {"thread_id": "1"}}, context=ana)
        >>> store.get(("notes", "ana"), "said").value["content"], executor.stats().started
        ('I live in Lisbon. / I like tea.', 1)
    """
    builder = StateGraph(
        ReflectionState, context_schema=context_schema, input_schema=ReflectionPointer, output_schema=ReflectionState
    )
    node = create_reflect_node(reflector, namespace, max_messages=max_messages, retry_policy=retry_policy)
    builder.add_node("reflect", node, input_schema=ReflectionState, retry_policy=retry_policy)
    builder.add_edge(START, "reflect")
    builder.add_edge("reflect", END)
    return builder.compile(store=store, checkpointer=checkpointer, name=name)
