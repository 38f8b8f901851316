"""`client.memory`: what a wrapped client remembers of one user."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from langgraph.store.base import BaseStore, GetOp, Item, PutOp, SearchItem

from warmgraph.clients.protocol import Draft, draft_of
from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError
from warmgraph.memory_note import CATEGORIES
from warmgraph.recall import arecall, pack, recall
from warmgraph.recall.packing import DEFAULT_MAX_TOKENS, DEFAULT_MIN_SCORE
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store import MemoryRecord
from warmgraph.store.listing import list_items

__all__ = ["ClientMemory", "StoredMemory"]

_logger = logging.getLogger(__name__)

# Changing it would write every fact that is already remembered a second time.
FACT_KEYS = uuid5(NAMESPACE_URL, "warmgraph:fact")


@dataclass(frozen=True, slots=True)
class StoredMemory:
    """One memory of a client.

    Args:
        id: Its key in the store.
        text: What is remembered.
        category: "preference", "fact", "context", or whatever another tool wrote.
        created_at: When it was first written, ISO 8601.
    """

    id: str
    text: str
    category: str | None
    created_at: str


class ClientMemory:
    """The memories of one user, and what a wrapped client does with them.

    Thread-safe. Each method that waits has a twin with an `a`, for event loops.

    Args:
        store: Where they are kept.
        namespace: The namespace of this user in it.
        top_k: How many memories are put before a message at most.
        max_tokens: What they may cost.
        min_score: What a memory has to score to be put before a message.
        clock: Tells when something was said.
        on_failure: Told of each failure of memory that a call survived.

    Attributes:
        store: Where they are kept.
        namespace: The namespace of this user in it.

    Example:
        >>> from warmgraph import WarmStore
        >>> memory = ClientMemory(WarmStore(), ("memories", "ana"))
        >>> _ = memory.add("Ana lives in Lisbon.")
        >>> [found.text for found, score in memory.search("Where does Ana live?")]
        ['Ana lives in Lisbon.']
    """

    def __init__(
        self,
        store: BaseStore,
        namespace: tuple[str, ...],
        *,
        top_k: int = 5,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        min_score: float = DEFAULT_MIN_SCORE,
        clock: Clock | None = None,
        on_failure: Callable[[Exception], object] | None = None,
    ) -> None:
        if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
            raise InvalidArgumentError("top_k", expected="an integer >= 1", got=top_k)
        self.store: BaseStore = store
        self.namespace: tuple[str, ...] = namespace
        self._top_k = top_k
        self._max_tokens = max_tokens
        self._min_score = min_score
        self._clock = clock if clock is not None else SystemClock()
        self._on_failure = on_failure
        self._failures: Counter[str] = Counter()
        self._pending: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._at_close: list[Callable[[], object]] = []

    # -- for users ---------------------------------------------------------------

    def search(self, query: str, top_k: int = 5) -> list[tuple[StoredMemory, float]]:
        """Return the memories that match a text best, each with its score.

        Args:
            query: What to look for.
            top_k: How many to return at most.
        """
        found = recall(self.store, self.namespace, query, limit=top_k)
        return [(_stored(item), item.score or 0.0) for item in found.items]

    async def asearch(self, query: str, top_k: int = 5) -> list[tuple[StoredMemory, float]]:
        """Do what `search` does, on an event loop."""
        found = await arecall(self.store, self.namespace, query, limit=top_k)
        return [(_stored(item), item.score or 0.0) for item in found.items]

    def add(self, text: str, category: str = "fact") -> str:
        """Remember something, and return its id. What is remembered already is not written a second time.

        Args:
            text: What to remember.
            category: "preference", "fact" or "context".

        Raises:
            InvalidArgumentError: The text says nothing or is far too long, or there is no such category.
        """
        return run(self.write_steps([_checked(text, category)], "user"))[0]

    async def aadd(self, text: str, category: str = "fact") -> str:
        """Do what `add` does, on an event loop."""
        return (await arun(self.write_steps([_checked(text, category)], "user")))[0]

    def get_all(self) -> list[StoredMemory]:
        """Return all memories of this user, the newest first."""
        return [_stored(item) for item in run(self._items())]

    async def aget_all(self) -> list[StoredMemory]:
        """Do what `get_all` does, on an event loop."""
        return [_stored(item) for item in await arun(self._items())]

    def clear(self) -> int:
        """Forget everything about this user, and return how many memories that were."""
        return run(self._clear())

    async def aclear(self) -> int:
        """Do what `clear` does, on an event loop."""
        return await arun(self._clear())

    def stats(self) -> dict[str, Any]:
        """Return `total_chunks` (memories), `categories`, and `failures` by what failed."""
        return self._stats(run(self._items()))

    async def astats(self) -> dict[str, Any]:
        """Do what `stats` does, on an event loop."""
        return self._stats(await arun(self._items()))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait for extractions that run in the background.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether all have ended.
        """
        with self._lock:
            pending = set(self._pending)
        return not wait(pending, timeout).not_done

    async def aflush(self) -> None:
        """Wait for extractions that run in the background, on an event loop."""
        with self._lock:
            pending = [asyncio.wrap_future(job) for job in self._pending]
        await asyncio.gather(*pending, return_exceptions=True)

    def close(self) -> None:
        """Wait for extractions, and close the file and the thread if the wrapper made them. Safe to call twice."""
        self.flush()
        for call in reversed(self._at_close):
            call()

    async def aclose(self) -> None:
        """Do what `close` does, on an event loop."""
        await self.aflush()
        for call in reversed(self._at_close):
            await asyncio.to_thread(call)

    # -- for the wrappers ----------------------------------------------------------

    def block_steps(self, query: str) -> Steps[str]:
        """Return the block of memories for a message. Whatever fails is logged and counted, and there is none."""
        if not query.strip():
            return ""
        call = partial(recall, self.store, self.namespace, query, limit=self._top_k)
        acall = partial(arecall, self.store, self.namespace, query, limit=self._top_k)
        try:
            found = yield Io(call, acall)
            worth = [
                (item.key, item.score, item)
                for item in found.items
                if item.score is None or item.score >= self._min_score
            ]
            return pack(worth, max_tokens=self._max_tokens).text
        except Exception as error:
            self.failed("recall", error)
            return ""

    def keep_steps(self, drafts: Sequence[Draft], role: str) -> Steps[None]:
        """Remember what a model proposes. Whatever fails is logged and counted: the answer is not to suffer."""
        if drafts:
            try:
                yield from self.write_steps(drafts, role)
            except Exception as error:
                self.failed("write", error)

    def write_steps(self, drafts: Sequence[Draft], role: str) -> Steps[list[str]]:
        """Write what is not there yet, and return the keys of all."""
        by_key = {_key(draft): draft for draft in drafts}
        gets = [GetOp(self.namespace, key) for key in by_key]
        present = yield Io(partial(self.store.batch, gets), partial(self.store.abatch, gets))
        said_at = self._clock.now().isoformat(timespec="seconds")
        lives = (self.store.ttl_config or {}).get("default_ttl")
        puts = [
            PutOp(self.namespace, key, _value(draft, role, said_at), index=["content"], ttl=lives)
            for (key, draft), item in zip(by_key.items(), present, strict=True)
            if item is None
        ]
        if puts:
            yield Io(partial(self.store.batch, puts), partial(self.store.abatch, puts))
        return list(by_key)

    def failed(self, what: str, error: Exception) -> None:
        """Log and count a failure."""
        with self._lock:
            self._failures[what] += 1
        _logger.warning("memory: %s failed", what, exc_info=error)
        if self._on_failure is not None:
            self._on_failure(error)

    def track(self, job: Future[Any]) -> None:
        """Have `flush` wait for a job."""
        with self._lock:
            self._pending.add(job)
        job.add_done_callback(self._done)

    def at_close(self, call: Callable[[], object]) -> None:
        """Have `close` make a call, before those that were given before. It has to be safe to make twice."""
        self._at_close.append(call)

    def _done(self, job: Future[Any]) -> None:
        with self._lock:
            self._pending.discard(job)

    def _items(self) -> Steps[list[SearchItem]]:
        return list_items(self.store, self.namespace)

    def _clear(self) -> Steps[int]:
        items = yield from self._items()
        ops = [PutOp(self.namespace, item.key, None) for item in items]
        if ops:
            yield Io(partial(self.store.batch, ops), partial(self.store.abatch, ops))
        return len(ops)

    def _stats(self, items: Sequence[Item]) -> dict[str, Any]:
        with self._lock:
            failures = dict(self._failures)
        categories = Counter(str(item.value.get("category")) for item in items)
        return {"total_chunks": len(items), "categories": dict(categories), "failures": failures}


def _checked(text: str, category: str) -> Draft:
    draft = draft_of(text)
    if draft is None:
        raise InvalidArgumentError("text", expected="a text of at most 2,000 characters with words in it", got=text)
    if category not in CATEGORIES:
        raise InvalidArgumentError("category", expected=f"one of {', '.join(CATEGORIES)}", got=category)
    return Draft(draft.text, category)


def _key(draft: Draft) -> str:
    return str(uuid5(FACT_KEYS, draft.text.casefold().rstrip(".!")))


def _value(draft: Draft, role: str, said_at: str) -> dict[str, Any]:
    return MemoryRecord(
        content=draft.text,
        category=draft.category,
        type="semantic",
        role=role,
        said_at=said_at,
        trust=1.0 if role == "user" else 0.5,
    ).to_value()


def _stored(item: Item) -> StoredMemory:
    record = MemoryRecord.from_value(item.value)
    return StoredMemory(item.key, record.text, record.category, item.created_at.isoformat())
