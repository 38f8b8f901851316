"""Tools by which an agent keeps and searches its own memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from langchain_core.tools import StructuredTool, ToolException
from langgraph.store.base import BaseStore, GetOp, SearchItem
from pydantic import BaseModel, Field, create_model

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError, InvalidFilterError
from warmgraph.extraction_request import safe_json
from warmgraph.knowledge.conversation import read_conversation
from warmgraph.knowledge.edits import MemoryChange
from warmgraph.knowledge.history import submit
from warmgraph.knowledge.ledger import Write, commit
from warmgraph.knowledge.policy import MemoryPolicy
from warmgraph.knowledge.provenance import TRUST, Provenance, trace
from warmgraph.knowledge.schemas import content_of
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.namespaces import NamespaceTemplate
from warmgraph.store.records import text_of
from warmgraph.store.scopes import namespace_of_call, store_of_call
from warmgraph.store.validity import is_open

__all__ = ["create_manage_memory_tool", "create_search_memory_tool"]

ToolAction = Literal["create", "update", "delete"]
_ACTIONS: tuple[ToolAction, ...] = ("create", "update", "delete")


def create_manage_memory_tool(
    namespace: str | Sequence[str] | NamespaceTemplate,
    *,
    instructions: str = "Proactively call this tool when you:\n\n"
    "1. Identify a new USER preference.\n"
    "2. Receive an explicit USER request to remember something or otherwise alter your behavior.\n"
    "3. Are working and want to record important context.\n"
    "4. Identify that an existing MEMORY is incorrect or outdated.\n",
    schema: Any = str,
    actions_permitted: Sequence[ToolAction] | None = _ACTIONS,
    store: BaseStore | None = None,
    name: str = "manage_memory",
    policy: MemoryPolicy | None = None,
    clock: Clock | None = None,
) -> StructuredTool:
    """Create a tool with which a model creates, updates and deletes memories.

    Its arguments are `content`, `action` and `id`; a value is `{"content": ...}` with where it comes from beside it.
    Run by a `ToolNode`, it looks at the conversation: what a tool or a quoted text says gains no trust by being
    remembered. The same content is stored once. An update keeps when the memory was first written, and what it said
    before. What cannot be done is told to the model, and changes nothing.

    Args:
        namespace: Template of the namespace.
        instructions: When to call it.
        schema: Type of the content: `str`, a pydantic model, or any other type that pydantic knows.
        actions_permitted: What it may do.
        store: The store; that of the graph that runs by default.
        name: Name of the tool.
        policy: Decides what is stored; by default everything is.
        clock: Tells the time.

    Raises:
        InvalidArgumentError: No action is permitted, or one is unknown.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> tool = create_manage_memory_tool(("memories", "{user_id}"), store=InMemoryStore())
        >>> tool.invoke({"content": "Likes tea."}, {"configurable": {"user_id": "ana"}})
        'created memory ...'
        >>> tool.invoke({"action": "delete", "id": "nothing"}, {"configurable": {"user_id": "ana"}})
        "There is no memory 'nothing'. Nothing was changed."
    """
    from langgraph.prebuilt import InjectedState  # twice the import time of everything else here

    template = NamespaceTemplate(namespace)
    permitted = tuple(actions_permitted or ())
    if not permitted or not set(permitted) <= set(_ACTIONS):
        raise InvalidArgumentError("actions_permitted", expected=f"some of {_ACTIONS}", got=actions_permitted)
    told = clock if clock is not None else SystemClock()
    default: ToolAction = "create" if "create" in permitted else permitted[0]

    def manage(content: Any, action: ToolAction, id: str | None, state: Any) -> Steps[str]:
        _check(permitted, content, action, id)
        place, where = namespace_of_call(template), store_of_call(store)
        plain = _plain(content)
        if action != "create":
            plain = yield from _in_the_shape_of(where, place, str(id), plain)
        source = _source(plain, state, told.now().isoformat(), name)
        write = Write("insert" if action == "create" else action, source, id, content=plain, plain=True)
        ledger = yield from commit(where, place, [write], policy)
        return _report(ledger.changes[0])

    def manage_memory(
        content: Any = None, action: ToolAction = default, id: str | None = None, state: Any = None
    ) -> str:
        return run(manage(content, action, id, state))

    async def amanage_memory(
        content: Any = None, action: ToolAction = default, id: str | None = None, state: Any = None
    ) -> str:
        return await arun(manage(content, action, id, state))

    fields: dict[str, Any] = {
        "content": (
            schema | None if isinstance(schema, type) else schema,
            Field(None, description="What to remember."),
        ),
        "action": (Literal[permitted], Field(default, description="What to do.")),
        "id": (str | None, Field(None, description="The MEMORY ID, when updating or deleting.")),
        "state": (Annotated[Any, InjectedState], None),  # of the graph that runs it; no model sees or sets it
    }
    arguments = create_model(name, **fields)
    return StructuredTool.from_function(
        manage_memory,
        amanage_memory,
        name=name,
        description=_description(permitted, instructions),
        args_schema=arguments,
        handle_tool_error=True,
    )


def create_search_memory_tool(
    namespace: str | Sequence[str] | NamespaceTemplate,
    *,
    instructions: str = "",
    store: BaseStore | None = None,
    response_format: Literal["content", "content_and_artifact"] = "content",
    name: str = "search_memory",
    max_limit: int = 50,
    compact: bool = False,
    clock: Clock | None = None,
) -> StructuredTool:
    r"""Create a tool with which a model searches memories.

    Its arguments are `query`, `limit`, `offset` and `filter`; its result is the found items as JSON, without those
    that no longer hold.

    Args:
        namespace: Template of the namespace.
        instructions: When to call it.
        store: The store; that of the graph that runs by default.
        response_format: "content_and_artifact" adds the items as the artifact of the tool message.
        name: Name of the tool.
        max_limit: How many memories it returns at most, whatever the model asks for.
        compact: Return a line with id and text for each memory, instead of all fields.
        clock: Tells the time.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> store = InMemoryStore()
        >>> store.put(("memories", "ana"), "food", {"content": "I like <b>sushi</b>"})
        >>> tool = create_search_memory_tool(("memories", "{user_id}"), store=store, compact=True)
        >>> print(tool.invoke({"query": "food"}, {"configurable": {"user_id": "ana"}}))
        {"id": "food", "text": "I like \u003cb\u003esushi\u003c/b\u003e"}
    """
    template = NamespaceTemplate(namespace)
    if isinstance(max_limit, bool) or not isinstance(max_limit, int) or max_limit < 1:
        raise InvalidArgumentError("max_limit", expected="an integer >= 1", got=max_limit)
    told = clock if clock is not None else SystemClock()

    def search(query: str, limit: int, offset: int, filter: dict[str, Any] | None) -> Steps[Any]:
        place, where = namespace_of_call(template), store_of_call(store)
        asked: dict[str, Any] = {
            "query": query,
            "filter": filter,
            "limit": min(max(limit, 1), max_limit),
            "offset": max(offset, 0),
        }
        try:
            found: list[SearchItem] = yield Io(
                partial(where.search, place, **asked), partial(where.asearch, place, **asked)
            )
        except InvalidFilterError as error:
            raise ToolException(str(error)) from error
        now = told.now()
        found = [item for item in found if is_open(item.value, now)]
        shown = _compact(found) if compact else safe_json([item.dict() for item in found])
        return (shown, found) if response_format == "content_and_artifact" else shown

    def search_memory(query: str, limit: int = 10, offset: int = 0, filter: dict[str, Any] | None = None) -> Any:
        return run(search(query, limit, offset, filter))

    async def asearch_memory(query: str, limit: int = 10, offset: int = 0, filter: dict[str, Any] | None = None) -> Any:
        return await arun(search(query, limit, offset, filter))

    return StructuredTool.from_function(
        search_memory,
        asearch_memory,
        name=name,
        description=f"Search your long-term memories for information relevant to your current context. {instructions}",
        response_format=response_format,
        handle_tool_error=(lambda error: (str(error), [])) if response_format == "content_and_artifact" else True,
    )


def _source(content: Any, state: Any, said_at: str, name: str) -> Provenance:
    """Return whose words a memory is made of: the assistant's, unless a tool or a quoted text says what it says."""
    messages = state.get("messages") if isinstance(state, Mapping) else getattr(state, "messages", None)
    others = [each for each in messages or () if getattr(each, "name", None) not in (name, "search_memory")]
    if content is not None and others:
        found = trace(content, read_conversation(others), said_at, _thread())
        if found.trust < TRUST["assistant"]:
            return found
    return Provenance("assistant", TRUST["assistant"], said_at, _thread())


