"""schedule_reflection: hand over what was said to the background, as a pointer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from langgraph.types import RetryPolicy

from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.reflection import RemoteReflectionExecutor
from warmgraph.reflection.submissions import context_values
from warmgraph.steps import Io, Steps
from warmgraph.store import NamespaceTemplate
from warmgraph.store.namespaces import USER_ID_ALIASES

__all__ = ["DEFAULT_REFLECT_AFTER", "SchedulesReflection", "create_schedule_reflection_node"]

DEFAULT_REFLECT_AFTER = 30.0


class SchedulesReflection(Protocol):
    """What takes jobs: a `ReflectionExecutor`, or anything with these two methods of it."""

    def submit(
        self, payload: Any, /, config: Any = None, *, after_seconds: float, thread_id: str | None, context: Any
    ) -> Future[Any]:
        """Schedule a job."""
        ...

    async def asubmit(
        self, payload: Any, /, config: Any = None, *, after_seconds: float, thread_id: str | None, context: Any
    ) -> Future[Any]:
        """Schedule a job from an event loop."""
        ...


def create_schedule_reflection_node(
    reflection: SchedulesReflection | str,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    after_seconds: float = DEFAULT_REFLECT_AFTER,
    retry_policy: RetryPolicy | None = None,
    name: str = "schedule_reflection",
) -> MemoryNode:
    """Create the node that asks for reflection once the conversation has rested for a while.

    It hands over a pointer, `{"namespace", "thread_id", "up_to"}`, and no text: the job reads what was remembered since
    it last ran, so that however many turns are joined into one job, none is lost. The answer does not wait for it.

    Args:
        reflection: A `ReflectionExecutor`, or the name of a graph of the server that the run is on; where it runs on
            no server, the name means nothing and the node does nothing.
        namespace: Template of the namespace.
        after_seconds: How long the thread has to rest; each turn begins the wait anew.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node.

    Example:
        >>> from langgraph.graph import MessagesState, StateGraph
        >>> from warmgraph import ReflectionExecutor
        >>> def reflect(pointer):
        ...     print("reflecting on", pointer["namespace"])
        >>> with ReflectionExecutor(reflect, ("memories", "{user_id}")) as executor:
        ...     node = create_schedule_reflection_node(executor)
        ...     graph = StateGraph(MessagesState).add_node(node).set_entry_point("schedule_reflection").compile()
        ...     _ = graph.invoke({"messages": "I live in Lisbon."}, {"configurable": {"user_id": "ana"}})
        reflecting on ['memories', 'ana']
    """
    template = NamespaceTemplate(namespace)
    on_server = isinstance(reflection, str)
    executor: SchedulesReflection = (
        RemoteReflectionExecutor(reflection, template) if isinstance(reflection, str) else reflection
    )

    def logic(state: MemoryReads, visit: Visit) -> Steps[dict[str, Any] | None]:
        place = visit.namespace(template)
        messages = state.get("messages", [])
        if not messages or (on_server and visit.runtime.server_info is None):
            return None
        pointer = {"namespace": list(place), "thread_id": visit.thread_id, "up_to": messages[-1].id}
        options: dict[str, Any] = {
            "after_seconds": after_seconds,
            "thread_id": visit.thread_id,
            "context": _context(visit),
        }
        try:
            yield Io(
                partial(executor.submit, pointer, visit.config, **options),
                partial(executor.asubmit, pointer, visit.config, **options),
            )
        except Exception as error:
            return {"memory_errors": [visit.failed(error)]}
        visit.emit({"type": "memory_schedule_reflection", "namespace": list(place), "after_seconds": after_seconds})
        return None

    return MemoryNode(name, logic, retry_policy=retry_policy)


def _context(visit: Visit) -> dict[str, Any] | None:
    """Return the context for the job, which runs as the authenticated user where there is one."""
    context = context_values(visit.runtime.context)
    info = visit.runtime.server_info
    identity = info.user.identity if info is not None and info.user is not None else None
    if not identity:
        return context
    return {
        **{name: value for name, value in (context or {}).items() if name not in USER_ID_ALIASES},
        "user_id": identity,
    }
