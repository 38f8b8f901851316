"""The shape that all nodes share: logic written once, run from sync and from async graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MethodType
from typing import Any, Literal, TypeAlias

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.config import get_config
from langgraph.runtime import Runtime, get_runtime
from langgraph.store.base import BaseStore
from langgraph.types import Command, RetryPolicy

from warmgraph.errors import StoreError
from warmgraph.nodes.context import resolve_namespace
from warmgraph.nodes.failures import MemoryFailure, note_failure, will_retry
from warmgraph.nodes.state import MemoryReads
from warmgraph.recall import receipts
from warmgraph.recall.receipts import MemoryEvent
from warmgraph.steps import Steps, arun, run
from warmgraph.store import NamespaceTemplate
from warmgraph.telemetry import Span, is_traced, span

__all__ = ["Logic", "MemoryNode", "Visit"]


class Visit:
    """One run of one node: where it runs, for whom, and whom to tell.

    Args:
        node: Name of the node.
        runtime: The runtime of the graph.
        config: The config of the node.
        retry_policy: The policy that the node was added with.
    """

    __slots__ = ("config", "node", "retry_policy", "runtime")

    def __init__(
        self, node: str, runtime: Runtime[Any], config: RunnableConfig, retry_policy: RetryPolicy | None
    ) -> None:
        self.node: str = node
        self.runtime: Runtime[Any] = runtime
        self.config: RunnableConfig = config
        self.retry_policy: RetryPolicy | None = retry_policy

    @classmethod
    def current(cls, node: str, config: RunnableConfig | None = None, retry_policy: RetryPolicy | None = None) -> Visit:
        """Return the visit that is being made.

        Raises:
            RuntimeError: Nothing runs here: `node` works inside a LangGraph graph only.
        """
        runtime: Runtime[Any] | None = get_runtime()
        if runtime is None:
            raise RuntimeError(f"the node {node!r} runs inside a LangGraph graph only")
        return cls(node, runtime, config if config is not None else get_config(), retry_policy)

    @property
    def handed_on(self) -> RunnableConfig | None:
        """The config for what is called within; `None` where it gets that anyway, and need not merge it twice."""
        try:
            return None if get_config() is self.config else self.config
        except RuntimeError:  # outside of a graph
            return self.config

    @property
    def store(self) -> BaseStore:
        """The store of the graph.

        Raises:
            StoreError: It has none.
        """
        if self.runtime.store is None:
            raise StoreError("the graph has no store: compile it with store=..., or name one in langgraph.json")
        return self.runtime.store

    @property
    def thread_id(self) -> str | None:
        """The thread that runs; `None` without a checkpointer."""
        thread_id = self.config.get("configurable", {}).get("thread_id")
        return None if thread_id is None else str(thread_id)

    def namespace(self, template: NamespaceTemplate) -> tuple[str, ...]:
        """Return the namespace of this run's user."""
        return resolve_namespace(template, self.runtime, self.config)

    def emit(self, event: MemoryEvent) -> None:
        """Write an event to the custom stream, and to the receipts of this process."""
        receipts.publish(event)
        self.runtime.stream_writer(event)

    def failed(self, error: Exception, private: Iterable[str] = ()) -> MemoryFailure:
        """Note that memory failed, and return the failure for the state.

        Raises:
            Exception: `error` itself, when LangGraph will run the node again because of it.
        """
        info = self.runtime.execution_info
        if will_retry(self.retry_policy, error, info.node_attempt if info is not None else 1):
            raise error
        return self.noted(error, private)

    def noted(self, error: Exception, private: Iterable[str] = ()) -> MemoryFailure:
        """Note that memory did less than it could, and return the failure for the state. Nothing runs again."""
        return note_failure(self.node, error, self.emit, private)


Logic: TypeAlias = Callable[[MemoryReads, Visit], Steps[Any]]


class MemoryNode(Runnable[Any, Any]):
    """A node of a LangGraph graph, sync and async: `builder.add_node(create_recall_node())`.

    It is a `Runnable`, which LangGraph calls as it is: a `RunnableLambda` of two functions would do the same at
    0.25 ms more for each run of each node. `add_node` reads the hints of its `__call__`: they add the channels of
    memory to the graph, whatever its own state is, and draw the edges of a node that says where to go.

    Args:
        name: Name of the node.
        logic: What it does, as steps.
        goto: The nodes that it may send the run to by `Command`.
        retry_policy: The policy that `add_node` gets for it. Failures that it repeats are raised for LangGraph to
            see; the last one is noted. Without it every failure is noted at once.
    """

    def __init__(
        self, name: str, logic: Logic, *, goto: tuple[str, ...] = (), retry_policy: RetryPolicy | None = None
    ) -> None:
        self.name: str = name
        self._logic = logic
        self._retry_policy = retry_policy

        def call(self: MemoryNode, state: MemoryReads) -> Any:
            return self.invoke(state)

        call.__annotations__ = {"state": MemoryReads, "return": Command[Literal[goto]] if goto else dict[str, Any]}  # type: ignore[valid-type]
        vars(self)["__call__"] = MethodType(call, self)

    def __call__(self, state: Any) -> Any:
        """Run the node from within another node of a sync graph."""
        return self.invoke(state)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node."""
        visit = Visit.current(self.name, config, self._retry_policy)
        if not is_traced():
            return run(self._logic(input, visit))
        with span(self.name) as recorded:
            result = run(self._logic(input, visit))
            if recorded.recording:
                _describe(recorded, result)
        return result

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node without blocking the event loop."""
        visit = Visit.current(self.name, config, self._retry_policy)
        if not is_traced():
            return await arun(self._logic(input, visit))
        with span(self.name) as recorded:
            result = await arun(self._logic(input, visit))
            if recorded.recording:
                _describe(recorded, result)
        return result

    def steps(self, state: Any, runtime: Runtime[Any], config: RunnableConfig) -> Steps[Any]:
        """Do what `invoke` does, as steps: for what is no graph of ours and makes the same way."""
        return self._logic(state, Visit(self.name, runtime, config, self._retry_policy))


def _describe(recorded: Span, result: Any) -> None:
    """Say on a span what a node found: how much, from which tier, and whether it failed; never what."""
    update = result.update if isinstance(result, Command) else result
    if not isinstance(update, dict):
        return
    trace = update.get("recall")
    if isinstance(trace, dict):
        decision = trace["decision"] or {}
        recorded.set(tier=trace["tier"], items=len(trace["items"]), hit=decision.get("hit"))
    failures = [failure for failure in update.get("memory_errors", ()) if failure]
    if failures:
        recorded.set(error=failures[-1]["error"])
