"""agent: call the model, with the memories in the last human message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from warmgraph.nodes.block import block_steps
from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.summarizer import Summarizer
from warmgraph.nodes.turns import last_human
from warmgraph.prompts import StoredPrompt
from warmgraph.recall.packing import DEFAULT_MAX_TOKENS, DEFAULT_MIN_SCORE, TokenCounter
from warmgraph.short_term.history import condensed
from warmgraph.steps import Io, Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["create_agent_node", "with_memories"]


def create_agent_node(
    model: BaseChatModel | str,
    tools: Sequence[BaseTool | Callable[..., Any] | dict[str, Any]] = (),
    *,
    system_prompt: str | SystemMessage | StoredPrompt | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    max_memory_tokens: int = DEFAULT_MAX_TOKENS,
    min_score: float = DEFAULT_MIN_SCORE,
    token_counter: TokenCounter | None = None,
    summarizer: Summarizer | None = None,
    name: str = "agent",
) -> MemoryNode:
    """Create the node that calls the model.

    Reads `messages`, and the block in `memory_items` or else in `memory_context`; appends the model's answer to
    `messages`. The block of memories leads a *copy* of the last human message: the thread never contains it, so
    history stays as it was said, and what a provider caches of the prompt stays the same from turn to turn.

    Of a thread with a `running_summary` the model sees that, in one leading message, and the messages that are not in
    it.

    Should the block be gone, because a run was resumed, it is made again from the keys in `recall`.

    Args:
        model: A chat model, or the name of one (`warmgraph.models.create_chat_model`).
        tools: The tools that it may call; run them with LangGraph's `ToolNode`.
        system_prompt: Put first at each call; not kept in the thread. A `StoredPrompt` is looked up in the store.
        namespace: Template of the namespace, for memories that have to be fetched again.
        max_memory_tokens: As in `create_pack_context_node`.
        min_score: As in `create_pack_context_node`.
        token_counter: As in `create_pack_context_node`.
        summarizer: Shortens a thread that is far too long before the model is called; without one it is never
            shortened here.
        name: Name of the node.

    Example:
        >>> from langgraph.graph import MessagesState, StateGraph
        >>> graph = StateGraph(MessagesState).add_node(create_agent_node("offline")).set_entry_point("agent").compile()
        >>> [message.type for message in graph.invoke({"messages": "Hello"})["messages"]]
        ['human', 'ai']
    """
    template = NamespaceTemplate(namespace)
    bound = _bind(model, tools)

    system = SystemMessage(system_prompt) if isinstance(system_prompt, str) else system_prompt

    def stored(prompt: StoredPrompt, visit: Visit, update: dict[str, Any]) -> Steps[SystemMessage | None]:
        place = visit.namespace(prompt.namespace)
        try:
            text = yield from prompt.steps(visit.store, place)
        except Exception as error:
            update["memory_errors"] = [*update.get("memory_errors", ()), visit.failed(error)]
            text = prompt.default
        return SystemMessage(text) if text else None

    def logic(state: MemoryReads, visit: Visit) -> Steps[dict[str, Any]]:
        messages = state.get("messages", [])
        update: dict[str, Any] = {}
        block = yield from block_steps(
            state,
            visit,
            template,
            update,
            max_tokens=max_memory_tokens,
            min_score=min_score,
            token_counter=token_counter,
        )
        if summarizer is None:
            seen = condensed(messages, state.get("running_summary"))
        else:
            seen = yield from summarizer.prepare(state, visit, update)
        prompt = with_memories(seen, block)
        leading = (yield from stored(system, visit, update)) if isinstance(system, StoredPrompt) else system
        if leading is not None:
            prompt.insert(0, leading)
        config = visit.handed_on
        answer = yield Io(lambda: bound.invoke(prompt, config), lambda: bound.ainvoke(prompt, config))
        update["messages"] = [answer]
        return update

    return MemoryNode(name, logic)


def with_memories(messages: Sequence[AnyMessage], block: str) -> list[AnyMessage]:
    r"""Return messages for a model, with a block of memories leading a copy of the last human message.

    Text stays text, because not every server takes parts; a message of parts gets one part more.

    Args:
        messages: The thread. It is not changed.
        block: The block; empty for none.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> thread = [HumanMessage("Where do I live?")]
        >>> with_memories(thread, "<memories>...</memories>")[0].content
        '<memories>...</memories>\n\nWhere do I live?'
        >>> thread[0].content
        'Where do I live?'
    """
    prompt = list(messages)
    at = last_human(prompt)
    if at is None:
        return prompt
    said = prompt[at].content
    if not block:
        if isinstance(said, str) and said.startswith("<memories"):  # typed by somebody: notes of ours stand first
            prompt[at] = prompt[at].model_copy(update={"content": f"\n{said}"})
        return prompt
    content: Any = f"{block}\n\n{said}" if isinstance(said, str) else [{"type": "text", "text": block}, *said]
    prompt[at] = prompt[at].model_copy(update={"content": content})
    return prompt


def _bind(
    model: BaseChatModel | str, tools: Sequence[BaseTool | Callable[..., Any] | dict[str, Any]]
) -> Runnable[Any, BaseMessage]:
    if isinstance(model, str):
        from warmgraph.models import create_chat_model

        model = create_chat_model(model)
    return model.bind_tools(list(tools)) if tools else model
