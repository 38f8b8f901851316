"""Extraction over the reflection executor: a queue that survives the process where memory does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig

from warmgraph.clients.afterwards import Prompt, extraction_prompt
from warmgraph.clients.calls import Call
from warmgraph.clients.memory import ClientMemory
from warmgraph.clients.protocol import Draft, read_payload
from warmgraph.reflection.local import LocalReflectionExecutor
from warmgraph.steps import Io, Steps, run
from warmgraph.store import NamespaceTemplate
from warmgraph.store.scopes import store_of_call

__all__ = ["QueuedExtraction"]

# A turn is a small thing: when a model fails three times, within some seconds, it is let go as a dead letter.
MAX_ATTEMPTS = 3


class QueuedExtraction:
    """Queues the turn for a `ReflectionExecutor`, whose job asks a model what of it is to be remembered.

    The queue lies beside the file of the memory, or in RAM where there is none. Jobs run one after the other; one that
    fails is run again, and what it writes is written once.

    Args:
        memory: Where that goes. Closing it waits for the jobs, and ends the executor.
        ask: Calls a model, by its name in the call, with a prompt.
        template: Template of the namespace.
        user_id: Whose memory it is.
        at_once: Whether to open the queue now, which blocks, and to run what an earlier process left; else that is done
            when there is something to extract.
    """

    def __init__(
        self,
        memory: ClientMemory,
        ask: Callable[[Prompt, Any], str],
        template: NamespaceTemplate,
        user_id: str,
        *,
        at_once: bool,
    ) -> None:
        self._memory = memory
        self._ask = ask
        self._template = template
        self._config: RunnableConfig = {"configurable": {"user_id": user_id}}
        self._opening = threading.Lock()
        self._executor: LocalReflectionExecutor | None = None
        if at_once:
            self._open()

    def __call__(self, call: Call, drafts: Sequence[Draft], text: str) -> Steps[None]:
        """Queue the turn."""
        if not text.strip():
            return
        payload = {"prompt": extraction_prompt(call, text), "model": call.kwargs.get("model"), "role": call.role}
        try:
            job: Future[Any] = yield Io(lambda: self._open().submit(payload, self._config, thread_id=None))
        except Exception as error:
            self._memory.failed("extract", error)
            return
        counted: Future[None] = Future()
        self._memory.track(counted)
        job.add_done_callback(partial(self._ended, counted))

    def _open(self) -> LocalReflectionExecutor:
        with self._opening:
            if self._executor is None:
                self._executor = LocalReflectionExecutor(
                    self._extract,
                    self._template,
                    store=self._memory.store,
                    # Whoever has this name runs what an ended process left: it has to be a client of the same user.
                    name=f"with_memory {json.dumps(self._memory.namespace)}",
                    concurrency=1,
                    max_attempts=MAX_ATTEMPTS,
                )
                self._memory.at_close(self._executor.shutdown)
            return self._executor

    def _extract(self, payload: Mapping[str, Any]) -> None:
        drafts = read_payload(self._ask(payload["prompt"], payload["model"]))[0]
        if drafts:
            # The store of the job, which applies what it writes as a whole.
            writing = ClientMemory(store_of_call(), self._memory.namespace)
            run(writing.write_steps(drafts, payload["role"]))

    def _ended(self, counted: Future[None], job: Future[Any]) -> None:
        error = None if job.cancelled() else job.exception()
        if isinstance(error, Exception):
            self._memory.failed("extract", error)
        counted.set_result(None)
