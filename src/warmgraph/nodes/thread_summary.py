"""A reflector that keeps one memory of each conversation: what it was about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.store.base import PutOp

from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.node import Visit
from warmgraph.nodes.turns import message_text
from warmgraph.short_term.prompts import Prompts, TemplatePrompts
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store import MemoryRecord, NamespaceTemplate

__all__ = ["ThreadSummarizer"]

_KEYS = uuid5(NAMESPACE_URL, "warmgraph:thread-summary")


class ThreadSummarizer(Runnable[Any, Any]):
    """Extends the summary of a thread by what was said since, and keeps it as a memory that other threads recall.

    Give it to `create_reflection_graph`. One memory a thread, of type "episodic" and kind "ThreadSummary", always under
    the same key: a run that is repeated writes the same memory again.

    Args:
        model: Writes the summaries: a chat model, or the name of one, such as "offline".
        namespace: Template of the namespace.
        prompts: What the model is asked; by default as for summaries in a thread.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph import MemoryContext, create_memory_agent, create_reflection_graph
        >>> store, ana = InMemoryStore(), MemoryContext("ana")
        >>> agent = create_memory_agent("offline", store=store)
        >>> _ = agent.invoke({"messages": "I live in Lisbon."}, {"configurable": {"thread_id": "1"}}, context=ana)
        >>> reflect = create_reflection_graph(ThreadSummarizer("offline"), store=store)
        >>> reflect.invoke({"thread_id": "1"}, context=ana)["reflected"]
        2
        >>> [item.value["content"] for item in store.search(("memories", "ana"), filter={"kind": "ThreadSummary"})]
        ['- The user said: "I live in Lisbon."']
    """

    def __init__(
        self,
        model: BaseChatModel | str,
        namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
        *,
        prompts: Prompts | None = None,
    ) -> None:
        if isinstance(model, str):
            from warmgraph.models import create_chat_model

            model = create_chat_model(model)
        self.name: str = "summarize_thread"
        self.namespace: NamespaceTemplate = NamespaceTemplate(namespace)
        self._model = model
        self._prompts: Prompts = prompts or TemplatePrompts()

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Extend the summary by `input["messages"]` and return it."""
        return run(self._summarize(input["messages"], Visit.current(self.name, config)))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do as `invoke` does, without blocking the event loop."""
        return await arun(self._summarize(input["messages"], Visit.current(self.name, config)))

    def _summarize(self, messages: Sequence[AnyMessage], visit: Visit) -> Steps[str | None]:
        told = [message for message in messages if message_text(message)]
        if not told:
            return None
        place, store = visit.namespace(self.namespace), visit.store
        thread = told[-1].response_metadata.get("thread_id")
        key = str(uuid5(_KEYS, thread or ""))
        before = yield Io(partial(store.get, place, key), partial(store.aget, place, key))
        existing = None if before is None else str(before.value.get("content", ""))
        asked = self._prompts.ask(told, existing)
        model, config = self._model, visit.config
        answer = yield Io(partial(model.invoke, asked, config), partial(model.ainvoke, asked, config))
        summary: str = message_text(answer)
        if not summary:
            return existing
        record = MemoryRecord(
            content=summary,
            kind="ThreadSummary",
            type="episodic",
            thread_id=thread,
            message_id=told[-1].id,
            said_at=told[-1].response_metadata.get("said_at"),
            is_question=False,
        )
        op = PutOp(place, key, record.to_value(), index=["content"])
        yield Io(partial(store.batch, [op]), partial(store.abatch, [op]))
        return summary
