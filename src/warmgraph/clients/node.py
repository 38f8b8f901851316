"""A node that calls a model and remembers inline: one call, no extraction beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import SystemMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from warmgraph.clients.afterwards import InlineExtraction
from warmgraph.clients.chat_model import MemoryChatModel
from warmgraph.clients.memory import ClientMemory
from warmgraph.errors import StoreError
from warmgraph.nodes import DEFAULT_NAMESPACE, MemoryNode
from warmgraph.nodes.failures import MemoryFailure
from warmgraph.nodes.node import Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.steps import Io, Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["create_inline_memory_node"]


def create_inline_memory_node(
    model: BaseChatModel | str,
    tools: Sequence[BaseTool | Callable[..., Any] | dict[str, Any]] = (),
    *,
    system_prompt: str | SystemMessage | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    top_k: int = 5,
    name: str = "agent",
) -> MemoryNode:
    """Create a node that recalls, calls the model, and remembers what the model appends for that, in one call.

    Reads `messages`; appends the model's answer, without the block of memories, which no stream shows either. Uses the
    store of the graph. Memory that fails is told in `memory_errors`, and the answer arrives.

    Args:
        model: A chat model, or the name of one.
        tools: The tools that it may call; run them with LangGraph's `ToolNode`.
        system_prompt: Put first at each call; not kept in the thread.
        namespace: Template of the namespace.
        top_k: How many memories are put before the last message of the user at most.
        name: Name of the node.

    Example:
        >>> from langgraph.graph import MessagesState, StateGraph
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph.testing import ScriptedChatModel
        >>> node = create_inline_memory_node(ScriptedChatModel(script=["Hello!"]))
        >>> graph = StateGraph(MessagesState).add_node(node).set_entry_point("agent").compile(store=InMemoryStore())
        >>> said = graph.invoke({"messages": "Hi"}, {"configurable": {"user_id": "ana"}})
        >>> said["messages"][-1].content
        'Hello!'
    """
    template = NamespaceTemplate(namespace)
    if isinstance(model, str):
        from warmgraph.models import create_chat_model

        model = create_chat_model(model)
    inner = model
    system = SystemMessage(system_prompt) if isinstance(system_prompt, str) else system_prompt

    def logic(state: MemoryReads, visit: Visit) -> Steps[dict[str, Any]]:
        place = visit.namespace(template)
        errors: list[Exception] = []
        prompt = [*([system] if system is not None else []), *state.get("messages", [])]
        chosen: BaseChatModel = inner
        try:
            memory = ClientMemory(visit.store, place, top_k=top_k, on_failure=errors.append)
            chosen = MemoryChatModel(inner=inner, memory=memory, afterwards=InlineExtraction(memory))
        except StoreError as error:
            errors.append(error)
        bound: Runnable[Any, Any] = chosen.bind_tools(list(tools)) if tools else chosen
        answer = yield Io(lambda: bound.invoke(prompt, visit.config), lambda: bound.ainvoke(prompt, visit.config))
        failures: list[MemoryFailure] = [visit.failed(error) for error in errors]
        return {"messages": [answer], "memory_errors": failures} if failures else {"messages": [answer]}

    return MemoryNode(name, logic)
