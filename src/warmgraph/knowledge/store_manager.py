"""Extract memories from a conversation, and keep them in a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge.conversation import read_conversation
from warmgraph.knowledge.edits import Enabled
from warmgraph.knowledge.manager import MEMORY_INSTRUCTIONS, at_least_one, steps_of
from warmgraph.knowledge.policy import MemoryPolicy, TrustPolicy
from warmgraph.knowledge.reflecting import Setup, StoredMemories, reflect
from warmgraph.knowledge.schemas import Memory, Schemas
from warmgraph.knowledge.stored import StoredAccess
from warmgraph.steps import Steps, arun, run
from warmgraph.store.namespaces import NamespaceTemplate
from warmgraph.store.scopes import store_of_call

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

__all__ = ["MemoryPhase", "MemoryStoreManager", "create_memory_store_manager"]


class MemoryPhase(TypedDict, total=False):
    """A further pass over the memories. What it does not say about adding and deleting holds as for the manager."""

    instructions: str
    include_messages: bool
    enable_inserts: bool
    enable_updates: bool
    enable_deletes: bool


PHASE_INSTRUCTIONS = "You are a memory manager. Deduplicate, consolidate, and enrich these memories."


def create_memory_store_manager(
    model: str | BaseChatModel,
    /,
    *,
    schemas: Sequence[Any] | None = None,
    instructions: str = MEMORY_INSTRUCTIONS,
    default: Any = None,
    default_factory: Callable[[RunnableConfig], Any] | None = None,
    enable_inserts: bool = True,
    enable_updates: bool = True,
    enable_deletes: bool = False,
    query_model: str | BaseChatModel | None = None,
    query_limit: int = 5,
    namespace: str | Sequence[str] | NamespaceTemplate = ("memories", "{langgraph_user_id}"),
    store: BaseStore | None = None,
    phases: Sequence[MemoryPhase] | None = None,
    policy: MemoryPolicy | None = None,
    max_calls: int = 3,
    clock: Clock | None = None,
) -> MemoryStoreManager:
    """Create a manager that finds related memories, has a model extract and update, and writes the changes.

    Its input is `{"messages", "max_steps"?}`. It returns a list of what it put, each `{"namespace", "key", "value"}`,
    whose `changes` tell everything else. A value is `{"kind": name of the schema, "content": {...}}` with where it
    comes from beside it: `role`, `trust`, `thread_id`, `message_id`, `said_at`, all set by code. A memory that
    changes keeps its key, and when it was first written; what it said before is its `history`.

    Args:
        model: A chat model, or the name of one, such as "offline".
        schemas: What memories look like: pydantic models, TypedDicts or dataclasses; texts by default.
        instructions: What to keep.
        default: Content that is written under the key "default" when nothing is stored yet.
        default_factory: Makes it from the config of the call.
        enable_inserts: Whether the model may add memories.
        enable_updates: Whether it may change existing ones.
        enable_deletes: Whether it may delete existing ones.
        query_model: Writes the search queries; without one they are what the user said last.
        query_limit: How many related memories the model is shown at most.
        namespace: Template of the namespace.
        store: The store; that of the graph that runs by default.
        phases: Further passes, each over the outcome of the one before.
        policy: Decides what is stored; by default `TrustPolicy()`, which keeps aside what only tools or quoted texts
            say.
        max_calls: How often the model is called at most in each pass, when it answers badly.
        clock: Tells the time.

    Raises:
        InvalidArgumentError: A bad argument. From a call: UnresolvedNamespaceError without a user, StoreError without
            a store, ExtractionError when the model answers by neither tool calls nor JSON.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> manager = create_memory_store_manager("offline", store=InMemoryStore())
        >>> ana = {"configurable": {"langgraph_user_id": "ana"}}
        >>> _ = manager.invoke({"messages": [("user", "Hi! I live in Lisbon.")]}, ana)
        >>> _ = manager.invoke({"messages": [("user", "I moved to Porto.")]}, ana)
        >>> (memory,) = manager.search(query="home", config=ana)
        >>> memory.value.content, [past.value["content"]["content"] for past in manager.history(memory.key, config=ana)]
        ('I moved to Porto.', ['I live in Lisbon.', 'I moved to Porto.'])
    """
    from warmgraph.models.resolve import create_chat_model  # a tenth of a second of patterns

    kinds = Schemas(schemas or (Memory,))
    enabled = Enabled(enable_inserts, enable_updates, enable_deletes)
    if default is not None and default_factory is not None:
        raise InvalidArgumentError("default", expected="either default or default_factory", got="both")
    made = coerced_default(kinds, default) if default is not None else None
    setup = Setup(
        model=create_chat_model(model),
        query_model=create_chat_model(query_model) if query_model is not None else None,
        schemas=kinds,
        passes=[
            (instructions, True, enabled),
            *(
                (
                    phase.get("instructions", PHASE_INSTRUCTIONS),
                    phase.get("include_messages", False),
                    Enabled(
                        phase.get("enable_inserts", enable_inserts),
                        phase.get("enable_updates", enable_updates),
                        phase.get("enable_deletes", enable_deletes),
                    ),
                )
                for phase in phases or ()
            ),
        ],
        default=(lambda _: made) if made is not None else _coercing(kinds, default_factory),
        query_limit=at_least_one("query_limit", query_limit),
        max_calls=at_least_one("max_calls", max_calls),
        policy=policy if policy is not None else TrustPolicy(),
        clock=clock if clock is not None else SystemClock(),
    )
    return MemoryStoreManager(setup, NamespaceTemplate(namespace), store)


class MemoryStoreManager(StoredAccess, Runnable[Any, StoredMemories]):
    """Keeps memories in a store; made by `create_memory_store_manager`."""

    def __init__(self, setup: Setup, namespace: NamespaceTemplate, store: BaseStore | None) -> None:
        super().__init__(setup, namespace, store)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> StoredMemories:
        """Extract memories from a conversation, and write what changed."""
        return run(self.steps(input, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> StoredMemories:
        """Do what `invoke` does, on an event loop."""
        return await arun(self.steps(input, config))

    async def __call__(self, messages: Sequence[Any]) -> StoredMemories:
        """Extract memories, as LangMem's managers can be called."""
        return await self.ainvoke({"messages": messages})

    def steps(self, input: Any, config: RunnableConfig | None = None) -> Steps[StoredMemories]:
        """Do what `invoke` does, as steps: drive them with `run` or `arun`, or from steps of your own."""
        namespace, store = self.get_namespace(config), store_of_call(self._store)
        return reflect(self.setup, store, namespace, read_conversation(input["messages"]), steps_of(input), config)


def coerced_default(schemas: Schemas, default: Any) -> Any:
    """Return a default as content of one of the schemas.

    Raises:
        InvalidArgumentError: It fits none.
    """
    found = schemas.read(default)
    if type(found) not in schemas.by_tool.values():
        raise InvalidArgumentError("default", expected=f"content for one of {list(schemas.by_tool)}", got=default)
    return found


def _coercing(
    schemas: Schemas, factory: Callable[[RunnableConfig], Any] | None
) -> Callable[[RunnableConfig], Any] | None:
    return None if factory is None else lambda config: coerced_default(schemas, factory(config))
