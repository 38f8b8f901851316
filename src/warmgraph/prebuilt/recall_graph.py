"""recall -> warm_hit -> vector_fallback -> pack_context, without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from langgraph.types import RetryPolicy

from warmgraph.nodes import (
    DEFAULT_NAMESPACE,
    MemoryContext,
    MemoryInput,
    MemoryState,
    RecallOutput,
    create_pack_context_node,
    create_recall_node,
    create_vector_fallback_node,
    create_warm_hit_node,
)
from warmgraph.ranking import PeekRouter, WarmRouter
from warmgraph.recall.packing import DEFAULT_MAX_TOKENS, DEFAULT_MIN_SCORE, TokenCounter

__all__ = ["add_recall_nodes", "create_recall_graph"]


def create_recall_graph(
    *,
    store: BaseStore | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    router: WarmRouter | None = None,
    limit: int = 10,
    filter: Mapping[str, Any] | None = None,
    max_memory_tokens: int = DEFAULT_MAX_TOKENS,
    min_score: float = DEFAULT_MIN_SCORE,
    token_counter: TokenCounter | None = None,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    context_schema: type[Any] | None = MemoryContext,
    retry_policy: RetryPolicy | None = None,
    name: str = "recall",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create a graph that recalls and packs, for use on its own or as a part of a graph of your own.

    Its output is the block for a model (`memory_context`), the trace (`recall`) and what failed (`memory_errors`).

    Args:
        store: The store; on a server leave it out.
        namespace: Template of the namespace, such as `("memories", "{user_id}")`.
        router: Decides whether the warm tier is enough; `PeekRouter()` by default. A `CalibratedRouter` learns, with a
            `WarmStore`, from what its hits cost.
        limit: How many memories to recall at most.
        filter: As in `BaseStore.search`.
        max_memory_tokens: What the block may cost.
        min_score: Memories that score lower are left out.
        token_counter: Counts the tokens of messages; by default four characters are taken for a token.
        checkpointer: The checkpointer; on a server leave it out.
        context_schema: Schema of the runtime context.
        retry_policy: For the nodes that ask the store.
        name: Name of the graph.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> store = InMemoryStore()
        >>> store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
        >>> graph = create_recall_graph(store=store)
        >>> found = graph.invoke({"messages": "Where do I live?"}, context=MemoryContext("ana"))
        >>> "I live in Lisbon." in found["memory_context"], found["recall"]["tier"]
        (True, 'long_term')
    """
    builder = StateGraph(
        MemoryState, context_schema=context_schema, input_schema=MemoryInput, output_schema=RecallOutput
    )
    add_recall_nodes(
        builder,
        namespace=namespace,
        router=router,
        limit=limit,
        filter=filter,
        max_tokens=max_memory_tokens,
        min_score=min_score,
        token_counter=token_counter,
        retry_policy=retry_policy,
    )
    builder.add_edge("pack_context", END)
    return builder.compile(store=store, checkpointer=checkpointer, name=name)


def add_recall_nodes(
    builder: StateGraph[Any, Any, Any, Any],
    *,
    namespace: str | Sequence[str],
    router: WarmRouter | None,
    limit: int,
    filter: Mapping[str, Any] | None,
    max_tokens: int,
    min_score: float,
    token_counter: TokenCounter | None,
    retry_policy: RetryPolicy | None,
    show: bool = True,
) -> None:
    """Add recall, warm_hit, vector_fallback and pack_context, from START up to but not beyond pack_context."""
    recall = create_recall_node(namespace, limit=limit, filter=filter, retry_policy=retry_policy)
    router = router if router is not None else PeekRouter()
    fallback = create_vector_fallback_node(
        namespace, limit=limit, filter=filter, router=router, retry_policy=retry_policy
    )
    pack = create_pack_context_node(
        namespace,
        max_tokens=max_tokens,
        min_score=min_score,
        token_counter=token_counter,
        show=show,
        retry_policy=retry_policy,
    )
    builder.add_node("recall", recall, retry_policy=retry_policy)
    builder.add_node("warm_hit", create_warm_hit_node(router, limit=limit))
    builder.add_node("vector_fallback", fallback, retry_policy=retry_policy)
    builder.add_node("pack_context", pack, retry_policy=retry_policy)
    builder.add_edge(START, "recall")
    builder.add_edge("recall", "warm_hit")
    builder.add_edge("vector_fallback", "pack_context")
