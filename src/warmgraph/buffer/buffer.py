"""A bounded buffer of interactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from warmgraph.buffer.journal import Journal, open_journal
from warmgraph.buffer.ranking import RecordIndex, Vector
from warmgraph.buffer.record import InteractionRecord, make_record
from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError, StoreClosedError
from warmgraph.ranking import HybridScorer, LexicalScorer, Scorer
from warmgraph.steps import Io, Steps, arun
from warmgraph.warm import PolicyFactory, create_policy_factory

__all__ = ["WarmBuffer"]

T = TypeVar("T")
# Victims that a policy of one's own may name in vain before the oldest record goes instead.
MAX_STRANGERS = 1_000


class WarmBuffer:
    """Keeps the last interactions, or the most useful ones, and finds those that answer a query.

    A memory for agents without a graph. It holds at most `capacity` records; beyond, the eviction policy names who
    goes, and a read counts as a use. Everything is thread-safe. What takes longer than RAM does - a file, a model that
    embeds - is done by the `a` twins without blocking the event loop.

    Args:
        capacity: How many records it holds at most.
        scorer: Ranks records for a query (`warmgraph.ranking`). By default their words count, with those of the
            interactions just before and after, in any script; and vectors, where there is an embedding model.
        eviction: "lru" (the default), "fifo", "lfu", "sieve", "importance", or a factory of policies.
        embed: A model that embeds, as for the stores: LangChain `Embeddings`, a function, or a name such as "hashing".
            Records are embedded when they are added, those of one call in one batch, and never when something is
            looked for.
        path: A file that keeps the records: `.jsonl` for lines of JSON that a person can read, `.db`, `.sqlite` or
            `.sqlite3` for SQLite. What `add` returned from is on disk. One buffer has the file for itself.
        clock: Tells the time.

    Raises:
        InvalidArgumentError: An argument is not what it has to be.
        StoreError: The file cannot be opened, or is none of ours.

    Example:
        >>> buffer = WarmBuffer(capacity=3)
        >>> for text in ("I live in Lisbon.", "My cat is called Mia.", "I like tea.", "The bus was late."):
        ...     _ = buffer.add("user", text)
        >>> [record.content for record in buffer.recent(2)]
        ['I like tea.', 'The bus was late.']
        >>> buffer.relevant("What is the name of my cat?", limit=1)[0].content
        'My cat is called Mia.'
        >>> len(buffer)
        3
    """

    def __init__(
        self,
        capacity: int = 32,
        scorer: Scorer | None = None,
        *,
        eviction: str | PolicyFactory = "lru",
        embed: Any = None,
        path: str | Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(capacity, bool) or not isinstance(capacity, int) or capacity < 1:
            raise InvalidArgumentError("capacity", expected="an integer >= 1", got=capacity)
        if scorer is not None and not isinstance(scorer, Scorer):
            raise InvalidArgumentError("scorer", expected="a Scorer of warmgraph.ranking", got=scorer)
        self.capacity: int = capacity
        self._embedder: Any = None
        if embed is not None:
            from warmgraph.embeddings import create_embedder

            self._embedder = create_embedder(embed)
        by_meaning = self._embedder is not None and not self._embedder.lexical_only
        self._scorer: Scorer = scorer or (HybridScorer() if by_meaning else LexicalScorer())
        self._make_policy = create_policy_factory(eviction)
        self._clock = clock if clock is not None else SystemClock()
        self._writing = threading.Lock()  # held while a file is written; reads do not need it
        self._lock = threading.Lock()  # held for work in RAM only
        self._index = RecordIndex(self._scorer)
        self._policy = self._make_policy(capacity)
        self._records: dict[int, InteractionRecord] = {}  # in the order of their ids
        self._next_id = 1
        self._dropped: list[int] = []  # that the file does not know of yet
        self._closed = False
        self._journal: Journal | None = open_journal(path) if path is not None else None
        if self._journal is not None:
            self._load(self._journal)

    def add(
        self,
        role: str,
        content: str,
        *,
        summary: str = "",
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        importance: float = 0.5,
    ) -> int:
        """Add an interaction and return its id.

        Args:
            role: Who said it.
            content: What was said.
            summary: The same in short.
            tags: Labels.
            metadata: Anything else; it is copied. For a buffer with a file it has to be JSON.
            importance: How much it matters, in [0, 1].

        Raises:
            InvalidArgumentError: An argument is of the wrong kind. Nothing was added.
            StoreError: The file could not be written. Nothing was added.
        """
        given = {"summary": summary, "tags": tags, "metadata": metadata, "importance": importance}
        return self._add([{"role": role, "content": content, **given}])[0]

    def add_many(self, interactions: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add interactions, each a mapping of the arguments of `add`: one batch of embeddings, one write, all or none.

        Example:
            >>> WarmBuffer().add_many([{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello!"}])
            [1, 2]
        """
        return self._add(list(map(_arguments, interactions)))

    async def aadd(
        self,
        role: str,
        content: str,
        *,
        summary: str = "",
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        importance: float = 0.5,
    ) -> int:
        """Add an interaction as `add` does, without blocking the event loop."""
        given = {"summary": summary, "tags": tags, "metadata": metadata, "importance": importance}
        return (await arun(self._aside(lambda: self._add([{"role": role, "content": content, **given}]))))[0]

    async def aadd_many(self, interactions: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add interactions as `add_many` does, without blocking the event loop."""
        given = list(map(_arguments, interactions))
        return await arun(self._aside(lambda: self._add(given)))

    def recent(self, limit: int = 5) -> list[InteractionRecord]:
        """Return the newest records, oldest first."""
        with self._lock:
            self._check_open()
            ids = list(self._records)[-limit:] if limit > 0 else []
            return [self._read(interaction_id) for interaction_id in ids]

    def relevant(self, query: str, limit: int = 5, *, min_score: float | None = None) -> list[InteractionRecord]:
        """Return the records that answer a query best, best first, each with its `score`.

        Args:
            query: What is looked for.
            limit: How many at most.
            min_score: Leave out what scores lower. By default there are always `limit` records if the buffer has as
                many; what has nothing to do with the query scores 0 or less.
        """
        if limit <= 0:
            return []
        return self._relevant(query, self._embedded_query(query), limit, min_score)

    async def arelevant(self, query: str, limit: int = 5, *, min_score: float | None = None) -> list[InteractionRecord]:
        """Return the most relevant records as `relevant` does, without blocking the event loop."""
        if limit <= 0:
            return []
        needed = self._embedder is not None and self._scorer.needs_dense
        vector = await self._embedder.aembed_query(query) if needed else None
        return self._relevant(query, vector, limit, min_score)

    def context_window(self, query: str | None = None, limit: int = 5) -> list[InteractionRecord]:
        """Return the most relevant records for a query, or the newest ones without one."""
        return self.relevant(query, limit) if query is not None and query.strip() else self.recent(limit)

    async def acontext_window(self, query: str | None = None, limit: int = 5) -> list[InteractionRecord]:
        """Return a window as `context_window` does, without blocking the event loop."""
        return await self.arelevant(query, limit) if query is not None and query.strip() else self.recent(limit)

    def retain_relevant(self, query: str, limit: int | None = None) -> list[InteractionRecord]:
        """Keep the records that answer a query best and drop all others; return what is left, oldest first.

        Args:
            query: What to keep.
            limit: How many to keep at most; `capacity` by default.
        """
        vector = self._embedded_query(query)
        with self._writing:
            with self._lock:
                self._check_open()
                most = self.capacity if limit is None else limit
                best = {each for each, _ in self._index.best(query, vector, most)} if most > 0 else set()
                gone = [interaction_id for interaction_id in self._records if interaction_id not in best]
            self._forget(gone)
            return self.records()

    async def aretain_relevant(self, query: str, limit: int | None = None) -> list[InteractionRecord]:
        """Keep the most relevant records as `retain_relevant` does, without blocking the event loop."""
        return await arun(self._aside(lambda: self.retain_relevant(query, limit)))

    def records(self) -> list[InteractionRecord]:
        """Return all records, oldest first. This counts as a use of none of them."""
        with self._lock:
            return [record.copy() for record in self._records.values()]

    def get(self, interaction_id: int) -> InteractionRecord | None:
        """Return a record, or `None` if it is gone."""
        with self._lock:
            return self._read(interaction_id) if interaction_id in self._records else None

    def discard(self, interaction_id: int) -> bool:
        """Drop a record; False if there was none."""
        with self._writing:
            self._check_open()
            known = interaction_id in self._records
            self._forget([interaction_id] if known else [])
            return known

    def clear(self) -> None:
        """Drop all records. Ids go on from where they were."""
        with self._writing:
            self._check_open()
            self._forget(list(self._records))

    async def aclear(self) -> None:
        """Drop all records as `clear` does, without blocking the event loop."""
        await arun(self._aside(self.clear))

    def close(self) -> None:
        """Close the file. A buffer without one needs no closing."""
        with self._writing:
            if self._journal is not None and not self._closed:
                self._journal.close()
            self._closed = self._journal is not None

    def __enter__(self) -> WarmBuffer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"WarmBuffer({len(self)} of {self.capacity} records)"

    # -- writing -------------------------------------------------------------------------------------------------

    def _add(self, given: Sequence[Mapping[str, Any]]) -> list[int]:
        now = self._clock.now()
        vectors = self._embedded([each["content"] for each in given])
        with self._writing:
            self._check_open()
            first = self._next_id
            # Whatever may be refused is refused before anything is changed.
            records = [make_record(first + at, now, **each) for at, each in enumerate(given)]
            if self._journal is not None:
                self._journal.append(records, self._dropped)
                self._dropped = []
            with self._lock:
                self._next_id += len(records)
                for record, vector in zip(records, vectors, strict=True):
                    self._install(record, vector)
        return [record.interaction_id for record in records]

    def _install(self, record: InteractionRecord, vector: Vector | None) -> None:
        self._records[record.interaction_id] = record
        self._policy.add(str(record.interaction_id))
        self._index.add(record, vector)
        while len(self._records) > self.capacity:
            self._drop(self._victim())

    def _victim(self) -> int:
        for _ in range(MAX_STRANGERS):
            named = self._policy.victim(self._importance)
            if named.isdecimal() and int(named) in self._records:
                return int(named)
            self._policy.discard(named)
        return next(iter(self._records))

    def _importance(self, key: str) -> float | None:
        record = self._records.get(int(key)) if key.isdecimal() else None
        return None if record is None else record.importance

    def _drop(self, interaction_id: int) -> None:
        del self._records[interaction_id]
        self._policy.discard(str(interaction_id))
        self._index.discard(interaction_id)
        if self._journal is not None:
            self._dropped.append(interaction_id)

    def _forget(self, interaction_ids: Sequence[int]) -> None:
        """Drop records from the file, then from RAM. The lock for writing is held."""
        if self._journal is not None and interaction_ids:
            self._journal.append([], [*self._dropped, *interaction_ids])
        with self._lock:
            for interaction_id in interaction_ids:
                self._drop(interaction_id)
            if interaction_ids:
                self._dropped = []

    def _load(self, journal: Journal) -> None:
        try:
            records, self._next_id = journal.load()
            vectors = self._embedded([record.content for record in records])
            for record, vector in zip(records, vectors, strict=True):
                self._install(record, vector)
        except BaseException:
            journal.close()
            raise

    def _embedded(self, texts: Sequence[str]) -> Sequence[Vector | None]:
        if self._embedder is None or not texts or not self._scorer.needs_dense:
            return [None] * len(texts)
        vectors: Sequence[Vector] = list(self._embedder.embed_documents(texts))
        return vectors

    # -- reading -------------------------------------------------------------------------------------------------

    def _embedded_query(self, query: str) -> Vector | None:
        if self._embedder is None or not self._scorer.needs_dense:
            return None
        vector: Vector = self._embedder.embed_query(query)
        return vector

    def _relevant(
        self, query: str, vector: Vector | None, limit: int, min_score: float | None
    ) -> list[InteractionRecord]:
        with self._lock:
            self._check_open()
            found: list[InteractionRecord] = []
            for interaction_id, score in self._index.best(query, vector, limit):
                if min_score is None or score >= min_score:
                    if score > 0:  # what only fills the window was of no use
                        self._policy.touch(str(interaction_id))
                    found.append(self._records[interaction_id].copy(score))
            return found

    def _read(self, interaction_id: int) -> InteractionRecord:
        self._policy.touch(str(interaction_id))
        return self._records[interaction_id].copy()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError("the buffer is closed")

    def _aside(self, call: Callable[[], T]) -> Steps[T]:
        """Do something in a thread if it may have to wait, and at once if it touches RAM only."""
        if self._journal is None and self._embedder is None:
            return call()
        done: T = yield Io(call)
        return done

    def _check(self) -> None:
        """Assert all invariants; for tests."""
        with self._writing, self._lock:
            assert len(self._records) <= self.capacity
            assert list(self._records) == sorted(self._records)
            assert all(each < self._next_id for each in self._records)
            held = {each for each, _ in self._index.best("", None, self.capacity + 1)}
            assert held == set(self._records)
            if self._journal is not None and not self._closed:
                stored, next_id = self._journal.load()
                known = {record.interaction_id for record in stored} - set(self._dropped)
                assert known == set(self._records)
                assert next_id == self._next_id


_NEEDED = frozenset(("role", "content"))
_KNOWN = _NEEDED | {"summary", "tags", "metadata", "importance"}


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    arguments = dict(given)
    if not _NEEDED <= arguments.keys() <= _KNOWN:
        raise InvalidArgumentError("interactions", expected="mappings of the arguments of add()", got=sorted(arguments))
    return arguments
