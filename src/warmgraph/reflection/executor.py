"""`ReflectionExecutor`: one call for jobs in this process and for runs on a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from langgraph.store.base import BaseStore

from warmgraph.errors import InvalidArgumentError
from warmgraph.reflection.local import LocalReflectionExecutor, _open_executors
from warmgraph.reflection.remote import RemoteReflectionExecutor

if TYPE_CHECKING:
    from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

__all__ = ["ReflectionExecutor", "open_executors"]


@overload
def ReflectionExecutor(
    reflector: str,
    namespace: Any,
    /,
    *,
    url: str | None = None,
    client: LangGraphClient | None = None,
    sync_client: SyncLangGraphClient | None = None,
    **options: Any,
) -> RemoteReflectionExecutor: ...


@overload
def ReflectionExecutor(
    reflector: Any,
    namespace: Any = None,
    /,
    *,
    store: BaseStore | None = None,
    **options: Any,
) -> LocalReflectionExecutor: ...


def ReflectionExecutor(  # noqa: N802
    reflector: Any,
    namespace: Any = None,
    /,
    *,
    url: str | None = None,
    client: LangGraphClient | None = None,
    sync_client: SyncLangGraphClient | None = None,
    store: BaseStore | None = None,
    **options: Any,
) -> LocalReflectionExecutor | RemoteReflectionExecutor:
    """Create what runs a reflector in the background, after the answer.

    Args:
        reflector: A Runnable or a function of a payload, to run in this process; or the name of a graph on a server.
        namespace: Template of the namespace that a job is about; `reflector.namespace` by default.
        url: Where the server is; by default the one that this code runs in.
        client: A client of the server.
        sync_client: The same for sync callers.
        store: The store of the reflector's runs, in this process.
        options: More of `LocalReflectionExecutor`, such as `queue`, `payloads`, `concurrency` and `max_attempts`, or of
            `RemoteReflectionExecutor`.

    Raises:
        InvalidArgumentError: A bad argument.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> def count(payload):
        ...     return len(payload["messages"])
        >>> ana = {"configurable": {"user_id": "ana", "thread_id": "1"}}
        >>> with ReflectionExecutor(count, ("memories", "{user_id}"), store=InMemoryStore()) as executor:
        ...     first = executor.submit({"messages": ["I live in Lisbon."]}, ana, after_seconds=30)
        ...     second = executor.submit({"messages": ["I moved to Porto."]}, ana, after_seconds=30)
        >>> first.result(), second.result(), executor.stats().started  # they ran once, with everything that was said
        (2, 2, 1)
    """
    if not isinstance(reflector, str):
        for argument, given in (("url", url), ("client", client), ("sync_client", sync_client)):
            if given is not None:
                raise InvalidArgumentError(
                    argument, expected="nothing, as the reflector is no name of a graph", got=given
                )
        return LocalReflectionExecutor(reflector, namespace, store=store, **options)
    if namespace is None:
        raise InvalidArgumentError("namespace", expected="one, for a reflector on a server", got=None)
    if store is not None:
        raise InvalidArgumentError("store", expected="nothing, as the reflector has its server's", got=store)
    return RemoteReflectionExecutor(reflector, namespace, url=url, client=client, sync_client=sync_client, **options)


def open_executors() -> list[LocalReflectionExecutor]:
    """Return the executors of this process that run jobs here and were not shut down."""
    return list(_open_executors)
