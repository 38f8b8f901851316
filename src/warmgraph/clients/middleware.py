"""A middleware for LangChain's `create_agent` that remembers inline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.config import get_config

from warmgraph.clients.afterwards import InlineExtraction
from warmgraph.clients.chat_model import MemoryChatModel
from warmgraph.clients.memory import ClientMemory
from warmgraph.errors import InvalidArgumentError, MissingDependencyError
from warmgraph.nodes import DEFAULT_NAMESPACE, resolve_namespace
from warmgraph.store import NamespaceTemplate

if TYPE_CHECKING:
    from langchain.agents.middleware import AgentMiddleware

__all__ = ["create_inline_memory_middleware"]


def create_inline_memory_middleware(
    *, namespace: str | Sequence[str] = DEFAULT_NAMESPACE, top_k: int = 5
) -> AgentMiddleware[Any, Any]:
    """Create a middleware that recalls before each call of the model and remembers what it appends for that.

    It lends the model a memory for the call, so that streams, too, show the answer alone. It uses the store of the
    agent, and the user of the run: `create_agent(..., middleware=[...], store=store)`. Memory that fails is logged, and
    the answer arrives.

    Args:
        namespace: Template of the namespace.
        top_k: How many memories are put before the last message of the user at most.

    Raises:
        MissingDependencyError: LangChain is not installed (`warmgraph[langchain]`).

    Example:
        >>> from langchain.agents import create_agent
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph.testing import ScriptedChatModel
        >>> middleware = [create_inline_memory_middleware()]
        >>> agent = create_agent(ScriptedChatModel(script=["Hello!"]), middleware=middleware, store=InMemoryStore())
        >>> said = agent.invoke({"messages": [("user", "Hi")]}, {"configurable": {"user_id": "ana"}})
        >>> said["messages"][-1].content
        'Hello!'
    """
    try:
        from langchain.agents.middleware import AgentMiddleware
    except ImportError as error:
        raise MissingDependencyError("langchain", extra="langchain") from error
    if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
        raise InvalidArgumentError("top_k", expected="an integer >= 1", got=top_k)
    template = NamespaceTemplate(namespace)

    class InlineMemoryMiddleware(AgentMiddleware[Any, Any]):
        """Lends the model a memory for each call."""

        def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
            """Call the model with memory."""
            return handler(_remembering(request, template, top_k))

        async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
            """Call the model with memory, on an event loop."""
            return await handler(_remembering(request, template, top_k))

    return InlineMemoryMiddleware()


def _remembering(request: Any, template: NamespaceTemplate, top_k: int) -> Any:
    place = resolve_namespace(template, request.runtime, get_config())
    if request.runtime.store is None:
        return request
    memory = ClientMemory(request.runtime.store, place, top_k=top_k)
    model = MemoryChatModel(inner=request.model, memory=memory, afterwards=InlineExtraction(memory))
    return request.override(model=model)
