"""A memory that is declared once: put into a prompt, and given to an agent as tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, get_args

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import StructuredTool
from langgraph.store.base import BaseStore, GetOp, Item, SearchItem

from warmgraph.clock import Clock
from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge.conversation import queries, read_conversation
from warmgraph.knowledge.history import submit
from warmgraph.knowledge.layer_tools import create_keep_tool, create_read_tool
from warmgraph.knowledge.policy import MemoryPolicy
from warmgraph.knowledge.reflecting import DEFAULT_KEY
from warmgraph.knowledge.schemas import Schemas
from warmgraph.knowledge.tools import create_manage_memory_tool, create_search_memory_tool
from warmgraph.recall.packing import DEFAULT_MAX_TOKENS, DEFAULT_MIN_SCORE, pack
from warmgraph.recall.tiers import arecall, recall
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.namespaces import NamespaceTemplate, encode_label
from warmgraph.store.scopes import namespace_of_call, store_of_call

__all__ = ["LayerMemories", "MemoryLayer"]

LayerKind = Literal["multi", "single"]
_INSTRUCTIONS: dict[LayerKind, str] = {
    "multi": "Call it when the user tells something that belongs here, or when what stands here is wrong or outdated.",
    "single": "Call it when the user tells something that belongs here. What you leave out stays as it is.",
}


class LayerMemories(list[SearchItem]):
    """The memories of a layer: a list of items, which a template writes out as one block.

    The block is bounded and escaped, and says that it is data: whatever stands in a memory, it can neither close the
    block nor begin a line of its own.

    Args:
        items: The memories.
        max_tokens: What the block may cost.

    Example:
        >>> str(LayerMemories())
        ''
    """

    def __init__(self, items: Iterable[SearchItem] = (), max_tokens: int = DEFAULT_MAX_TOKENS) -> None:
        super().__init__(items)
        self._max_tokens = max_tokens

    @property
    def text(self) -> str:
        """The block; empty without memories."""
        return pack([(item.key, item.score, item) for item in self], max_tokens=self._max_tokens).text

    def __str__(self) -> str:
        return self.text

    def __format__(self, format_spec: str) -> str:
        return format(self.text, format_spec)


class MemoryLayer(Runnable[Any, LayerMemories]):
    """A part of memory with a name of its own: many memories that are searched, or a single one that is kept current.

    Invoked with `{"messages": [...]}` or `{"query": text or texts}` it returns the memories that belong there, for a
    prompt template or for code. `as_tools()` lets an agent keep them. Memories lie in the namespace, under the name.

    Args:
        name: What the layer is called, for people and for the model; it has letters or digits of ASCII in it.
        namespace: Template of the namespace, such as `("memories", "{user_id}")`.
        kind: "multi" for many memories, of which those that fit the query are returned; "single" for one, such as a
            profile, which is always returned, and of which an update changes the fields that it names.
        update_instructions: Tells an agent when to change the layer, and what to keep.
        schemas: `str` for texts, or pydantic models, TypedDicts or dataclasses; a single memory has one at most.
        limit: How many memories are returned at most.
        store: The store; that of the graph that runs by default.
        max_tokens: What the memories may cost in a prompt.
        min_score: Memories that score lower are left out; what has no score stays.
        policy: Decides what is stored; by default everything is.
        clock: Tells the time.

    Raises:
        InvalidArgumentError: A bad argument. From a call: UnresolvedNamespaceError without a user, StoreError without a
            store.

    Example:
        >>> from langchain_core.prompts import ChatPromptTemplate
        >>> from langgraph.store.memory import InMemoryStore
        >>> ana = {"configurable": {"user_id": "ana"}}
        >>> layer = MemoryLayer("food", ("memories", "{user_id}"), store=InMemoryStore())
        >>> manage, search = layer.as_tools()
        >>> _ = manage.invoke({"content": "Likes sushi."}, ana)
        >>> template = ChatPromptTemplate.from_template("{food} What could I cook?")
        >>> prompt = {"food": layer} | template
        >>> "Likes sushi." in prompt.invoke({"query": "What does she like?"}, ana).to_string()
        True
    """

    def __init__(
        self,
        name: str,
        namespace: str | Sequence[str] | NamespaceTemplate = ("memories", "{user_id}"),
        *,
        kind: LayerKind = "multi",
        update_instructions: str | None = None,
        schemas: Any = str,
        limit: int = 10,
        store: BaseStore | None = None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        min_score: float = DEFAULT_MIN_SCORE,
        policy: MemoryPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        if kind not in get_args(LayerKind):
            raise InvalidArgumentError("kind", expected="'multi' or 'single'", got=kind)
        if not isinstance(name, str) or not re.search(r"[A-Za-z0-9]", name):
            raise InvalidArgumentError("name", expected="a name with letters or digits of ASCII", got=name)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise InvalidArgumentError("limit", expected="an integer >= 1", got=limit)
        self.name: str = name
        self.kind: LayerKind = kind
        self.limit: int = limit
        self.update_instructions: str = update_instructions or _INSTRUCTIONS[kind]
        # Braces are no variables here, and two names never meet in one label.
        self.namespace: NamespaceTemplate = NamespaceTemplate(
            (*NamespaceTemplate(namespace).template, encode_label(name, also="{}"))
        )
        self._content = _content_type(schemas, kind)
        self._store = store
        self._max_tokens = max_tokens
        self._min_score = min_score
        self._policy = policy
        self._clock = clock

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> LayerMemories:
        """Return the memories for a conversation or a query."""
        return run(self._steps(input, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> LayerMemories:
        """Return the memories for a conversation or a query, on an event loop."""
        return await arun(self._steps(input, config))

    def as_tools(self) -> list[StructuredTool]:
        """Return the tools for an agent: one that changes the layer, and one that reads it.

        They are called `manage_NAME` and `search_NAME`; of a single memory `update_NAME` and `read_NAME`.
        """
        slug = re.sub(r"[^A-Za-z0-9]+", "_", self.name).strip("_").lower()[:48]
        about = f"The memories are those about {self.name!r}."
        if self.kind == "single":
            return [
                create_keep_tool(
                    f"update_{slug}",
                    f"Change what is remembered about {self.name!r}.\n{self.update_instructions}",
                    self.namespace,
                    content=self._content,
                    key=DEFAULT_KEY,
                    store=self._store,
                    policy=self._policy,
                    clock=self._clock,
                ),
                create_read_tool(
                    f"read_{slug}",
                    f"Read what is remembered about {self.name!r}.",
                    self.namespace,
                    key=DEFAULT_KEY,
                    store=self._store,
                ),
            ]
        return [
            create_manage_memory_tool(
                self.namespace,
                instructions=f"{about}\n{self.update_instructions}",
                schema=self._content,
                store=self._store,
                name=f"manage_{slug}",
                policy=self._policy,
                clock=self._clock,
            ),
            create_search_memory_tool(
                self.namespace, instructions=about, store=self._store, name=f"search_{slug}", compact=True
            ),
        ]

    def _steps(self, input: Any, config: RunnableConfig | None) -> Steps[LayerMemories]:
        asked = _queries(input)
        namespace, store = namespace_of_call(self.namespace, config), store_of_call(self._store)
        if self.kind == "single":
            (item,) = yield from submit(store, [GetOp(namespace, DEFAULT_KEY)])
            return LayerMemories([_found(item)] if item is not None else [], self._max_tokens)
        if not asked:
            newest: list[SearchItem] = yield Io(
                partial(store.search, namespace, limit=self.limit), partial(store.asearch, namespace, limit=self.limit)
            )
            return LayerMemories(newest, self._max_tokens)
        best: dict[tuple[tuple[str, ...], str], SearchItem] = {}
        for query in asked:
            found = yield Io(
                partial(recall, store, namespace, query, limit=self.limit),
                partial(arecall, store, namespace, query, limit=self.limit),
            )
            for item in found.items:
                place = (tuple(item.namespace), item.key)
                if place not in best or _rank(item) > _rank(best[place]):
                    best[place] = item
        worth = [item for item in best.values() if item.score is None or item.score >= self._min_score]
        return LayerMemories(sorted(worth, key=_rank, reverse=True)[: self.limit], self._max_tokens)


def _content_type(schemas: Any, kind: LayerKind) -> Any:
    """Return the type of a tool's argument `content`: text, a model, or one of several."""
    if schemas is str or schemas is None:
        return str
    models = tuple(Schemas(schemas if isinstance(schemas, list | tuple) else [schemas]).by_tool.values())
    if kind == "single" and len(models) > 1:
        raise InvalidArgumentError("schemas", expected="one schema for a single memory", got=schemas)
    union: Any = models[0]
    for model in models[1:]:
        union = union | model
    return union


def _queries(input: Any) -> list[str]:
    """Return what to look for; nothing where nobody said anything."""
    if not isinstance(input, Mapping) or not ("query" in input or "messages" in input):
        raise InvalidArgumentError("input", expected="a dict with 'messages' or 'query'", got=input)
    query = input.get("query")
    if query is None:
        return queries(read_conversation(input.get("messages") or []), 1)
    asked = [query] if isinstance(query, str) else query
    if not isinstance(asked, list | tuple) or not all(isinstance(each, str) for each in asked):
        raise InvalidArgumentError("query", expected="a text or a list of texts", got=query)
    return [each for each in dict.fromkeys(asked) if each.strip()]


def _rank(item: SearchItem) -> float:
    return item.score if item.score is not None else 0.0


def _found(item: Item) -> SearchItem:
    return SearchItem(item.namespace, item.key, item.value, item.created_at, item.updated_at)
