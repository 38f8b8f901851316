"""The index of one namespace: all its items by key, lexically and by vector, with a warm bit each.

It holds no values. Whoever owns the rows (a database, a dict) asks it which keys come first, and fetches those.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warmgraph.index.base import Hits, IndexStats, VectorIndex
from warmgraph.index.flat import FlatIndex
from warmgraph.index.ordering import best_first, newest_first
from warmgraph.index.routed import RoutedIndex
from warmgraph.index.signals import SearchSignals
from warmgraph.index.slots import NEVER, SlotTable, SlotViews
from warmgraph.index.traits import Known, TraitTable
from warmgraph.index.wordings import Document, Wordings

__all__ = ["Entry", "NamespaceIndex"]

BYTES_WHEN_EMPTY = 2_000  # of the objects that every index has, beside what their own statistics count


class Entry(NamedTuple):
    """How one item is indexed.

    Args:
        key: The item's key.
        seq: Its change number; a larger one is newer. Decides ties and the order without a query.
        expires: When it expires, in seconds since the epoch; inf for never.
        document: Its lexical document, or a function that makes it when first needed; `None` for none.
        vectors: Array of shape (m, dims), float32; `None` for none.
        question: Whether it is a question.
        importance: Given importance in [0, 1]; `None` to take it from its words.
    """

    key: str
    seq: int
    expires: float = NEVER
    document: Document = None
    vectors: NDArray[np.float32] | None = None
    question: bool = False
    importance: float | None = None


class NamespaceIndex:
    """Lexical and vector index of one namespace.

    All methods but `lock` itself expect the caller to hold `lock`; it is only ever held for work in memory.

    Args:
        make_vectors: Makes the vector index, given the number of dimensions, when the first vector comes.

    Example:
        >>> from warmgraph.index import LexicalDocument
        >>> index = NamespaceIndex()
        >>> index.upsert(Entry("a", seq=1, document=LexicalDocument({"lisbon": 1})))
        >>> index.lexical(["lisbon"]).argmax()
        np.int64(0)
    """

    def __init__(self, make_vectors: Callable[[int], VectorIndex] = FlatIndex) -> None:
        self.lock: threading.RLock = threading.RLock()
        self.vectors: VectorIndex | None = None
        self.warm_owner: object = None  # whose warm bits these are
        self._make_vectors = make_vectors
        self._items = SlotTable()
        self._words = Wordings()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items.slots

    @property
    def size(self) -> int:
        """Number of slots in use or free; the length of all arrays by slot."""
        return self._items.size

    @property
    def mortal(self) -> bool:
        """Whether any item expires."""
        return self._items.mortal > 0

    @property
    def warm_items(self) -> int:
        """How many items are warm."""
        return self._items.warm_items

    def keys(self) -> Iterator[str]:
        """Yield all keys."""
        yield from self._items.slots

    def places(self) -> Iterator[tuple[str, int]]:
        """Yield (key, slot) of all items."""
        yield from self._items.slots.items()

    def key(self, slot: int) -> str:
        """Return the key in a slot."""
        key = self._items.keys[slot]
        assert key is not None
        return key

    @property
    def keys_by_slot(self) -> Sequence[str | None]:
        """The key in each slot; `None` where nothing is."""
        return self._items.keys

    def slot(self, key: str) -> int | None:
        """Return the slot of a key, or `None`."""
        return self._items.slots.get(key)

    def seq(self, key: str) -> int:
        """Return the change number of a key, -1 where it is not held."""
        slot = self._items.slots.get(key)
        return -1 if slot is None else int(self._items.seq[slot])

    def upsert(self, entry: Entry) -> None:
        """Add an item, or replace it: an item stands once, always as it was written last."""
        slot = self._items.write(entry.key, entry.seq, entry.expires, question=entry.question)
        self._words.set(slot, entry.document, entry.importance)
        if entry.vectors is not None and len(entry.vectors):
            if self.vectors is None:
                self.vectors = self._make_vectors(entry.vectors.shape[1])
            if len(entry.vectors) == 1:
                self.vectors.upsert_one(slot, entry.vectors[0])
            else:
                self.vectors.upsert([slot] * len(entry.vectors), entry.vectors)
        elif self.vectors is not None:
            self.vectors.remove([slot])

    def fill(self, entries: Sequence[Entry]) -> None:
        """Add many items to an index that holds none, each key once: their vectors go in all at once.

        Ten thousand items of 384 dimensions take 0.03 s, where `upsert` takes 0.2 s.
        """
        with_vectors: list[int] = []
        vectors: list[NDArray[np.float32]] = []
        for entry in entries:
            slot = self._items.write(entry.key, entry.seq, entry.expires, question=entry.question)
            self._words.set(slot, entry.document, entry.importance)
            if entry.vectors is not None and len(entry.vectors):
                with_vectors += [slot] * len(entry.vectors)
                vectors.append(entry.vectors)
        if vectors:
            self.vectors = self._make_vectors(vectors[0].shape[1])
            self.vectors.upsert(with_vectors, np.concatenate(vectors))

    def remove(self, key: str) -> bool:
        """Remove an item; False when there was none."""
        slot = self._items.free(key)
        if slot is None:
            return False
        self._words.forget(slot)
        if self.vectors is not None:
            self.vectors.remove([slot])
        return True

    def prolong(self, key: str, expires: float) -> None:
        """Move the expiry of an item that has one further away, in seconds since the epoch; never closer."""
        slot, table = self._items.slots.get(key), self._items
        if slot is not None and table.expires[slot] < expires and table.expires[slot] != NEVER:
            table.expires[slot] = expires

    def set_warm(self, key: str, warm: bool) -> None:
        """Set the warm bit of an item; unknown keys are ignored."""
        slot = self._items.slots.get(key)
        if slot is not None:
            self._items.set_warm(slot, warm)

    def clear_warm(self) -> None:
        """Unset all warm bits."""
        self._items.clear_warm()

    # -- by slot, for scoring ------------------------------------------------------------------------------------

    def lexical(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """Return lexical scores by slot: array of shape (size,), float32, in [0, 1], read-only."""
        return self._words.scores(terms, self.size)

    def few(self, terms: Sequence[str]) -> Mapping[int, float] | None:
        """Return the lexical scores above 0 by slot, if the terms are so rare that these are few; else `None`."""
        return self._words.few(terms)

    def dense(self, query: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Return dense scores by slot, -inf without a vector; `None` when nothing has one."""
        if self.vectors is None or not len(self.vectors):
            return None
        return self.vectors.scores(query, self.size)

    @property
    def compares_all(self) -> bool:
        """Whether looking for the nearest vectors costs as much as `dense` does."""
        return self.vectors is None or self.vectors.compares_all

    def nearest(self, query: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """Return the slots whose vectors are most like a query, with exact scores, best first.

        Args:
            query: Array of shape (dims,), float32.
            k: How many.
            allowed: Mask over slots; `None` for all.
        """
        if self.vectors is None:
            return Hits(np.empty(0, np.int64), np.empty(0, np.float32))
        return self.vectors.search(query, k, allowed=allowed)

    def signals(self, query: NDArray[np.float32], k: int) -> SearchSignals:
        """Return how sure a search for the `k` nearest vectors is; see `RoutedIndex.search_with_signals`."""
        if isinstance(self.vectors, RoutedIndex):
            return self.vectors.search_with_signals(query, k).signals
        return SearchSignals(1.0, 2.0, 0.0, 1, 0 if self.vectors is None else len(self.vectors), False)

    @property
    def estimates_differ(self) -> bool:
        """Whether `estimates` are other than `dense`, so that it matters which are to be exact."""
        return self.vectors is not None and self.vectors.estimates_differ

    def estimates(self, query: NDArray[np.float32], exactly: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Return dense scores by slot, exact for the best and for slots of one's choice; see `VectorIndex.estimates`.

        `None` when nothing has a vector.
        """
        if self.vectors is None or not len(self.vectors):
            return None
        return self.vectors.estimates(query, self.size, exactly)

    def live(self, now: float, exclude: Iterable[str] = ()) -> NDArray[np.bool_]:
        """Return which slots hold an item, not excluded by its key, that has not expired at `now` (epoch seconds)."""
        return self._items.living(now, exclude)

    def alive(self, slot: int, now: float) -> bool:
        """Whether a slot holds an item that has not expired at `now` (epoch seconds)."""
        return self._items.alive(slot, now)

    @property
    def warm(self) -> NDArray[np.bool_]:
        """Which slots are warm."""
        return self._items.warm[: self.size]

    @property
    def warm_slots(self) -> NDArray[np.intp]:
        """Which slots are warm, ascending: array of shape (warm items,), int64, read-only."""
        return self._items.warm_slots

    @property
    def indexed(self) -> NDArray[np.bool_]:
        """Which slots have a lexical document."""
        return self._words.indexed(self.size)

    @property
    def questions(self) -> NDArray[np.bool_]:
        """Which slots hold a question."""
        return self._items.question[: self.size]

    @property
    def views(self) -> SlotViews:
        """Warm bits, questions and change numbers by slot, for loops over few slots."""
        return self._items.views

    @property
    def traits(self) -> TraitTable:
        """Who said what, when, and how long it is."""
        return self._words.traits

    @property
    def known(self) -> Known:
        """The traits of all slots as arrays; made once until something is written."""
        return self._words.known(self.size)

    @property
    def importances(self) -> NDArray[np.float32]:
        """How much the item in each slot is likely to matter, in [0, 1]; see `Wordings.importance`."""
        return self._words.importances(self.size)

    def importance(self, key: str) -> float | None:
        """Return how much an item is likely to matter, in [0, 1]; `None` while that is not known."""
        slot = self._items.slots.get(key)
        return None if slot is None else self._words.importance(slot)

    @property
    def seqs(self) -> NDArray[np.int64]:
        """The change number of the item in each slot."""
        return self._items.seq[: self.size]

    @property
    def fingerprints(self) -> Sequence[int]:
        """By slot, a number that items with the same words share; 0 for those without words."""
        return self._words.fingerprints

    def most_worth(self, limit: int, now: float, weight: float = 0.5) -> list[str]:
        """Return the keys of the items most worth keeping warm, by recency and importance; the newest comes last.

        The same mix that the importance policy evicts by, over all items: exp(-age / limit) + weight x importance,
        where age counts the items that were written since. A weight of 0 leaves the newest.
        """
        seqs = self._items.seq
        slots = np.flatnonzero(self.live(now))
        if len(slots) <= limit:
            return [self.key(slot) for slot in slots[np.argsort(seqs[slots])].tolist()]
        age = np.empty(len(slots))
        age[np.argsort(-seqs[slots])] = np.arange(len(slots))
        worth = np.exp(-age / max(limit, 1))
        if weight:
            worth += weight * self.importances[slots]
        best = slots[np.argpartition(-worth, limit - 1)[:limit]]
        return [self.key(slot) for slot in best[np.argsort(seqs[best])].tolist()]

    @property
    def all_live(self) -> bool:
        """Whether every slot holds an item that never expires, so that no mask is needed."""
        return len(self) == self.size and not self.mortal

    def order(
        self, slots: NDArray[np.intp] | None, scores: NDArray[np.float32] | None, k: int | None
    ) -> NDArray[np.intp]:
        """Return the places of at most `k` slots, best score first; of equal ones, or without scores, the newest first.

        Args:
            slots: The slots to choose from. `None` for all, if all are live: then a place is a slot.
            scores: The score of each; `None` without a query.
            k: How many; `None` for all.
        """
        seqs = self._items.seq[: self.size] if slots is None else self._items.seq[slots]
        places = np.arange(len(seqs))
        return newest_first(places, seqs, k) if scores is None else best_first(places, scores, seqs, k)

    def described(self, slots: NDArray[np.intp]) -> Iterator[tuple[str, int]]:
        """Yield (key, change number) of slots that hold an item."""
        return self._items.described(slots)

    def keys_of(self, slots: NDArray[np.intp]) -> list[str]:
        """Return the keys of slots that hold an item."""
        return self._items.keys_of(slots)

    # -- upkeep -----------------------------------------------------------------------------------------------------

    def stats(self) -> tuple[IndexStats, IndexStats]:
        """Return (lexical, vectors): items and bytes of either part."""
        return self._words.stats(), self.vectors.stats() if self.vectors is not None else IndexStats(0, 0, 0, 0)

    def ram_bytes(self) -> int:
        """Estimate the bytes held in RAM, keys included."""
        vectors = 0 if self.vectors is None else self.vectors.stats().ram_bytes
        return BYTES_WHEN_EMPTY + self._words.ram_bytes() + vectors + self._items.ram_bytes

    def same_items(self, other: NamespaceIndex) -> bool:
        """Whether another index holds the same items with the same words and vectors; for tests."""
        return self._snapshot() == other._snapshot()

    def _snapshot(self) -> dict[str, object]:
        self._words.index_pending()
        found: dict[str, object] = {}
        for key, slot in self._items.slots.items():
            vectors = b"" if self.vectors is None else self.vectors.vectors_of(slot).tobytes()
            flags = (float(self._items.expires[slot]), bool(self._items.question[slot]))
            found[key] = (self.seq(key), flags, self._words.description(slot), vectors)
        return found

    def _check(self) -> None:
        self._items._check()
        self._words._check(self._items.slots.values())
        if self.vectors is not None:
            self.vectors._check()
            held = set(self._items.slots.values())
            assert all((slot in held) or (slot not in self.vectors) for slot in range(self.size))
