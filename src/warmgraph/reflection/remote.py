"""Reflection on a LangGraph server: each job is a run of a graph there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from langchain_core.runnables import RunnableConfig

from warmgraph.errors import ExecutorClosedError
from warmgraph.reflection.scope import (
    FROM_CONFIG,
    FromConfig,
    Scope,
    as_template,
    check_after_seconds,
    current_values,
)
from warmgraph.reflection.submissions import Submission

if TYPE_CHECKING:
    from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

__all__ = ["RemoteReflectionExecutor", "reflection_thread"]

_THREADS = uuid5(NAMESPACE_URL, "warmgraph:reflection")


class RemoteReflectionExecutor:
    """Runs a graph of a LangGraph server in its background.

    The jobs of one namespace and thread run on one thread of their own, so that a client that interrupts or rejects
    on the chat's thread does not hit them; "rollback" makes the server keep only the last of those that wait, so a
    graph should read what it has not reflected on yet, as `create_reflection_graph` does. Jobs without a thread are
    stateless runs.

    The run gets the context, or else the `configurable` keys, of the run that submits: the server takes one of them.

    Args:
        reflector: Name of the graph, or id of an assistant.
        namespace: Template of the namespace that a job is about.
        url: Where the server is. Without it, the server that this code runs in.
        client: A client to use instead.
        sync_client: A client for sync callers.
        multitask_strategy: What the server does with a run while another one waits or runs.
    """

    def __init__(
        self,
        reflector: str,
        namespace: Any,
        /,
        *,
        url: str | None = None,
        client: LangGraphClient | None = None,
        sync_client: SyncLangGraphClient | None = None,
        multitask_strategy: Literal["rollback", "interrupt", "enqueue", "reject"] = "rollback",
    ) -> None:
        self.reflector: str = reflector
        self._template = as_template(namespace)
        self._url = url
        self._client = client
        self._sync_client = sync_client
        self._made: SyncLangGraphClient | None = None  # ours to close
        self._strategy = multitask_strategy
        self._lock = threading.Lock()
        self._closed = False
        self._waiting: set[threading.Thread] = set()

    def __repr__(self) -> str:
        return f"RemoteReflectionExecutor({self.reflector!r}, url={self._url!r})"

    def submit(
        self,
        payload: Any,
        /,
        config: RunnableConfig | None = None,
        *,
        after_seconds: float = 0,
        thread_id: str | UUID | FromConfig | None = FROM_CONFIG,
        context: Any = None,
        wait: bool = False,
    ) -> Future[Any]:
        """Create a run; when this returns, the server has it.

        Args:
            payload: The input of the graph.
            config: The config; by default that of the run which submits.
            after_seconds: How long the server waits for more from the same thread.
            thread_id: The thread; by default the config's. `None` for a job that stands for itself.
            context: The runtime context; by default that of the run which submits.
            wait: Whether the future is done when the run has ended, with what the graph returned; else it is done at
                once, with the run.

        Raises:
            ExecutorClosedError: After `shutdown`.
            UnresolvedNamespaceError: Nobody said whose memory this is about.
        """
        thread, request = self._request(payload, config, after_seconds, thread_id, context)
        client = self._sync()
        created = client.runs.create(thread, self.reflector, **request)
        future: Future[Any] = Future()
        if wait:
            self._wait(future, lambda: client.runs.join(str(created["thread_id"]), str(created["run_id"])))
        else:
            future.set_result(created)
        return future

    async def asubmit(
        self,
        payload: Any,
        /,
        config: RunnableConfig | None = None,
        *,
        after_seconds: float = 0,
        thread_id: str | UUID | FromConfig | None = FROM_CONFIG,
        context: Any = None,
    ) -> Future[Any]:
        """Create a run like `submit`, without blocking the event loop."""
        thread, request = self._request(payload, config, after_seconds, thread_id, context)
        future: Future[Any] = Future()
        async with self._async() as client:
            future.set_result(await client.runs.create(thread, self.reflector, **request))
        return future

    def invoke(self, payload: Any, config: RunnableConfig | None = None, *, after_seconds: float = 0) -> Any:
        """Create a run, wait for its end, and return what the graph returned."""
        return self.submit(payload, config, after_seconds=after_seconds, wait=True).result()

    async def ainvoke(self, payload: Any, config: RunnableConfig | None = None, *, after_seconds: float = 0) -> Any:
        """Do as `invoke` does, without blocking the event loop."""
        created = (await self.asubmit(payload, config, after_seconds=after_seconds)).result()
        async with self._async() as client:
            return await client.runs.join(str(created["thread_id"]), str(created["run_id"]))

    def search(
        self,
        query: str | None = None,
        *,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        namespace: str | tuple[str, ...] | None = None,
    ) -> list[dict[str, Any]]:
        """Search the server's store, by default in the namespace of the run which asks."""
        place = self._place(namespace)
        return _items(self._sync().store.search_items(place, query=query, filter=filter, limit=limit, offset=offset))

    async def asearch(
        self,
        query: str | None = None,
        *,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        namespace: str | tuple[str, ...] | None = None,
    ) -> list[dict[str, Any]]:
        """Search like `search`, without blocking the event loop."""
        place = self._place(namespace)
        async with self._async() as client:
            found = await client.store.search_items(place, query=query, filter=filter, limit=limit, offset=offset)
        return _items(found)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False, timeout: float | None = None) -> bool:
        """Take no more jobs. What the server has, it runs; `wait` waits for the futures that wait for a run's end.

        Returns:
            Whether nobody waits any more.
        """
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
        for thread in waiting if wait and not cancel_futures else ():
            thread.join(timeout)
        ended = not any(thread.is_alive() for thread in waiting)
        with self._lock:
            made, self._made = (self._made, None) if ended else (None, self._made)
        if made is not None:
            made.close()
        return ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def _request(
        self,
        payload: Any,
        config: RunnableConfig | None,
        after_seconds: float,
        thread_id: str | UUID | FromConfig | None,
        context: Any,
    ) -> tuple[str | None, dict[str, Any]]:
        if self._closed:
            raise ExecutorClosedError(f"{self!r} was shut down")
        delay = check_after_seconds(after_seconds)
        scope = Scope(config, context)
        namespace, thread = scope.namespace(self._template), scope.thread(thread_id)
        submission, _ = Submission.of(payload, scope.config, scope.context)
        configurable = {name: value for name, value in submission.config["configurable"].items() if name != "thread_id"}
        request: dict[str, Any] = {"input": payload, "multitask_strategy": None if thread is None else self._strategy}
        if scope.context is not None:  # the server refuses both
            request["context"] = {**configurable, **scope.context}
        elif configurable:
            request["config"] = {"configurable": configurable}
        if delay:
            request["after_seconds"] = max(1, round(delay))
        if thread is None:
            return None, request
        request["if_not_exists"] = "create"
        return reflection_thread(self.reflector, namespace, thread), request

    def _wait(self, future: Future[Any], join: Callable[[], Any]) -> None:
        def work() -> None:
            try:
                result = join()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            finally:
                with self._lock:
                    self._waiting.discard(thread)

        future.set_running_or_notify_cancel()
        thread = threading.Thread(target=work, name="warmgraph-reflection-wait", daemon=True)
        with self._lock:
            self._waiting.add(thread)
        thread.start()

    def _sync(self) -> SyncLangGraphClient:
        if self._sync_client is not None:
            return self._sync_client
        with self._lock:
            if self._made is None:
                from langgraph_sdk import get_sync_client

                self._made = get_sync_client(url=self._url)
            return self._made

    @asynccontextmanager
    async def _async(self) -> AsyncIterator[LangGraphClient]:
        if self._client is not None:
            yield self._client
            return
        from langgraph_sdk import get_client

        # One for each use: it is bound to the loop that uses it, of which a server has several. Making one for a
        # server elsewhere reads certificates.
        made = get_client() if self._url is None else await asyncio.to_thread(get_client, url=self._url)
        async with made as client:
            yield client

    def _place(self, namespace: str | tuple[str, ...] | None) -> tuple[str, ...]:
        if namespace is not None:
            return (namespace,) if isinstance(namespace, str) else tuple(namespace)
        return self._template.resolve(current_values())


def reflection_thread(graph: str, namespace: tuple[str, ...], thread: str) -> str:
    """Return the id of the thread on which a graph reflects on a conversation.

    Example:
        >>> reflection_thread("reflect", ("memories", "ana"), "1")
        '...-...-5...-...-...'
    """
    return str(uuid5(_THREADS, repr((graph, namespace, thread))))


def _items(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**item, "namespace": tuple(item["namespace"])} for item in found["items"]]
