"""Many growing lists of pairs in two flat arrays."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

__all__ = ["PairLists"]

_SPARE = 4096
"""Pairs that may lie unused before the arrays are packed."""


def _capacities() -> list[int]:
    sizes = [0, 1, 2]
    while sizes[-1] < 2**31:
        sizes += [3 * sizes[-1] // 2, 2 * sizes[-1]]
    return sizes


_CAPACITY = _capacities()
"""Room that a list may have: 0, 1, 2, 3, 4, 6, 8, 12, ...: amortised growth, with a sixth unused on average."""


class PairLists:
    """Lists of (key, value), numbered from 0, each in one piece of two arrays that all share.

    A Python list for each term of a vocabulary would cost more than all its postings: half of the terms of a
    collection occur once. Here a pair costs the bytes of its two numbers. Pieces that lists grow out of are used
    again for others of that size, and the arrays are packed when more than a quarter lies unused.

    Args:
        values: Array type of the values: "H" (below 2**16) or "I" (below 2**32). Keys are "I".

    Attributes:
        keys, values: The arrays. List `i` is the part from `starts[i]`, `counts[i]` long.
    """

    def __init__(self, values: Literal["H", "I"]) -> None:
        self.keys: array[int] = array("I")
        self.values: array[Any] = array(values)
        self.starts: array[int] = array("Q")
        self.counts: array[int] = array("I")
        self._classes = array("B")  # the room of a list, as an index into _CAPACITY
        self._free: dict[int, list[int]] = {}  # starts of unused pieces by class
        self._unused = 0

    def reserve(self, lists: int) -> None:
        """Make room for lists numbered below `lists`."""
        missing = lists - len(self.starts)
        if missing > 0:
            for numbers in (self.starts, self.counts, self._classes):
                numbers.frombytes(bytes(missing * numbers.itemsize))

    def append(self, number: int, key: int, value: int) -> int:
        """Add a pair at the end of a list and return its place in the list."""
        count = self.counts[number]
        if count == _CAPACITY[self._classes[number]]:
            self._move(number, self._classes[number] + 1)
        at = self.starts[number] + count
        self.keys[at] = key
        self.values[at] = value
        self.counts[number] = count + 1
        return count

    def take_out(self, number: int, place: int) -> int | None:
        """Remove the pair at a place; the last one takes its place. Return the key of that one, if there was one."""
        last = self.counts[number] - 1
        start = self.starts[number]
        moved = None
        if place != last:
            moved = self.keys[start + last]
            self.keys[start + place] = moved
            self.values[start + place] = self.values[start + last]
        self.counts[number] = last
        if last * 4 <= _CAPACITY[self._classes[number]]:
            self._move(number, bisect_left(_CAPACITY, last))
        return moved

    def replace(self, number: int, keys: Sequence[int], values: Sequence[int]) -> None:
        """Give a list other pairs."""
        self.counts[number] = 0
        self._move(number, bisect_left(_CAPACITY, len(keys)))
        start = self.starts[number]
        self.keys[start : start + len(keys)] = array(self.keys.typecode, keys)
        self.values[start : start + len(keys)] = array(self.values.typecode, values)
        self.counts[number] = len(keys)

    def span(self, number: int) -> tuple[int, int]:
        """Return where a list starts and stops in the arrays."""
        start = self.starts[number]
        return start, start + self.counts[number]

    def ram_bytes(self) -> int:
        """Return the memory taken."""
        arrays = (self.keys, self.values, self.starts, self.counts, self._classes)
        free = sum(sys.getsizeof(starts) + 32 * len(starts) for starts in self._free.values())
        return sum(map(sys.getsizeof, arrays)) + sys.getsizeof(self._free) + free

    def _move(self, number: int, size: int) -> None:
        """Move a list to a piece of another size."""
        old = self._classes[number]
        if size == old:
            return
        start = self._allocate(size)
        source, count = self.starts[number], self.counts[number]
        for numbers in (self.keys, self.values):
            numbers[start : start + count] = numbers[source : source + count]
        self._classes[number] = size
        self.starts[number] = start
        if old:
            self._free.setdefault(old, []).append(source)
            self._unused += _CAPACITY[old]
            if self._unused > _SPARE and self._unused * 4 > len(self.keys):
                self._pack()

    def _allocate(self, size: int) -> int:
        if not size:
            return 0
        capacity = _CAPACITY[size]
        starts = self._free.get(size)
        if starts:
            self._unused -= capacity
            return starts.pop()
        start = len(self.keys)
        for numbers in (self.keys, self.values):
            numbers.frombytes(bytes(capacity * numbers.itemsize))
        return start

    def _pack(self) -> None:
        """Lay all lists side by side."""
        room = np.array(_CAPACITY)[np.frombuffer(self._classes, np.uint8)]
        starts = np.cumsum(room) - room
        pairs = np.repeat(np.frombuffer(self.starts, np.uint64).astype(np.int64) - starts, room)
        pairs += np.arange(len(pairs))
        self.keys, self.values = (
            array(numbers.typecode, np.frombuffer(numbers, numbers.typecode)[pairs].tobytes())
            for numbers in (self.keys, self.values)
        )
        self.starts = array("Q", starts.astype(np.uint64).tobytes())
        self._free.clear()
        self._unused = 0

    def check(self) -> None:
        """Assert all invariants."""
        pieces = [(self.starts[i], _CAPACITY[size]) for i, size in enumerate(self._classes) if size]
        pieces += [(start, _CAPACITY[size]) for size, starts in self._free.items() for start in starts]
        end = 0
        for start, capacity in sorted(pieces):
            assert start == end  # no gap, no overlap
            end += capacity
        assert end == len(self.keys) == len(self.values)
        assert self._unused == sum(_CAPACITY[size] * len(starts) for size, starts in self._free.items())
        for count, size in zip(self.counts, self._classes, strict=True):
            assert count <= _CAPACITY[size]
            assert count * 4 > _CAPACITY[size] or not size
