"""How one job is run: its reflector, in a run of its own, with its context, its store and its key."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableSequence
from langgraph.config import get_config
from langgraph.func import entrypoint
from langgraph.store.base import BaseStore

from warmgraph.errors import InvalidArgumentError
from warmgraph.reflection.submissions import Live, Submission

__all__ = ["JOB_KEY", "JobRunner", "as_runnable"]

JOB_KEY = "reflection_job"


def as_runnable(reflector: Any) -> Runnable[Any, Any]:
    """Return a reflector as a Runnable.

    Raises:
        InvalidArgumentError: It is neither one nor a function.
    """
    if isinstance(reflector, Runnable):
        return reflector
    if callable(reflector):
        return RunnableLambda(reflector)
    raise InvalidArgumentError("reflector", expected="a Runnable, a function or the name of a graph", got=reflector)


class JobRunner:
    """Runs a reflector for one job after the other, on whatever threads call.

    A reflector that can only be awaited runs on one event loop, in a thread of its own: clients that it keeps stay
    with their loop.

    Args:
        reflector: The reflector.
    """

    def __init__(self, reflector: Runnable[Any, Any]) -> None:
        self.reflector: Runnable[Any, Any] = reflector
        self.awaited: bool = _only_awaited(reflector)
        self._loop: _Loop | None = None
        self._lock = threading.Lock()

    def run(self, key: str, submission: Submission, live: Live | None, store: BaseStore | None) -> Any:
        """Run the reflector and return what it returns; whatever it raises is raised here."""
        config = _config(key, submission, live)
        options: dict[str, Any] = {} if submission.context is None else {"context": submission.context}
        if not self.awaited:
            reflector = self.reflector

            @entrypoint(store=store)
            def reflection(payload: Any) -> Any:
                return reflector.invoke(payload, get_config())

            return reflection.invoke(submission.payload, config, **options)
        areflector = self.reflector

        @entrypoint(store=store)
        async def areflection(payload: Any) -> Any:
            return await areflector.ainvoke(payload, get_config())

        return self._use_loop().run(lambda: areflection.ainvoke(submission.payload, config, **options))

    def close(self) -> None:
        """Stop the event loop, if there is one."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def forget(self) -> None:
        """Begin anew in a forked child, where no thread of the parent runs."""
        self._lock, self._loop = threading.Lock(), None

    def _use_loop(self) -> _Loop:
        with self._lock:
            if self._loop is None:
                self._loop = _Loop()
            return self._loop


class _Loop:
    """An event loop in a daemon thread, which no error of a task ends."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stopping = False
        threading.Thread(target=self._serve, name="warmgraph-reflection-loop", daemon=True).start()

    def run(self, call: Callable[[], Any]) -> Any:
        async def guarded() -> tuple[Any, BaseException | None]:
            try:
                return await call(), None
            except BaseException as error:  # a task that raises SystemExit would end the loop
                return None, error

        result, error = asyncio.run_coroutine_threadsafe(guarded(), self._loop).result()
        if error is not None:
            raise error
        return result

    def stop(self) -> None:
        self._stopping = True
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _serve(self) -> None:
        while not self._stopping:
            try:
                self._loop.run_forever()
            except BaseException:
                continue
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


def _config(key: str, submission: Submission, live: Live | None) -> RunnableConfig:
    config: dict[str, Any] = {**submission.config}
    configurable = {**config.get("configurable", {}), JOB_KEY: key}
    if live is not None:
        configurable |= live.configurable
        if live.callbacks:
            config["callbacks"] = list(live.callbacks)
    config["configurable"] = configurable
    return cast(RunnableConfig, config)


def _only_awaited(reflector: Any) -> bool:
    """Whether a Runnable has no way to be invoked from sync code."""
    if isinstance(reflector, RunnableSequence):
        return any(_only_awaited(step) for step in reflector.steps)
    if isinstance(reflector, RunnableLambda):
        return not hasattr(reflector, "func")
    if getattr(reflector, "func", reflector) is None:  # a node of a graph, made of an async function
        return getattr(reflector, "afunc", None) is not None
    nodes = getattr(reflector, "nodes", None)
    return isinstance(nodes, Mapping) and any(_only_awaited(getattr(node, "bound", None)) for node in nodes.values())
