"""A graph that extracts memories from a conversation, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict

from warmgraph.knowledge import MemoryPolicy, create_memory_store_manager
from warmgraph.knowledge.manager import MEMORY_INSTRUCTIONS
from warmgraph.nodes import DEFAULT_NAMESPACE, MemoryContext, MemoryInput, MemoryState
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.steps import Steps

__all__ = ["create_extraction_graph"]


class ExtractedChange(TypedDict):
    """What became of a memory: its key and no text, for states are checkpointed."""

    action: str
    key: str | None
    reason: str | None


class ExtractionOutput(TypedDict, total=False):
    """What a run of the extraction graph returns."""

    changes: list[ExtractedChange]


class ExtractionState(MemoryState, ExtractionOutput, total=False):
    """The conversation, and what became of the memories."""


def create_extraction_graph(
    model: BaseChatModel | str,
    *,
    store: BaseStore | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    schemas: Sequence[Any] | None = None,
    instructions: str = MEMORY_INSTRUCTIONS,
    enable_deletes: bool = False,
    policy: MemoryPolicy | None = None,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    context_schema: type[Any] | None = MemoryContext,
    name: str = "extract_memories",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create a graph that extracts memories from `messages` and writes them to the store.

    Its output is `changes`: for each memory that was looked at the key and what became of it. A failure of the model
    or of the store fails the run.

    Args:
        model: Extracts: a chat model, or the name of one, such as "offline".
        store: The store; on a server leave it out.
        namespace: Template of the namespace.
        schemas: What memories look like; texts by default.
        instructions: What to keep.
        enable_deletes: Whether the model may delete memories.
        policy: Decides what is stored; `TrustPolicy()` by default.
        checkpointer: The checkpointer; on a server leave it out.
        context_schema: Schema of the runtime context.
        name: Name of the graph.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> graph = create_extraction_graph("offline", store=InMemoryStore())
        >>> found = graph.invoke({"messages": "Hi! I live in Lisbon."}, context=MemoryContext("ana"))
        >>> [change["action"] for change in found["changes"]]
        ['added']
    """
    manager = create_memory_store_manager(
        model,
        schemas=schemas,
        instructions=instructions,
        enable_deletes=enable_deletes,
        namespace=namespace,
        policy=policy,
    )

    def logic(state: MemoryReads, visit: Visit) -> Steps[ExtractionOutput]:
        stored = yield from manager.steps({"messages": state["messages"]}, visit.config)
        changes = [ExtractedChange(action=one.action, key=one.id, reason=one.reason) for one in stored.changes]
        return ExtractionOutput(changes=changes)

    builder = StateGraph(
        ExtractionState, context_schema=context_schema, input_schema=MemoryInput, output_schema=ExtractionOutput
    )
    builder.add_node("extract", MemoryNode("extract", logic))
    builder.add_edge(START, "extract")
    builder.add_edge("extract", END)
    return builder.compile(store=store, checkpointer=checkpointer, name=name)
