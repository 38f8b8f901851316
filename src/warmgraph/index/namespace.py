"""The index of one namespace: all its items by key, lexically and by vector, with a warm bit each.

It holds no values. Whoever owns the rows (a database, a dict) asks it which keys come first, and fetches those.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.index.base import IndexStats, VectorIndex
from warmgraph.index.flat import FlatIndex
from warmgraph.index.lexical import LexicalDocument, LexicalIndex
from warmgraph.index.ordering import best_first, newest_first

__all__ = ["Entry", "NamespaceIndex"]

Document: TypeAlias = LexicalDocument | Callable[[], LexicalDocument] | None
NEVER = float("inf")
BYTES_WHEN_EMPTY = 2_000  # of the objects that every index has, beside what their own statistics count


@dataclass(frozen=True, slots=True)
class Entry:
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
        >>> index = NamespaceIndex()
        >>> index.upsert(Entry("a", seq=1, document=LexicalDocument({"lisbon": 1})))
        >>> index.lexical(["lisbon"]).argmax()
        np.int64(0)
    """

    def __init__(self, make_vectors: Callable[[int], VectorIndex] = FlatIndex) -> None:
        self.lock: threading.RLock = threading.RLock()
        self.words: LexicalIndex = LexicalIndex()
        self.vectors: VectorIndex | None = None
        self.warm_owner: object = None  # whose warm bits these are
        self._make_vectors = make_vectors
        self._slots: dict[str, int] = {}
        self._keys: list[str | None] = []
        self._free: list[int] = []
        self._seq = np.zeros(16, np.int64)
        self._expires = np.full(16, NEVER)
        self._live = np.zeros(16, bool)
        self._warm = np.zeros(16, bool)
        self._indexed = np.zeros(16, bool)
        self._question = np.zeros(16, bool)
        self._importance = np.zeros(16, np.float32)
        self._fingerprint = np.zeros(16, np.int64)  # of an item's words; 0 for none
        self._mortal = 0  # items with an expiry: while there are none, no query looks at the clock
        self._pending: dict[int, Callable[[], LexicalDocument]] = {}
        self._given: dict[int, float] = {}
        self._masses: list[float] = []
        self._mass_of: dict[int, float] = {}
        self._asked: tuple[list[str], NDArray[np.float32]] | None = None

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: object) -> bool:
        return key in self._slots

    @property
    def size(self) -> int:
        """Number of slots in use or free; the length of all arrays by slot."""
        return len(self._keys)

    def keys(self) -> Iterator[str]:
        """Yield all keys."""
        yield from self._slots

    def places(self) -> Iterator[tuple[str, int]]:
        """Yield (key, slot) of all items."""
        yield from self._slots.items()

    def key(self, slot: int) -> str:
        """Return the key in a slot."""
        key = self._keys[slot]
        assert key is not None
        return key

    def slot(self, key: str) -> int | None:
        """Return the slot of a key, or `None`."""
        return self._slots.get(key)

    def seq(self, key: str) -> int:
        """Return the change number of a key, -1 where it is not held."""
        slot = self._slots.get(key)
        return -1 if slot is None else int(self._seq[slot])

    def upsert(self, entry: Entry) -> None:
        """Add an item, or replace it: an item stands once, always as it was written last."""
        slot = self._slots.get(entry.key)
        if slot is None:
            slot = self._take_slot(entry.key)
        self._mortal += int(entry.expires != NEVER) - int(self._live[slot] and self._expires[slot] != NEVER)
        self._seq[slot], self._expires[slot] = entry.seq, entry.expires
        self._live[slot], self._question[slot] = True, entry.question
        self._set_document(slot, entry)
        if entry.vectors is not None and len(entry.vectors):
            if self.vectors is None:
                self.vectors = self._make_vectors(entry.vectors.shape[1])
            self.vectors.upsert([slot] * len(entry.vectors), entry.vectors)
        elif self.vectors is not None:
            self.vectors.remove([slot])

    def remove(self, key: str) -> bool:
        """Remove an item; False when there was none."""
        slot = self._slots.pop(key, None)
        if slot is None:
            return False
        self._mortal -= int(self._expires[slot] != NEVER)
        self._live[slot] = self._warm[slot] = self._indexed[slot] = False
        self._expires[slot] = NEVER
        self._keys[slot] = None
        self._asked = None
        self._pending.pop(slot, None)
        self._given.pop(slot, None)
        self._forget_words(slot)
        if self.vectors is not None:
            self.vectors.remove([slot])
        self._free.append(slot)
        return True

    def prolong(self, key: str, expires: float) -> None:
        """Move the expiry of an item that has one further away, in seconds since the epoch; never closer."""
        slot = self._slots.get(key)
        if slot is not None and self._expires[slot] < expires and self._expires[slot] != NEVER:
            self._expires[slot] = expires

    def set_warm(self, key: str, warm: bool) -> None:
        """Set the warm bit of an item; unknown keys are ignored."""
        slot = self._slots.get(key)
        if slot is not None:
            self._warm[slot] = warm

    def clear_warm(self) -> None:
        """Unset all warm bits."""
        self._warm[:] = False

    # -- by slot, for scoring ------------------------------------------------------------------------------------

    def lexical(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """Return lexical scores by slot: array of shape (size,), float32, in [0, 1], read-only.

        The answer to the last query is kept until something changes: a recall looks at it two or three times.
        """
        self._index_pending()
        if self._asked is None or self._asked[0] != terms:
            scores = self.words.scores(terms, self.size)
            scores.flags.writeable = False
            self._asked = list(terms), scores
        return self._asked[1]

    def dense(self, query: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Return dense scores by slot, -inf without a vector; `None` when nothing has one."""
        if self.vectors is None or not len(self.vectors):
            return None
        return self.vectors.scores(query, self.size)

    def live(self, now: float, exclude: Iterable[str] = ()) -> NDArray[np.bool_]:
        """Return which slots hold an item, not excluded by its key, that has not expired at `now` (epoch seconds)."""
        live = self._live[: self.size]
        live = live & (self._expires[: self.size] > now) if self._mortal else live.copy()
        for key in exclude:
            slot = self._slots.get(key)
            if slot is not None:
                live[slot] = False
        return live

    @property
    def warm(self) -> NDArray[np.bool_]:
        """Which slots are warm."""
        return self._warm[: self.size]

    @property
    def indexed(self) -> NDArray[np.bool_]:
        """Which slots have a lexical document."""
        return self._indexed[: self.size]

    @property
    def questions(self) -> NDArray[np.bool_]:
        """Which slots hold a question."""
        return self._question[: self.size]

    @property
    def importances(self) -> NDArray[np.float32]:
        """How much the item in each slot is likely to matter, in [0, 1]; see `importance`."""
        self._index_pending()
        return self._importance[: self.size]

    def importance(self, key: str) -> float:
        """Return how much an item is likely to matter, in [0, 1].

        As given by the record; else the share of earlier items whose words are more common than its own.
        """
        self._index_pending()
        slot = self._slots.get(key)
        return 0.0 if slot is None else float(self._importance[slot])

    def newest(self, limit: int, now: float, weight: float = 0.5) -> list[str]:
        """Return the keys of the items most worth keeping warm: by recency, then by importance.

        The same mix that the importance policy evicts by, over all items (`FINDINGS`: exp(-age / C) + 0.5 rank).
        """
        self._index_pending()
        slots = np.flatnonzero(self.live(now))
        if len(slots) <= limit:
            return [self.key(int(slot)) for slot in slots[np.argsort(self._seq[slots])]]
        age = np.empty(len(slots))
        age[np.argsort(-self._seq[slots])] = np.arange(len(slots))
        worth = np.exp(-age / max(limit, 1)) + weight * self._importance[slots]
        best = slots[np.argpartition(-worth, limit - 1)[:limit]]
        return [self.key(int(slot)) for slot in best[np.argsort(self._seq[best])]]

    def order(self, scores: NDArray[np.float32] | None, mask: NDArray[np.bool_], k: int | None) -> NDArray[np.intp]:
        """Return at most `k` slots of `mask`, best score first; of equal ones, or without scores, the newest first."""
        slots = np.flatnonzero(mask)
        if scores is None:
            return newest_first(slots, self._seq[slots], k)
        return best_first(slots, scores[slots], self._seq[slots], k)

    def varied(self, slots: NDArray[np.intp], k: int) -> NDArray[np.intp]:
        """Return the first `k` of ranked slots that say something new.

        Of items with the same words the best stands for all, and at most a quarter of the places goes to questions.
        Who asks the same thing often would otherwise recall the asking, and the echoes of the answer.
        """
        kept: list[int] = []
        said: set[int] = set()
        questions = max(k // 4, 1)
        marks, asks = self._fingerprint[slots].tolist(), self._question[slots].tolist()
        for slot, mark, asked in zip(slots.tolist(), marks, asks, strict=True):
            if (mark and mark in said) or (asked and not questions):
                continue
            said.add(mark)
            questions -= asked
            kept.append(slot)
            if len(kept) == k:
                break
        return np.array(kept, np.intp)

    def described(self, slots: NDArray[np.intp]) -> Iterator[tuple[str, int]]:
        """Yield (key, change number) of slots that hold an item."""
        keys = self._keys
        for slot, seq in zip(slots.tolist(), self._seq[slots].tolist(), strict=True):
            key = keys[slot]
            assert key is not None
            yield key, seq

    # -- upkeep -----------------------------------------------------------------------------------------------------

    def stats(self) -> tuple[IndexStats, IndexStats]:
        """Return (lexical, vectors): items and bytes of either part."""
        self._index_pending()
        return self.words.stats(), self.vectors.stats() if self.vectors is not None else IndexStats(0, 0, 0, 0)

    def ram_bytes(self) -> int:
        """Estimate the bytes held in RAM, keys included."""
        lexical, vectors = self.stats()
        keys = sum(120 + len(key) for key in self._slots)
        return BYTES_WHEN_EMPTY + lexical.ram_bytes + vectors.ram_bytes + keys + 40 * len(self._seq)

    def same_items(self, other: NamespaceIndex) -> bool:
        """Whether another index holds the same items with the same words and vectors; for tests."""
        return self._snapshot() == other._snapshot()

    def _snapshot(self) -> dict[str, object]:
        self._index_pending()
        found: dict[str, object] = {}
        for key, slot in self._slots.items():
            vectors = b"" if self.vectors is None else self.vectors.vectors_of(slot).tobytes()
            mass = round(self.words.idf_mass(slot), 6)
            flags = (bool(self._indexed[slot]), bool(self._question[slot]), self._given.get(slot))
            found[key] = (int(self._seq[slot]), float(self._expires[slot]), flags, mass, vectors)
        return found

    def _check(self) -> None:
        self._index_pending()
        assert sorted([*self._slots.values(), *self._free]) == list(range(self.size))
        assert all(self._keys[slot] == key for key, slot in self._slots.items())
        assert all(self._keys[slot] is None and not self._live[slot] and not self._warm[slot] for slot in self._free)
        assert self._mortal == int((self._live & (self._expires != NEVER)).sum())
        assert len(self.words) == int(self.indexed.sum())
        assert len(self._masses) == len(self._mass_of)
        self.words._check()
        if self.vectors is not None:
            self.vectors._check()
            assert all(bool(self._live[slot]) == (slot in set(self._slots.values())) for slot in range(self.size))

    def _take_slot(self, key: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._keys[slot] = key
        else:
            slot = len(self._keys)
            self._keys.append(key)
            if slot == len(self._seq):
                self._grow()
        self._slots[key] = slot
        return slot

    def _grow(self) -> None:
        def doubled(old: NDArray[np.generic], fill: object) -> NDArray[np.generic]:
            return np.concatenate([old, np.full_like(old, fill)])

        for name, fill in _ARRAYS.items():
            setattr(self, name, doubled(getattr(self, name), fill))

    def _set_document(self, slot: int, entry: Entry) -> None:
        self._asked = None
        self._pending.pop(slot, None)
        self._given.pop(slot, None)
        if entry.importance is not None:
            self._given[slot] = entry.importance
        self._indexed[slot] = entry.document is not None
        if entry.document is None:
            self._forget_words(slot)
            self._importance[slot] = entry.importance or 0.0
        elif callable(entry.document):
            self._pending[slot] = entry.document
        else:
            self._add_words(slot, entry.document)

    def _index_pending(self) -> None:
        while self._pending:
            slot = next(iter(self._pending))
            self._add_words(slot, self._pending.pop(slot)())

    def _add_words(self, slot: int, document: LexicalDocument) -> None:
        self._forget_mass(slot)
        self.words.upsert(slot, document)
        self._fingerprint[slot] = hash(frozenset(document.terms.items())) if document.terms else 0
        mass = self.words.idf_mass(slot)
        rank = bisect.bisect_left(self._masses, mass)
        given = self._given.get(slot)
        self._importance[slot] = given if given is not None else rank / max(len(self._masses), 1)
        self._masses.insert(rank, mass)
        self._mass_of[slot] = mass

    def _forget_words(self, slot: int) -> None:
        self.words.remove(slot)
        self._fingerprint[slot] = 0
        self._forget_mass(slot)

    def _forget_mass(self, slot: int) -> None:
        mass = self._mass_of.pop(slot, None)
        if mass is not None:
            del self._masses[bisect.bisect_left(self._masses, mass)]


_ARRAYS: dict[str, object] = {
    "_seq": 0,
    "_expires": NEVER,
    "_live": False,
    "_warm": False,
    "_indexed": False,
    "_question": False,
    "_importance": 0,
    "_fingerprint": 0,
}
