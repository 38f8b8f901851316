"""The graphs that `warmgraph bench turn` compares: an agent with memory, and a bare one of the same shape."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore, Op, PutOp, Result
from langgraph.types import Command

from warmgraph.bench.words import Vocabulary
from warmgraph.nodes import (
    MemoryContext,
    MemoryInput,
    MemoryOutput,
    MemoryState,
    Summarizer,
    create_agent_node,
    create_pack_context_node,
    create_recall_node,
    create_remember_node,
    create_summarize_node,
    create_vector_fallback_node,
    create_warm_hit_node,
)
from warmgraph.recall.traces import RecallTrace
from warmgraph.store import MemoryRecord, WarmStore

__all__ = [
    "NAMESPACE",
    "NODES",
    "InstantChatModel",
    "TimedStore",
    "create_bare_graph",
    "create_timed_graph",
    "fill",
]

NAMESPACE = ("memories", "ana")
NODES = ("recall", "warm_hit", "pack_context", "agent", "remember")

# As many different words as a real conversation of some hundred turns has, a few of them in every third turn.
_VOCABULARY = 1_500


class InstantChatModel(BaseChatModel):
    """A chat model that answers at once, so that what is left is the graph."""

    @property
    def _llm_type(self) -> str:
        return "instant"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("By the door, as you said."))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages)


class TimedStore(WarmStore):
    """A `WarmStore` that notes how long its writes take, until they are acknowledged.

    Args:
        long_term, options: As in `WarmStore`.

    Attributes:
        writing: Seconds spent in batches with writes, since `take_writing` was called.
    """

    writing: float = 0.0

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops; a batch that writes is timed."""
        listed = list(ops)
        began = perf_counter()
        try:
            return super().batch(listed)
        finally:
            self._note(listed, began)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops without blocking the event loop; a batch that writes is timed."""
        listed = list(ops)
        began = perf_counter()
        try:
            return await super().abatch(listed)
        finally:
            self._note(listed, began)

    def take_writing(self) -> float:
        """Return the seconds spent writing, and begin anew."""
        spent, self.writing = self.writing, 0.0
        return spent

    def _note(self, ops: Sequence[Op], began: float) -> None:
        if any(isinstance(op, PutOp) for op in ops):
            self.writing += perf_counter() - began


def fill(store: BaseStore, items: int, *, seed: int = 0) -> str:
    """Write turns of made-up conversations, twenty to a thread, the same ones for the same seed.

    Args:
        store: Where to.
        items: How many turns.
        seed: Of the words.

    Returns:
        A question in words of one of them.
    """
    rng = random.Random(seed)
    vocabulary = Vocabulary(rng, _VOCABULARY)
    ops: list[PutOp] = []
    said: list[list[str]] = []
    for at in range(items):
        said.append(vocabulary.some(rng.randint(4, 16)))
        record = MemoryRecord(
            content=f"The {' and the '.join(said[-1])}.",
            author="ana",
            role="user" if at % 2 == 0 else "assistant",
            thread_id=f"thread-{at // 20}",
            position=at % 20,
            said_at="2026-11-20T09:30:00+00:00",
            is_question=False,
        )
        ops.append(PutOp(NAMESPACE, f"turn-{at}", record.to_value(), index=["content"]))
    store.batch(ops)
    return f"Where are the {' and the '.join(said[items // 2][:5])}?"


def create_bare_graph(
    model: BaseChatModel,
    sample: RecallTrace,
    *,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    use_async: bool = False,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create a graph of trivial functions that takes the same way as a warm hit of the memory agent.

    Same state, same edges, same model, and its nodes write the same channels: constants instead of memories. What the
    memory agent takes longer is the cost of remembering.

    Args:
        model: Called by the node `agent`.
        sample: The constant for the channel `recall`: the trace of a real turn.
        checkpointer: The checkpointer.
        use_async: Whether the nodes are coroutine functions, as a graph for event loops would have them.
    """

    def recall(state: MemoryState) -> dict[str, Any]:
        return {"recall": sample}

    def warm_hit(state: MemoryState) -> Command[Literal["pack_context", "vector_fallback"]]:
        return Command(goto="pack_context", update={"recall": sample})

    def vector_fallback(state: MemoryState) -> dict[str, Any]:
        return {"recall": sample}

    def pack_context(state: MemoryState) -> dict[str, Any]:
        return {"memory_context": ""}

    def agent(state: MemoryState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    def remember(state: MemoryState) -> None:
        return None

    def summarize(state: MemoryState) -> None:
        return None

    async def arecall(state: MemoryState) -> dict[str, Any]:
        return recall(state)

    async def awarm_hit(state: MemoryState) -> Command[Literal["pack_context", "vector_fallback"]]:
        return warm_hit(state)

    async def avector_fallback(state: MemoryState) -> dict[str, Any]:
        return vector_fallback(state)

    async def apack_context(state: MemoryState) -> dict[str, Any]:
        return pack_context(state)

    async def aagent(state: MemoryState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    async def aremember(state: MemoryState) -> None:
        return None

    nodes: dict[str, Any] = {
        "recall": arecall if use_async else recall,
        "warm_hit": awarm_hit if use_async else warm_hit,
        "vector_fallback": avector_fallback if use_async else vector_fallback,
        "pack_context": apack_context if use_async else pack_context,
        "agent": aagent if use_async else agent,
        "remember": aremember if use_async else remember,
        "summarize": summarize,  # a warm turn does not go there
    }
    return _joined(nodes).compile(checkpointer=checkpointer, name="bare")


def create_timed_graph(
    model: BaseChatModel, store: BaseStore, spent: dict[str, list[float]]
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create the memory agent's graph from its nodes, each of which notes the seconds it takes in `spent`."""
    summarizer = Summarizer(model)
    nodes: dict[str, Runnable[Any, Any]] = {
        "recall": create_recall_node(),
        "warm_hit": create_warm_hit_node(),
        "vector_fallback": create_vector_fallback_node(),
        "pack_context": create_pack_context_node(),
        "agent": create_agent_node(model, summarizer=summarizer),
        "remember": create_remember_node(summarizer=summarizer),
        "summarize": create_summarize_node(summarizer),
    }
    timed = {name: _Timed(node, spent.setdefault(name, [])) for name, node in nodes.items()}
    return _joined(timed).compile(store=store, name="memory_agent")


class _Timed(Runnable[Any, Any]):
    def __init__(self, node: Runnable[Any, Any], spent: list[float]) -> None:
        self._node, self._spent = node, spent

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        began = perf_counter()
        answer = self._node.invoke(input, config)
        self._spent.append(perf_counter() - began)
        return answer

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        began = perf_counter()
        answer = await self._node.ainvoke(input, config)
        self._spent.append(perf_counter() - began)
        return answer


def _joined(nodes: dict[str, Any]) -> StateGraph[Any, Any, Any, Any]:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(
        MemoryState, context_schema=MemoryContext, input_schema=MemoryInput, output_schema=MemoryOutput
    )
    targets = {"warm_hit": ("pack_context", "vector_fallback"), "remember": ("summarize", END)}
    for name, node in nodes.items():
        builder.add_node(name, node, destinations=targets.get(name))
    builder.add_edge(START, "recall")
    builder.add_edge("recall", "warm_hit")
    builder.add_edge("vector_fallback", "pack_context")
    builder.add_edge("pack_context", "agent")
    builder.add_edge("agent", "remember")
    builder.add_edge("summarize", END)
    return builder