def _check(permitted: Sequence[str], content: Any, action: str, id: str | None) -> None:
    if action not in permitted:
        raise ToolException(f"Invalid action {action!r}. Must be one of {', '.join(permitted)}.")
    if action == "create" and id is not None:
        raise ToolException("A MEMORY ID cannot be chosen when creating a MEMORY. Try again without the id.")
    if action != "create" and not id:
        raise ToolException(f"To {action} a MEMORY its MEMORY ID is needed.")
    if action != "delete" and (content is None or (isinstance(content, str) and not content.strip())):
        raise ToolException(f"To {action} a MEMORY its content is needed.")


def _plain(content: Any) -> Any:
    if isinstance(content, BaseModel):
        return content.model_dump(mode="json")
    if isinstance(content, str):
        return content.encode("utf-8", "replace").decode()
    return content if isinstance(content, Mapping) or content is None else {"content": content}


def _in_the_shape_of(store: BaseStore, place: tuple[str, ...], key: str, content: Any) -> Steps[Any]:
    """Return a text as the content of the memory that it replaces is: a text, or a text in the manager's schema."""
    if not isinstance(content, str):
        return content
    (item,) = yield from submit(store, [GetOp(place, key)])
    old = content_of(item.value)[1] if item is not None else None
    return {"content": content} if isinstance(old, Mapping) and set(old) == {"content"} else content


def _thread() -> str | None:
    from langchain_core.runnables.config import ensure_config

    thread = (ensure_config(None).get("configurable") or {}).get("thread_id")
    return str(thread) if thread is not None else None


def _report(change: MemoryChange) -> str:
    if change.action == "rejected":
        raise ToolException(f"There is no memory {change.id!r}. Nothing was changed.")
    if change.action == "refused":
        raise ToolException(f"The memory was refused: {change.message}.")
    verb = {"added": "created", "changed": "updated", "deleted": "Deleted", "quarantined": "kept for review:"}
    if change.action == "unchanged":
        return f"memory {change.id} says so already"
    return f"{verb[change.action]} memory {change.id}"


def _description(permitted: Sequence[str], instructions: str) -> str:
    verbs = f"{', '.join(permitted[:-1])} or {permitted[-1]}" if len(permitted) > 1 else permitted[0]
    return (
        f"{verbs.capitalize()} a memory to persist across conversations.\n"
        "Include the MEMORY ID when updating or deleting a MEMORY. Omit when creating a new MEMORY - it will be "
        f"created for you.\n{instructions}"
    )


def _compact(items: Sequence[SearchItem]) -> str:
    lines = ({"id": item.key, "text": text_of(content_of(item.value)[1])} for item in items)
    return "\n".join(map(safe_json, lines))
