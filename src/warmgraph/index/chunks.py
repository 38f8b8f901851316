"""The memory of an arena: chunks of rows, and ranges of them."""

from __future__ import annotations

import threading
from bisect import insort
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import FloatArray, IntArray

__all__ = ["Chunk", "Seat"]


class Chunk:
    """Rows of several tenants. They never move in memory."""

    __slots__ = ("free", "lock", "slots", "tenants", "vectors")

    def __init__(self, dims: int, rows: int) -> None:
        # Zeros, which the system hands out as they are first written; and finite, for scans read free rows as well.
        self.vectors: FloatArray = np.zeros((rows, dims), np.float32)
        self.slots: IntArray = np.full(rows, -1, np.int64)
        self.tenants: npt.NDArray[np.int32] = np.zeros(rows, np.int32)
        self.free: list[tuple[int, int]] = [(0, rows)]
        self.lock: threading.Lock = threading.Lock()

    @property
    def ram_bytes(self) -> int:
        """Bytes of all rows."""
        return self.vectors.nbytes + self.slots.nbytes + self.tenants.nbytes

    def take(self, rows: int) -> int | None:
        """Return where so many rows begin; the first that are free."""
        for at, (start, stop) in enumerate(self.free):
            if stop - start >= rows:
                self.free[at : at + 1] = [(start + rows, stop)] if stop - start > rows else []
                return start
        return None

    def give(self, start: int, stop: int) -> None:
        """Take rows back, and join them with those that are free beside them."""
        insort(self.free, (start, stop))
        at = self.free.index((start, stop))
        if at + 1 < len(self.free) and self.free[at + 1][0] == stop:
            self.free[at : at + 2] = [(start, self.free[at + 1][1])]
        if at and self.free[at - 1][1] == start:
            self.free[at - 1 : at + 1] = [(self.free[at - 1][0], self.free[at][1])]


class Seat(NamedTuple):
    """A range of a chunk."""

    chunk: Chunk
    start: int
    stop: int
