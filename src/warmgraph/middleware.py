"""`MemoryMiddleware`: warm-first memory for LangChain's `create_agent` (`warmgraph[langchain]`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, NotRequired

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.channels import UntrackedValue
from langgraph.config import get_config
from langgraph.runtime import Runtime
from langgraph.types import Command

from warmgraph.clock import Clock
from warmgraph.errors import InvalidArgumentError, MissingDependencyError
from warmgraph.nodes import (
    DEFAULT_NAMESPACE,
    MemoryFailure,
    create_pack_context_node,
    create_recall_node,
    create_remember_node,
    create_vector_fallback_node,
    create_warm_hit_node,
    with_memories,
)
from warmgraph.nodes.block import block_steps
from warmgraph.nodes.failures import gather_failures
from warmgraph.nodes.node import Visit
from warmgraph.ranking import WarmRouter
from warmgraph.recall.held import HeldItems
from warmgraph.recall.packing import DEFAULT_MAX_TOKENS, DEFAULT_MIN_SCORE, TokenCounter
from warmgraph.recall.traces import RecallTrace
from warmgraph.steps import Steps, arun, run
from warmgraph.store import NamespaceTemplate

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState
    from langchain.agents.middleware.types import OmitFromInput, PrivateStateAttr
except ImportError as _missing:
    raise MissingDependencyError("langchain", extra="langchain") from _missing

__all__ = ["MemoryAgentState", "MemoryMiddleware"]


class MemoryAgentState(AgentState[Any]):
    """What memory adds to the state of an agent: keys and scores, and what failed; never the text of a memory."""

    recall: NotRequired[Annotated[RecallTrace, OmitFromInput]]
    memory_items: NotRequired[Annotated[HeldItems, PrivateStateAttr, UntrackedValue(HeldItems)]]
    memory_errors: NotRequired[Annotated[list[MemoryFailure], OmitFromInput, gather_failures]]


class MemoryMiddleware(AgentMiddleware[Any, Any, Any]):  # so that it stands beside any other
    """Recalls before the agent runs, shows each call of the model what was found, and remembers the turn after it.

    These are the nodes of `warmgraph.nodes`, in the way of the memory agent: recall, router, long-term fallback,
    packing, remember, with the same receipts on the custom stream. The block leads a copy of the last human message,
    so the thread stays as it was said. It uses the store of the agent, and the user of the run: from `context`, or from
    `config["configurable"]`. Memory that fails is noted in `memory_errors`, and the answer arrives; a run that does not
    say whose memory to use fails before the model is called.

    Args:
        namespace: Template of the namespace, such as `("memories", "{user_id}")`.
        router: Decides whether the warm tier is enough; `PeekRouter()` by default.
        limit: How many memories to recall at most.
        filter: As in `BaseStore.search`.
        max_memory_tokens: What memories may take of the prompt.
        min_score: Memories that score lower are left out.
        token_counter: Counts the tokens of messages; by default four characters are taken for a token.
        remember: Whether to write what was said; without it memory is only read.
        clock: Tells when a turn begins.

    Raises:
        InvalidArgumentError: A bad argument.

    Example:
        >>> from langchain.agents import create_agent
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph import MemoryContext, create_chat_model
        >>> agent = create_agent(
        ...     create_chat_model("offline"),
        ...     middleware=[MemoryMiddleware()],
        ...     store=InMemoryStore(),
        ...     context_schema=MemoryContext,
        ... )
        >>> ana = MemoryContext(user_id="ana")
        >>> _ = agent.invoke({"messages": [("user", "I live in Lisbon.")]}, context=ana)
        >>> told = agent.invoke({"messages": [("user", "Where do I live?")]}, context=ana)
        >>> "Lisbon" in told["messages"][-1].text
        True
    """

    state_schema: type[Any] = MemoryAgentState
    tools: Sequence[BaseTool] = ()

    def __init__(
        self,
        namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
        *,
        router: WarmRouter | None = None,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        max_memory_tokens: int = DEFAULT_MAX_TOKENS,
        min_score: float = DEFAULT_MIN_SCORE,
        token_counter: TokenCounter | None = None,
        remember: bool = True,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise InvalidArgumentError("limit", expected="an integer >= 1", got=limit)
        self._template = NamespaceTemplate(namespace)
        self._recall = create_recall_node(namespace, limit=limit, filter=filter, clock=clock)
        self._warm_hit = create_warm_hit_node(router)
        self._fallback = create_vector_fallback_node(namespace, limit=limit, filter=filter, clock=clock)
        self._budget: dict[str, Any] = {
            "max_tokens": max_memory_tokens,
            "min_score": min_score,
            "token_counter": token_counter,
        }
        self._pack = create_pack_context_node(namespace, show=False, **self._budget)
        self._remember = create_remember_node(namespace, clock=clock) if remember else None

    def before_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any]:
        """Recall for the last human message."""
        return run(self._before(state, runtime, get_config()))

    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any]:
        """Recall for the last human message, on an event loop."""
        return await arun(self._before(state, runtime, get_config()))

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Call the model with the memories in a copy of the last human message."""
        return handler(_with_block(request, run(self._block(request, get_config()))))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Call the model with the memories in a copy of the last human message, on an event loop."""
        return await handler(_with_block(request, await arun(self._block(request, get_config()))))

    def after_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Remember what was said in this turn."""
        return run(self._after(state, runtime, get_config()))

    async def aafter_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Remember what was said in this turn, on an event loop."""
        return await arun(self._after(state, runtime, get_config()))

    def _before(self, state: Any, runtime: Runtime[Any], config: RunnableConfig) -> Steps[dict[str, Any]]:
        way, update = _Way(state), dict[str, Any]()
        for node in (self._recall, self._warm_hit):
            found = yield from node.steps(way.state, runtime, config)
            way.take(found.update if isinstance(found, Command) else found, update)
        if found.goto == "vector_fallback":
            way.take((yield from self._fallback.steps(way.state, runtime, config)), update)
        way.take((yield from self._pack.steps(way.state, runtime, config)), update)
        return update

    def _block(self, request: Any, config: RunnableConfig) -> Steps[str]:
        visit = Visit(self.name, request.runtime, config, None)
        # A failure is on the custom stream and in the log: from here nothing can be written into the state.
        return block_steps(request.state, visit, self._template, {}, **self._budget)

    def _after(self, state: Any, runtime: Runtime[Any], config: RunnableConfig) -> Steps[dict[str, Any] | None]:
        if self._remember is None:
            return None
        update: dict[str, Any] | None = yield from self._remember.steps(state, runtime, config)
        return update


class _Way:
    """The state as nodes see it that follow each other within one step of a graph."""

    def __init__(self, state: Any) -> None:
        self.state: dict[str, Any] = dict(state)

    def take(self, found: Mapping[str, Any] | None, update: dict[str, Any]) -> None:
        """Take what a node writes: into the state as its reducers would, and into the update of the whole step."""
        for name, value in (found or {}).items():
            if name == "memory_errors":
                update[name] = [*update.get(name, ()), *value]
                self.state[name] = gather_failures(self.state.get(name), value)
            else:
                update[name] = self.state[name] = value


def _with_block(request: Any, block: str) -> Any:
    return request.override(messages=with_memories(request.messages, block))
