"""An agent that remembers its user, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, SystemMessage
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from langgraph.types import RetryPolicy

from warmgraph.nodes import (
    DEFAULT_NAMESPACE,
    MemoryContext,
    MemoryInput,
    MemoryOutput,
    MemoryState,
    SchedulesReflection,
    Summarizer,
    create_agent_node,
    create_remember_node,
    create_schedule_reflection_node,
    create_summarize_node,
)
from warmgraph.nodes.schedule_reflection import DEFAULT_REFLECT_AFTER
from warmgraph.nodes.summarizer import DEFAULT_MAX_HISTORY_TOKENS, DEFAULT_MAX_SUMMARY_TOKENS
from warmgraph.prebuilt.recall_graph import add_recall_nodes
from warmgraph.prompts import StoredPrompt
from warmgraph.ranking import WarmRouter
from warmgraph.recall.packing import DEFAULT_MAX_TOKENS, DEFAULT_MIN_SCORE, TokenCounter

__all__ = ["create_memory_agent"]


def create_memory_agent(
    model: BaseChatModel | str,
    *,
    store: BaseStore | None = None,
    tools: Sequence[BaseTool | Callable[..., Any]] = (),
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    system_prompt: str | SystemMessage | StoredPrompt | None = None,
    router: WarmRouter | None = None,
    limit: int = 10,
    filter: Mapping[str, Any] | None = None,
    max_memory_tokens: int = DEFAULT_MAX_TOKENS,
    min_score: float = DEFAULT_MIN_SCORE,
    token_counter: TokenCounter | None = None,
    max_history_tokens: int | None = DEFAULT_MAX_HISTORY_TOKENS,
    max_summary_tokens: int = DEFAULT_MAX_SUMMARY_TOKENS,
    summary_model: BaseChatModel | str | None = None,
    reflection: SchedulesReflection | str | None = None,
    reflect_after: float = DEFAULT_REFLECT_AFTER,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    context_schema: type[Any] | None = MemoryContext,
    retry_policy: RetryPolicy | None = None,
    name: str = "memory_agent",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create an agent that remembers its user across threads and restarts.

    The way of a turn: recall -> warm_hit -> (pack_context, or vector_fallback -> pack_context) -> agent, which may
    call tools, -> remember, -> summarize where the thread has outgrown its limit. Memory that fails never costs the
    answer; a run that does not say whose memory to use fails before the model is called.

    Args:
        model: A chat model, or the name of one, such as "offline" or "openai:gpt-4o-mini".
        store: The store; on a server leave it out. Any `BaseStore` will do; a `WarmStore` makes it warm first.
        tools: Tools that the agent may call.
        namespace: Template of the namespace, such as `("memories", "{user_id}")`.
        system_prompt: Put first at each call of the model. A `StoredPrompt` is looked up in the store.
        router: Decides whether the warm tier is enough; `PeekRouter()` by default. A `CalibratedRouter` learns, with a
            `WarmStore`, from what its hits cost.
        limit: How many memories to recall at most.
        filter: As in `BaseStore.search`.
        max_memory_tokens: What memories may take of the prompt.
        min_score: Memories that score lower are left out.
        token_counter: Counts the tokens of messages; by default four characters are taken for a token.
        max_history_tokens: What the model sees of a thread, about. A longer one is summarized after the answer, down to
            about half; the thread itself keeps all its messages. `None` to show it whole, whatever its length.
        max_summary_tokens: What the summary may take of that.
        summary_model: Writes the summaries; `model` by default.
        reflection: Reflects on what was said, in the background: a `ReflectionExecutor` over a
            `create_reflection_graph`, or the name of such a graph on the same server.
        reflect_after: Seconds for which a thread has to rest before that.
        checkpointer: The checkpointer; on a server leave it out.
        context_schema: Schema of the runtime context.
        retry_policy: For the model and for the nodes that ask the store.
        name: Name of the graph.

    Returns:
        A compiled graph. Its input is `messages`; its output `messages`, `recall` and `memory_errors`.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> agent = create_memory_agent("offline", store=InMemoryStore())
        >>> ana = MemoryContext(user_id="ana")
        >>> _ = agent.invoke({"messages": "I live in Lisbon."}, context=ana)
        >>> told = agent.invoke({"messages": "Where do I live?"}, context=ana)
        >>> "Lisbon" in told["messages"][-1].text
        True
    """
    builder = StateGraph(
        MemoryState, context_schema=context_schema, input_schema=MemoryInput, output_schema=MemoryOutput
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
        show=False,
    )
    summarizer = None
    if max_history_tokens is not None:
        summarizer = Summarizer(
            summary_model if summary_model is not None else model,
            max_tokens=max_history_tokens,
            max_summary_tokens=max_summary_tokens,
            token_counter=token_counter,
        )
    agent = create_agent_node(
        model,
        tools,
        system_prompt=system_prompt,
        namespace=namespace,
        max_memory_tokens=max_memory_tokens,
        min_score=min_score,
        token_counter=token_counter,
        summarizer=summarizer,
    )
    builder.add_node("agent", agent, retry_policy=retry_policy)
    remember = create_remember_node(namespace, retry_policy=retry_policy, summarizer=summarizer)
    builder.add_node("remember", remember, retry_policy=retry_policy)
    if summarizer is not None:
        summarize = create_summarize_node(summarizer, retry_policy=retry_policy)
        builder.add_node("summarize", summarize, retry_policy=retry_policy)
        builder.add_edge("summarize", END)
    builder.add_edge("pack_context", "agent")
    if tools:
        from langgraph.prebuilt import ToolNode

        builder.add_node("tools", ToolNode(list(tools)))
        builder.add_edge("tools", "agent")
        builder.add_conditional_edges("agent", _after_agent, ["tools", "remember"])
    else:
        builder.add_edge("agent", "remember")
    if reflection is not None:
        # Beside `summarize`, where that is due: neither waits for the other.
        schedule = create_schedule_reflection_node(
            reflection, namespace, after_seconds=reflect_after, retry_policy=retry_policy
        )
        builder.add_node("schedule_reflection", schedule, retry_policy=retry_policy)
        builder.add_edge("remember", "schedule_reflection")
        builder.add_edge("schedule_reflection", END)
    elif summarizer is None:
        builder.add_edge("remember", END)
    return builder.compile(store=store, checkpointer=checkpointer, name=name)


def _after_agent(state: MemoryState) -> Literal["tools", "remember"]:
    last = state["messages"][-1]
    return "tools" if isinstance(last, AIMessage) and last.tool_calls else "remember"
