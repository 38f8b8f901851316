"""The exact index: every vector is compared."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence

import numpy as np

from warmgraph.errors import InvalidArgumentError
from warmgraph.index.arena import Arena, Room, Tenant
from warmgraph.index.base import (
    BLOCK,
    MAX_SLOT,
    BoolArray,
    FloatArray,
    Hits,
    IndexStats,
    IntArray,
    Metric,
    VectorIndex,
    norms,
)
from warmgraph.index.row_numbers import NONE, SEVERAL, RowArray, RowDict, RowNumbers
from warmgraph.index.selection import best_of_each, top_k

__all__ = ["FlatIndex", "of_length_1"]

_SMALLEST = 16
"""Rows of the smallest arena."""

_CACHED_BYTES = 24 * 2**20
"""Up to this size of the vectors `M @ q` is faster (28 against 36 us at 1,000 x 384, 150 against 330 at 10,000); beyond
the processor's cache `np.vecdot` is (5.8 against 7.1 ms at 100,000)."""


class FlatIndex(VectorIndex):
    """Compares the query with every vector: exact, and the fastest there is up to some ten thousand vectors.

    The vectors lie in one contiguous float32 array, which grows by doubling. The last vector takes the place of one
    that is removed, so there are no holes, and no call touches more than the vectors of the slots it names.

    Args:
        dims: Length of the vectors.
        metric: "cosine", "dot" or "l2".
        arena: Where the array is a range beside those of other indexes, which grows by a quarter and can be searched
            together with them. While it has more rows than a chunk of the arena, the array stands alone.
        few: Whether it holds few of very many slots: it then takes no memory for those it does not hold.

    Example:
        >>> index = FlatIndex(dims=2)
        >>> index.upsert([0, 5], np.array([[1, 0], [3, 4]], np.float32))
        >>> index.search(np.array([0, 2], np.float32), k=1)
        Hits(slots=array([5]), scores=array([0.8], dtype=float32))
        >>> index.scores(np.array([1, 0], np.float32), size=6).tolist()[:5]
        [1.0, -inf, -inf, -inf, -inf]
    """

    tenant: Tenant | None = None

    def __init__(self, dims: int, metric: Metric = "cosine", *, arena: Arena | None = None, few: bool = False) -> None:
        super().__init__(dims, metric)
        self.tenant = None if arena is None else arena.tenant()
        self._items = 0
        self._count = 0  # rows in use
        # By row: its vector and its slot, -1 where it is not used.
        self._arena, self._owners, self._lock = self._alone(0)
        self._row_of: RowNumbers = RowDict() if few else RowArray()  # NONE or SEVERAL, or a row
        self._rows_of: dict[int, list[int]] = {}  # of the slots with several vectors, in the order they were given
        self._span = 0  # all slots held are below
        self._in_order = True  # each row holds the slot of its own number
        self._expose()

    def upsert(self, slots: Sequence[int] | IntArray, vectors: FloatArray) -> None:
        """Give each slot named its vectors, in place of those it had; see `VectorIndex.upsert`."""
        numbers, rows = self._checked_rows(slots, vectors)
        if len(numbers):
            self.put(numbers, rows)

    def put(self, numbers: IntArray, rows: FloatArray) -> None:
        """Do what `upsert` does with slots and vectors that were checked: int64 and finite float32, at least one."""
        if len(numbers) == 1 and int(numbers[0]) not in self._rows_of:
            self._put_one(int(numbers[0]), (of_length_1(rows) if self.metric == "cosine" else rows)[0])
            return
        self._reserve(self._count + len(numbers))
        with self._lock:
            if len(numbers) > 1 and len(np.unique(numbers)) < len(numbers):
                self._forget(np.unique(numbers).tolist())
                self._append_several(numbers, rows)
            else:
                if self._rows_of:
                    self._forget(slot for slot in numbers.tolist() if slot in self._rows_of)
                present = self._row_of.of(numbers)
                old = present != NONE
                if old.all():
                    self._write(present, rows)
                elif old.any():
                    self._write(present[old], rows[old])
                    self._append(numbers[~old], rows[~old])
                else:
                    self._append(numbers, rows)
        self._expose()

    def upsert_one(self, slot: int, vector: FloatArray) -> None:
        """Give one slot one vector: 4 us, where `upsert` takes 20 to look at arrays of one."""
        plain = type(slot) is int and 0 <= slot <= MAX_SLOT and self.metric == "cosine" and slot not in self._rows_of
        if not plain or vector.dtype != np.float32 or vector.shape != (self.dims,):
            self.upsert([slot], vector[None])
            return
        square = float(vector.dot(vector))
        if not 1e-30 < square < 1e30:  # not finite, zero, or so long or short that squares lose digits
            self.upsert([slot], vector[None])
            return
        if abs(square - 1.0) > 2e-6:
            vector = vector * np.float32(square**-0.5)
        self._put_one(slot, vector)

    def emptied(self, *, keeps_room: bool = False, few: bool = False) -> FlatIndex:
        """Return an index that is empty and stands alone: this one, if it does so already and keeps its room."""
        if self.tenant is not None:
            self.tenant.leave()
        if self.tenant is not None or not keeps_room:
            return FlatIndex(self.dims, self.metric, few=few)
        self._row_of.forget(self._slots)
        with self._lock:
            self._owners[: self._count] = -1
        self._rows_of.clear()
        self._count = self._items = self._span = 0
        self._in_order = True
        self._expose()
        return self

    def remove(self, slots: Iterable[int]) -> None:
        """Forget the vectors of `slots`; slots that hold none are ignored."""
        with self._lock:
            self._forget(slots)
        if not self._count:
            if len(self._arena):
                self._move_to(0)
            self._row_of.clear()
            self._span = 0
            self._in_order = True
        elif self._count * 4 < len(self._arena) > _SMALLEST:
            self._move_to(max(self._count * 2, _SMALLEST))
        self._expose()

    def search(
        self, query: FloatArray, k: int, *, allowed: BoolArray | None = None, score_threshold: float | None = None
    ) -> Hits:
        """Return the best `k` slots, or all if there are fewer; see `VectorIndex.search`."""
        k = self._checked_k(k)
        query = self._checked_query(query)
        slots = self._slots
        if allowed is None:
            values = self._compare(self._rows, query)
        else:
            chosen = self._rows_in(allowed)
            slots = slots[chosen]
            if len(chosen) * 8 < self._count:  # few enough to be worth gathering
                values = self._compare(self._rows[chosen], query)
            else:
                values = self._compare(self._rows, query)[chosen]
        if self._rows_of:
            slots, values = best_of_each(slots, values)
        hits = top_k(slots, values, k)
        return hits if score_threshold is None else hits.above(score_threshold)

    def scores(self, query: FloatArray, size: int) -> FloatArray:
        """Return the score of each slot below `size`; see `VectorIndex.scores`."""
        values = self._compare(self._rows, self._checked_query(query))
        if self._in_order and size == self._count:
            return values
        if size < 0:
            raise InvalidArgumentError("size", expected="an int >= 0", got=size)
        scores = np.empty(size, np.float32)
        scores.fill(-np.inf)
        slots = self._slots
        if size < self._span:
            below = slots < size
            slots, values = slots[below], values[below]
        if self._rows_of:
            np.maximum.at(scores, slots, values)
        else:
            scores[slots] = values
        return scores

    def vectors_of(self, slot: int) -> FloatArray:
        """Return a copy of a slot's vectors as they are kept, shape (m, dims)."""
        row = self._row(slot)
        rows = self._rows_of[slot] if row == SEVERAL else [row] if row >= 0 else []
        return self._arena[np.array(rows, np.int64)]

    def contents(self) -> tuple[IntArray, FloatArray]:
        """Return copies of all vectors, with the slot of each; those of one slot in the order they were given."""
        if not self._rows_of:
            return self._slots.copy(), self._rows.copy()
        single = np.flatnonzero(self._row_of.of(self._slots) != SEVERAL)
        several = [row for rows in self._rows_of.values() for row in rows]
        rows = np.concatenate([single, np.array(several, np.int64)])
        return self._slots[rows], self._rows[rows]

    @property
    def vectors(self) -> int:
        """Number of vectors held."""
        return self._count

    def __len__(self) -> int:
        return self._items

    def __contains__(self, slot: object) -> bool:
        return self._row(slot) != NONE

    def after_fork(self) -> None:
        """Have a lock that no thread of the parent held. The arena comes first."""
        seat = None if self.tenant is None else self.tenant.seat
        self._lock = threading.Lock() if seat is None else seat.chunk.lock

    def stats(self) -> IndexStats:
        """Return the size of the index."""
        arrays = self._arena.nbytes + self._owners.nbytes + self._row_of.nbytes
        # Slots with several vectors have a list each, of int objects.
        lists = sys.getsizeof(self._rows_of) + len(self._rows_of) * (sys.getsizeof([]) + 28)
        numbers = (self._count - self._items + len(self._rows_of)) * (28 + 10)
        return IndexStats(self._items, vectors=self._count, ram_bytes=arrays + lists + numbers, disk_bytes=0)

    def _compare(self, rows: FloatArray, query: FloatArray) -> FloatArray:
        """Return the score of each row."""
        if self.metric == "l2":
            # Differences, not |x|^2 - 2xq + |q|^2, which loses all digits between near neighbours.
            values = np.empty(len(rows), np.float32)
            for start in range(0, len(rows), BLOCK):
                difference = rows[start : start + BLOCK] - query
                np.vecdot(difference, difference, out=values[start : start + BLOCK])
            return np.negative(np.sqrt(values, out=values), out=values)
        products: FloatArray = rows @ query if rows.nbytes <= _CACHED_BYTES else np.vecdot(rows, query)
        return products

    def _rows_in(self, allowed: BoolArray) -> IntArray:
        """Return the numbers of the rows whose slot is set in the mask."""
        self._check_mask(allowed)
        if len(allowed) >= self._span:
            return np.flatnonzero(allowed[self._slots])
        rows = np.flatnonzero(self._slots < len(allowed))
        return rows[allowed[self._slots[rows]]]

    def _row(self, slot: object) -> int:
        return self._row_of.get(int(slot)) if isinstance(slot, (int, np.integer)) and slot >= 0 else NONE

    def _put_one(self, slot: int, vector: FloatArray) -> None:
        """Give a slot that does not have several vectors this one, which is as it is to be kept."""
        row = self._row_of.get(slot)
        if row != NONE:
            with self._lock:
                self._arena[row] = vector
            return
        if self._count == len(self._arena):
            self._reserve(self._count + 1)
        row = self._count
        with self._lock:
            self._arena[row] = vector
            self._owners[row] = slot
        self._row_of.set(slot, row)
        if slot != row:
            self._in_order = False
        if slot >= self._span:
            self._span = slot + 1
        self._count = count = row + 1
        self._items += 1
        self._rows, self._slots = self._arena[:count], self._owners[:count]

    def _append(self, slots: IntArray, vectors: FloatArray) -> None:
        """Add slots that hold nothing; each stands once."""
        start, stop = self._count, self._count + len(slots)
        rows = np.arange(start, stop)
        self._write(slice(start, stop), vectors)
        self._owners[start:stop] = slots
        self._row_of.put(slots, rows)
        self._in_order = self._in_order and bool((slots == rows).all())
        self._span = max(self._span, int(slots.max()) + 1)
        self._count = stop
        self._items += len(slots)

    def _append_several(self, slots: IntArray, vectors: FloatArray) -> None:
        """Add slots that hold nothing; some stand more than once."""
        start = self._count
        held = self._items + len(np.unique(slots))
        self._append(slots, vectors)
        self._items = held
        self._in_order = False
        rows_of: dict[int, list[int]] = {}
        for row, slot in enumerate(slots.tolist(), start):
            rows_of.setdefault(slot, []).append(row)
        for slot, rows in rows_of.items():
            if len(rows) > 1:
                self._rows_of[slot] = rows
                self._row_of.set(slot, SEVERAL)

    def _write(self, rows: slice | IntArray, vectors: FloatArray) -> None:
        if self.metric != "cosine":
            self._arena[rows] = vectors
        elif len(vectors) <= BLOCK:
            self._arena[rows] = of_length_1(vectors)
        else:
            targets = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
            for start in range(0, len(targets), BLOCK):
                self._write(targets[start : start + BLOCK], vectors[start : start + BLOCK])

    def _forget(self, slots: Iterable[int]) -> None:
        for slot in slots:
            row = self._row(slot)
            if row == NONE:
                continue
            self._row_of.set(slot, NONE)
            if row != SEVERAL:
                self._drop_row(row)
            else:  # from behind: none of them is moved into the gap of another
                for each in sorted(self._rows_of.pop(slot), reverse=True):
                    self._drop_row(each)
            self._items -= 1

    def _drop_row(self, row: int) -> None:
        self._count = last = self._count - 1
        owner = self._owners.item(last)
        self._owners[last] = -1
        if row == last:
            return
        self._arena[row] = self._arena[last]
        self._owners[row] = owner
        if owner in self._rows_of:
            rows = self._rows_of[owner]
            rows[rows.index(last)] = row
        else:
            self._row_of.set(owner, row)
        self._in_order = False

    def _reserve(self, rows: int) -> None:
        if rows > len(self._arena):
            grown = len(self._arena) * 2 if self.tenant is None else len(self._arena) * 5 // 4
            self._move_to(max(rows, grown, _SMALLEST))

    def _move_to(self, capacity: int) -> None:
        room = (None if self.tenant is None else self.tenant.take(capacity)) or self._alone(capacity)
        vectors, slots, lock = room
        with lock:
            vectors[: self._count] = self._arena[: self._count]
            slots[: self._count] = self._owners[: self._count]
        self._arena, self._owners, self._lock = room
        if self.tenant is not None:
            self.tenant.settle()

    def _alone(self, capacity: int) -> Room:
        return Room(np.empty((capacity, self.dims), np.float32), np.full(capacity, -1, np.int64), threading.Lock())

    def _expose(self) -> None:
        """Keep the rows in use at hand: cutting them out anew would cost each query half a microsecond."""
        self._rows, self._slots = self._arena[: self._count], self._owners[: self._count]

    def _check(self) -> None:
        slots = self._owners[: self._count].tolist()
        assert len(self._arena) == len(self._owners) >= self._count
        assert len(self._rows) == len(self._slots) == self._count
        assert np.shares_memory(self._rows, self._arena) or not self._count
        assert np.shares_memory(self._slots, self._owners) or not self._count
        assert (self._owners[self._count :] == -1).all()
        assert all(slot < self._span for slot in slots)
        row_of = dict(self._row_of.items())
        assert set(slots) == set(row_of)
        assert len(row_of) == self._items
        assert set(self._rows_of) == {slot for slot, row in row_of.items() if row == SEVERAL}
        for slot in set(slots):
            rows = [row for row, owner in enumerate(slots) if owner == slot]
            if len(rows) > 1:
                assert sorted(self._rows_of[slot]) == rows
            else:
                assert row_of[slot] == rows[0]
        assert not self._in_order or slots == list(range(self._count))
        assert np.isfinite(self._rows).all()
        if self.metric == "cosine":
            lengths = norms(self._rows)
            assert bool(((lengths == 0.0) | (np.abs(lengths - 1.0) < 1e-5)).all())


def of_length_1(vectors: FloatArray) -> FloatArray:
    """Return the vectors at length 1; zero vectors, and those of length 1 but for rounding, as they are.

    The latter so that saving and loading an index changes no bit.
    """
    if len(vectors) == 1 and abs(float(np.dot(vectors[0], vectors[0])) - 1.0) < 1e-6:
        return vectors
    lengths = norms(vectors)
    odd = np.abs(lengths - 1.0) > 1e-6
    if not odd.any():
        return vectors
    lengths[~odd | (lengths == 0.0)] = 1.0
    return (vectors / lengths[:, None]).astype(np.float32)
