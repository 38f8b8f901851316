"""Extract memories from a conversation, without a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel

from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge.conversation import read_conversation, said_lines
from warmgraph.knowledge.edits import Desk, Enabled, ExtractedMemories
from warmgraph.knowledge.extraction import extract
from warmgraph.knowledge.schemas import Memory, RemoveDoc, Schemas
from warmgraph.steps import Steps, arun, run

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

__all__ = ["MEMORY_INSTRUCTIONS", "MemoryManager", "create_memory_manager"]

MEMORY_INSTRUCTIONS = """\
You are a long-term memory manager maintaining a store of semantic, procedural, and episodic memory.

What should the agent learn from this conversation about the user, itself, or how it should act?

1. Extract: essential facts, relationships, preferences, procedures and their context. Say how certain a conclusion is.
2. Compare: attend to what is new or deviates from existing memories. Merge redundant ones, correct what changed.
3. Conclude: patterns and generalizations, where the conversation supports them.

Write each memory as a standalone sentence, dense and complete, in the words in which you would want to recall it."""


def create_memory_manager(
    model: str | BaseChatModel,
    /,
    *,
    schemas: Sequence[Any] = (Memory,),
    instructions: str = MEMORY_INSTRUCTIONS,
    enable_inserts: bool = True,
    enable_updates: bool = True,
    enable_deletes: bool = False,
    max_calls: int = 3,
) -> MemoryManager:
    """Create a manager that extracts memories from a conversation. It stores nothing.

    Its input is `{"messages", "existing"?, "max_steps"?}`. `existing` is a list of texts, of `(id, value)`, or of
    `(id, kind, value)`. It returns a list of `ExtractedMemory(id, content)`, untouched memories included, whose
    `changes` tell what was added, changed, deleted, left as it was, and rejected, with the reason.

    Args:
        model: A chat model, or the name of one, such as "offline".
        schemas: What memories look like: pydantic models, TypedDicts or dataclasses.
        instructions: What to keep.
        enable_inserts: Whether the model may add memories.
        enable_updates: Whether it may change existing ones.
        enable_deletes: Whether it may delete existing ones.
        max_calls: How often the model is called at most when it answers badly; never less than `max_steps`.

    Raises:
        InvalidArgumentError: A schema is none, two have one name, or `max_calls` is below 1.
        ExtractionError: From a call: the model answered neither by tool calls nor by JSON. Errors of the model itself
            surface as they are.

    Example:
        >>> manager = create_memory_manager("offline")
        >>> found = manager.invoke({"messages": [("user", "Hi! I live in Lisbon.")]})
        >>> [memory.content for memory in found], [change.action for change in found.changes]
        ([Memory(content='I live in Lisbon.')], ['added'])
    """
    from warmgraph.models.resolve import create_chat_model  # a tenth of a second of patterns

    return MemoryManager(
        create_chat_model(model),
        Schemas(schemas or (Memory,)),
        instructions,
        Enabled(enable_inserts, enable_updates, enable_deletes),
        at_least_one("max_calls", max_calls),
    )


class MemoryManager(Runnable[Any, ExtractedMemories]):
    """Extracts memories; made by `create_memory_manager`."""

    def __init__(
        self, model: BaseChatModel, schemas: Schemas, instructions: str, enabled: Enabled, max_calls: int
    ) -> None:
        self.model: BaseChatModel = model
        self.schemas: Schemas = schemas
        self.instructions: str = instructions
        self.enabled: Enabled = enabled
        self.max_calls: int = max_calls

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> ExtractedMemories:
        """Extract memories."""
        return run(self._steps(input, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> ExtractedMemories:
        """Extract memories by `model.ainvoke`."""
        return await arun(self._steps(input, config))

    async def __call__(self, messages: Sequence[Any], existing: Sequence[Any] | None = None) -> ExtractedMemories:
        """Extract memories, as LangMem's managers can be called."""
        return await self.ainvoke({"messages": messages, "existing": existing})

    def _steps(self, input: Any, config: RunnableConfig | None) -> Steps[ExtractedMemories]:
        desk = Desk(self.schemas, _existing(input.get("existing"), self.schemas))
        yield from extract(
            desk,
            self.model,
            said_lines(read_conversation(input["messages"])),
            self.instructions,
            self.enabled,
            config,
            max_steps=steps_of(input),
            max_calls=self.max_calls,
        )
        return ExtractedMemories(desk.memories(), desk.changes())


def steps_of(input: Any) -> int:
    """Return how many rounds of edits an input asks for: one, unless it says otherwise."""
    steps = input.get("max_steps")
    return 1 if steps is None else at_least_one("max_steps", steps)


def at_least_one(name: str, number: Any) -> int:
    """Return a number that has to be one or more."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InvalidArgumentError(name, expected="an integer >= 1", got=number)
    return number


def _existing(existing: Any, schemas: Schemas) -> dict[str, BaseModel]:
    found: dict[str, BaseModel] = {}
    for one in existing or ():
        if isinstance(one, (tuple, list)) and len(one) > 1 and isinstance(one[-1], RemoveDoc):
            continue  # the result of a call is the input of the next
        if isinstance(one, str):
            found[str(uuid4())] = schemas.read(one)
        elif isinstance(one, (tuple, list)) and len(one) == 2:
            found[str(one[0])] = schemas.read(one[1])
        elif isinstance(one, (tuple, list)) and len(one) == 3:
            found[str(one[0])] = schemas.read(one[2], str(one[1]))
        else:
            raise InvalidArgumentError("existing", expected="texts, (id, value) or (id, kind, value)", got=one)
    return found
