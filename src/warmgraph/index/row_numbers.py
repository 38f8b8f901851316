"""Which row of an array holds a slot's vector."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import IntArray

__all__ = ["NONE", "SEVERAL", "RowArray", "RowDict", "RowNumbers"]

NONE, SEVERAL = -1, -2
"""In place of a row: the slot has no vector, or more than one."""


class RowNumbers(Protocol):
    """Row by slot; `NONE` for slots that were never put, or were forgotten."""

    @property
    def nbytes(self) -> int:
        """Bytes in RAM."""
        ...

    def get(self, slot: int) -> int:
        """Return the row of a slot >= 0."""
        ...

    def of(self, slots: IntArray) -> IntArray:
        """Return the rows of slots."""
        ...

    def set(self, slot: int, row: int) -> None:
        """Note the row of a slot."""
        ...

    def put(self, slots: IntArray, rows: IntArray) -> None:
        """Note the rows of slots; of one named several times, the last."""
        ...

    def forget(self, slots: IntArray) -> None:
        """Forget slots that were put."""
        ...

    def clear(self) -> None:
        """Forget all slots, and give back the room for them."""
        ...

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield all slots with their rows."""
        ...


class RowArray:
    """An array by slot: four bytes for each up to the highest, and quick for many at once.

    Example:
        >>> rows = RowArray()
        >>> rows.put(np.array([7, 2]), np.array([0, 1]))
        >>> rows.get(7), rows.get(3), rows.get(1_000), rows.of(np.array([2, 7])).tolist()
        (0, -1, -1, [1, 0])
    """

    def __init__(self) -> None:
        self._rows: npt.NDArray[np.int32] = np.empty(0, np.int32)

    @property
    def nbytes(self) -> int:
        """Bytes in RAM."""
        return self._rows.nbytes

    def get(self, slot: int) -> int:
        """Return the row of a slot >= 0."""
        return self._rows.item(slot) if slot < len(self._rows) else NONE

    def of(self, slots: IntArray) -> IntArray:
        """Return the rows of slots."""
        found = np.full(len(slots), NONE, np.int64)
        known = slots < len(self._rows)
        found[known] = self._rows[slots[known]]
        return found

    def set(self, slot: int, row: int) -> None:
        """Note the row of a slot."""
        if slot >= len(self._rows):
            self._reserve(slot + 1)
        self._rows[slot] = row

    def put(self, slots: IntArray, rows: IntArray) -> None:
        """Note the rows of slots; of one named several times, the last."""
        self._reserve(int(slots.max(initial=-1)) + 1)
        self._rows[slots] = rows

    def forget(self, slots: IntArray) -> None:
        """Forget slots that were put."""
        self._rows[slots] = NONE

    def clear(self) -> None:
        """Forget all slots, and give back the room for them."""
        self._rows = np.empty(0, np.int32)

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield all slots with their rows."""
        slots = np.flatnonzero(self._rows != NONE)
        return zip(slots.tolist(), self._rows[slots].tolist(), strict=True)

    def _reserve(self, slots: int) -> None:
        if slots > len(self._rows):
            rows = np.full(max(slots, len(self._rows) * 3 // 2), NONE, np.int32)
            rows[: len(self._rows)] = self._rows
            self._rows = rows


class RowDict:
    """A dict: for few of very many slots.

    Example:
        >>> rows = RowDict()
        >>> rows.put(np.array([7_000_000, 2]), np.array([0, 1]))
        >>> rows.get(7_000_000), rows.get(3), rows.of(np.array([2, 5])).tolist()
        (0, -1, [1, -1])
    """

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}

    @property
    def nbytes(self) -> int:
        """Bytes in RAM."""
        return sys.getsizeof(self._rows) + 32 * len(self._rows)

    def get(self, slot: int) -> int:
        """Return the row of a slot >= 0."""
        return self._rows.get(slot, NONE)

    def of(self, slots: IntArray) -> IntArray:
        """Return the rows of slots."""
        return np.array([self._rows.get(slot, NONE) for slot in slots.tolist()], np.int64)

    def set(self, slot: int, row: int) -> None:
        """Note the row of a slot."""
        if row == NONE:
            self._rows.pop(slot, None)
        else:
            self._rows[int(slot)] = row

    def put(self, slots: IntArray, rows: IntArray) -> None:
        """Note the rows of slots; of one named several times, the last."""
        self._rows.update(zip(slots.tolist(), rows.tolist(), strict=True))

    def forget(self, slots: IntArray) -> None:
        """Forget slots that were put."""
        for slot in slots.tolist():
            self._rows.pop(slot, None)

    def clear(self) -> None:
        """Forget all slots, and give back the room for them."""
        self._rows = {}

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield all slots with their rows."""
        return iter(self._rows.items())
