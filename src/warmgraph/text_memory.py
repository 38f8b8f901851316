"""`TextMemory`: texts in, texts out, for programs that want neither graphs nor namespaces."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from langgraph.store.base import BaseStore, IndexConfig, SearchItem

from warmgraph.errors import InvalidArgumentError
from warmgraph.recall import arecall, recall
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store import MemoryRecord, Recall, WarmStore
from warmgraph.store.listing import list_items

__all__ = ["TextMemory"]


class TextMemory:
    """A memory of texts, with the calls that users of routing-memory know.

    An id stands once, always with its newest text; what a call returned from is on disk; opening the file again fits
    and embeds nothing. Thread-safe. Each method that waits has a twin with an `a`, for event loops.

    Args:
        db_path: The file; ":memory:" for none. It is opened at once, which reads the disk.
        index: How to embed, as in LangGraph's stores. By default texts are ranked by their words.
        score_threshold: What a text has to score to be found.
        store: A store to use instead of a file; it stays open when this is closed.
        namespace: Where in the store the texts are.

    Raises:
        InvalidArgumentError: Both a file and a store are given, or an index for a store.
        StoreError: The file cannot be used.

    Example:
        >>> with TextMemory(":memory:") as memory:
        ...     key = memory.add("I live in Lisbon.", item_id="home", metadata={"source": "chat"})
        ...     found = memory.search("Who lives in Lisbon?")
        >>> found[0]["item_id"], found[0]["text"], found[0]["metadata"]
        ('home', 'I live in Lisbon.', {'source': 'chat'})
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] | None = None,
        *,
        index: IndexConfig | None = None,
        score_threshold: float = 0.0,
        store: BaseStore | None = None,
        namespace: Sequence[str] = ("texts",),
    ) -> None:
        if isinstance(namespace, str) or not namespace:
            raise InvalidArgumentError("namespace", expected="one or more labels", got=namespace)
        if (db_path is None) == (store is None):
            raise InvalidArgumentError("db_path", expected="a file, or else a store", got=db_path)
        if store is not None and index is not None:
            raise InvalidArgumentError("index", expected="it to be set on the store", got=index)
        self._owned = WarmStore.open(db_path, index=index) if db_path is not None else None
        self.store: BaseStore = store if store is not None else self._owned  # type: ignore[assignment]
        self.namespace: tuple[str, ...] = tuple(namespace)
        self._threshold = score_threshold

    def add(self, text: str, item_id: str | None = None, metadata: Mapping[str, Any] | None = None) -> str:
        """Keep a text, and return its id.

        Args:
            text: The text.
            item_id: Its id, whose text it replaces; a new one by default.
            metadata: Anything that JSON can hold.
        """
        return run(self._add(text, item_id, metadata))

    async def aadd(self, text: str, item_id: str | None = None, metadata: Mapping[str, Any] | None = None) -> str:
        """Do what `add` does, on an event loop."""
        return await arun(self._add(text, item_id, metadata))

    def delete(self, item_id: str) -> None:
        """Forget a text. One that is not there is no error."""
        self.store.delete(self.namespace, item_id)

    async def adelete(self, item_id: str) -> None:
        """Do what `delete` does, on an event loop."""
        await self.store.adelete(self.namespace, item_id)

    def search(self, query: str, top_k: int = 5, threshold: float | None = None) -> list[dict[str, Any]]:
        """Return the texts that match best: dicts with `text`, `score`, `item_id` and `metadata`.

        Args:
            query: What to look for.
            top_k: How many to return at most.
            threshold: What a text has to score, instead of `score_threshold`.
        """
        return self._results(recall(self.store, self.namespace, query, limit=top_k), threshold)

    async def asearch(self, query: str, top_k: int = 5, threshold: float | None = None) -> list[dict[str, Any]]:
        """Do what `search` does, on an event loop."""
        return self._results(await arecall(self.store, self.namespace, query, limit=top_k), threshold)

    def search_with_signals(self, query: str, top_k: int = 5, threshold: float | None = None) -> dict[str, Any]:
        """Search, and tell how sure the answer is.

        Returns:
            `results` as `search` has them; `margin`, by how much the best beats the second best; `tier`, "warm" or
            "long_term"; `confidence` in [0, 1], that the warm tier alone was enough, and the `reason`.
        """
        return self._with_signals(recall(self.store, self.namespace, query, limit=max(2, top_k)), top_k, threshold)

    async def asearch_with_signals(self, query: str, top_k: int = 5, threshold: float | None = None) -> dict[str, Any]:
        """Do what `search_with_signals` does, on an event loop."""
        found = await arecall(self.store, self.namespace, query, limit=max(2, top_k))
        return self._with_signals(found, top_k, threshold)

    def stats(self) -> dict[str, Any]:
        """Return `item_count`, and under `warm` what the warm tier counts, where there is one."""
        return self._stats(run(list_items(self.store, self.namespace)))

    async def astats(self) -> dict[str, Any]:
        """Do what `stats` does, on an event loop."""
        return self._stats(await arun(list_items(self.store, self.namespace)))

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _add(self, text: str, item_id: str | None, metadata: Mapping[str, Any] | None) -> Steps[str]:
        if not isinstance(text, str) or not text.strip():
            raise InvalidArgumentError("text", expected="a text with something in it", got=text)
        key = item_id if item_id is not None else uuid4().hex
        value = MemoryRecord(content=text, meta=dict(metadata or {})).to_value()
        put = partial(self.store.put, self.namespace, key, value, index=["content"])
        aput = partial(self.store.aput, self.namespace, key, value, index=["content"])
        yield Io(put, aput)
        return key

    def _results(self, found: Recall, threshold: float | None) -> list[dict[str, Any]]:
        least = self._threshold if threshold is None else threshold
        return [_result(item) for item in found.items if item.score is None or item.score >= least]

    def _with_signals(self, found: Recall, top_k: int, threshold: float | None) -> dict[str, Any]:
        scores = [item.score or 0.0 for item in found.items]
        decision = found.decision
        return {
            "results": self._results(found, threshold)[:top_k],
            "margin": scores[0] - scores[1] if len(scores) > 1 else sum(scores),
            "tier": found.tier,
            "confidence": decision.confidence if decision is not None else 0.0,
            "reason": decision.reason if decision is not None else "no router was asked",
        }

    def _stats(self, items: Sequence[SearchItem]) -> dict[str, Any]:
        warm = asdict(self.store.stats()) if isinstance(self.store, WarmStore) else None
        return {"item_count": len(items), **({"warm": warm} if warm is not None else {})}


def _result(item: SearchItem) -> dict[str, Any]:
    record = MemoryRecord.from_value(item.value)
    return {"text": record.text, "score": item.score, "item_id": item.key, "metadata": dict(record.meta)}
