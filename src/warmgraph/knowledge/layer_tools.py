"""Tools for a memory of which there is one: change it, read it."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.runnables.config import ensure_config
from langchain_core.tools import StructuredTool, ToolException
from langgraph.store.base import BaseStore, GetOp
from pydantic import BaseModel, Field, create_model

from warmgraph.clock import Clock, SystemClock
from warmgraph.extraction_request import safe_json
from warmgraph.knowledge.history import submit
from warmgraph.knowledge.ledger import Write, commit
from warmgraph.knowledge.policy import MemoryPolicy
from warmgraph.knowledge.provenance import TRUST, Provenance
from warmgraph.knowledge.schemas import content_of
from warmgraph.steps import Steps, arun, run
from warmgraph.store.namespaces import NamespaceTemplate
from warmgraph.store.scopes import namespace_of_call, store_of_call

__all__ = ["create_keep_tool", "create_read_tool"]


def create_keep_tool(
    name: str,
    description: str,
    namespace: NamespaceTemplate,
    *,
    content: Any,
    key: str,
    store: BaseStore | None = None,
    policy: MemoryPolicy | None = None,
    clock: Clock | None = None,
) -> StructuredTool:
    """Create a tool that writes one memory: text as a whole, of a schema the fields that it is given.

    What others changed at the same time in other fields stays, and so does what it said before, as its history.

    Args:
        name: Name of the tool.
        description: What it is for, and when to call it.
        namespace: Template of the namespace.
        content: `str` or a pydantic model.
        key: Key of the memory.
        store: The store; that of the graph that runs by default.
        policy: Decides what is stored; by default everything is.
        clock: Tells the time.
    """
    told = clock if clock is not None else SystemClock()
    structured = isinstance(content, type) and issubclass(content, BaseModel)
    kind = content.__name__ if structured else "Memory"

    def keep(given: Any) -> Steps[str]:
        # Only what the model named: the defaults of a schema must not overwrite what is known.
        new = given.model_dump(mode="json", exclude_unset=True) if isinstance(given, BaseModel) else given
        if not new or (isinstance(new, str) and not new.strip()):
            raise ToolException("There is nothing to remember in that.")
        # Halves of surrogate pairs, as broken input has them, can be neither stored nor embedded.
        new = json.loads(json.dumps(new, ensure_ascii=False).encode("utf-8", "replace"))
        thread = (ensure_config(None).get("configurable") or {}).get("thread_id")
        source = Provenance(
            "assistant",
            TRUST["assistant"],
            told.now().isoformat(),
            str(thread) if thread is not None else None,
        )
        write = Write("insert", source, key, kind, new, base={} if structured else None)
        ledger = yield from commit(store_of_call(store), namespace_of_call(namespace), [write], policy)
        change = ledger.changes[0]
        if change.action == "refused":
            raise ToolException(f"The memory was refused: {change.message}.")
        return {"unchanged": "It says so already.", "quarantined": "It is kept for review."}.get(
            change.action, "Remembered."
        )

    def remember(content: Any) -> str:
        return run(keep(content))

    async def aremember(content: Any) -> str:
        return await arun(keep(content))

    return StructuredTool.from_function(
        remember,
        aremember,
        name=name,
        description=description,
        args_schema=create_model(name, content=(content, Field(description="What to remember."))),
        handle_tool_error=True,
    )


def create_read_tool(
    name: str, description: str, namespace: NamespaceTemplate, *, key: str, store: BaseStore | None = None
) -> StructuredTool:
    """Create a tool that returns one memory as JSON.

    Args:
        name: Name of the tool.
        description: What it is for.
        namespace: Template of the namespace.
        key: Key of the memory.
        store: The store; that of the graph that runs by default.
    """

    def steps() -> Steps[str]:
        (item,) = yield from submit(store_of_call(store), [GetOp(namespace_of_call(namespace), key)])
        return safe_json(content_of(item.value)[1]) if item is not None else "Nothing is remembered yet."

    def read() -> str:
        return run(steps())

    async def aread() -> str:
        return await arun(steps())

    return StructuredTool.from_function(read, aread, name=name, description=description)
