"""Search for what a conversation is about, with queries that a model writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.store.base import BaseStore, SearchItem

from warmgraph.clock import SystemClock
from warmgraph.knowledge.conversation import queries, read_conversation
from warmgraph.knowledge.query import written_queries
from warmgraph.recall.tiers import long_term_steps
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.namespaces import NamespaceTemplate
from warmgraph.store.scopes import namespace_of_call, store_of_call
from warmgraph.store.validity import AsOf, true_now

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

__all__ = ["MemorySearcher", "create_memory_searcher"]

LIMIT = 10


def create_memory_searcher(
    model: str | BaseChatModel,
    prompt: str = "Search for distinct memories relevant to different aspects of the provided context.",
    *,
    namespace: str | Sequence[str] | NamespaceTemplate = ("memories", "{langgraph_user_id}"),
    store: BaseStore | None = None,
) -> MemorySearcher:
    """Create a searcher: `{"messages", "as_of"?}` in, memories out, the best first, each once.

    What no longer holds is not found, but as of a time at which it did.

    Args:
        model: Writes the queries; where it writes none, what the user said last is searched for.
        prompt: Tells it what to look for.
        namespace: Template of the namespace.
        store: The store; that of the graph that runs by default.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> store = InMemoryStore()
        >>> store.put(("memories", "ana"), "food", {"content": "I like sushi"})
        >>> searcher = create_memory_searcher("offline", store=store)
        >>> ana = {"configurable": {"langgraph_user_id": "ana"}}
        >>> [item.value for item in searcher.invoke({"messages": [("user", "What do I like to eat?")]}, ana)]
        [{'content': 'I like sushi'}]
    """
    from warmgraph.models.resolve import create_chat_model  # a tenth of a second of patterns

    return MemorySearcher(create_chat_model(model), prompt, NamespaceTemplate(namespace), store)


class MemorySearcher(Runnable[Any, list[SearchItem]]):
    """Searches for what a conversation is about; made by `create_memory_searcher`."""

    def __init__(
        self, model: BaseChatModel, prompt: str, namespace: NamespaceTemplate, store: BaseStore | None
    ) -> None:
        self.model: BaseChatModel = model
        self.prompt: str = prompt
        self.namespace: NamespaceTemplate = namespace
        self._store = store

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> list[SearchItem]:
        """Search."""
        return run(self._steps(input, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> list[SearchItem]:
        """Search, on an event loop."""
        return await arun(self._steps(input, config))

    def _steps(self, input: Any, config: RunnableConfig | None) -> Steps[list[SearchItem]]:
        namespace, store = namespace_of_call(self.namespace, config), store_of_call(self._store)
        segments = read_conversation(input["messages"])
        asked = yield from written_queries(self.model, segments, config, self.prompt)
        found: dict[tuple[tuple[str, ...], str], SearchItem] = {}
        for query in asked or queries(segments, 1):
            items = yield from _found(store, namespace, query, input.get("as_of"))
            for item in items:
                place = (tuple(item.namespace), item.key)
                if place not in found or (item.score or 0.0) > (found[place].score or 0.0):
                    found[place] = item
        return sorted(found.values(), key=lambda item: item.score or 0.0, reverse=True)


def _found(store: BaseStore, namespace: tuple[str, ...], query: str, as_of: AsOf | None) -> Steps[list[SearchItem]]:
    if as_of is not None:
        then = yield from long_term_steps(store, namespace, query, LIMIT, None, (), as_of)
        return then.items

    def ask(place: tuple[str, ...], limit: int) -> Steps[list[SearchItem]]:
        items: list[SearchItem] = yield Io(
            partial(store.search, place, query=query, limit=limit),
            partial(store.asearch, place, query=query, limit=limit),
        )
        return items

    now = yield from true_now(ask, namespace, LIMIT, SystemClock().now())
    return now
