"""Which slot's vectors lie where."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import IntArray

__all__ = ["Places"]

_NONE, _SEVERAL = -1, -2
"""In place of a position: the slot has no vector, or more than one."""


class Places:
    """The positions of each slot's vectors. Most slots have one, which takes four bytes.

    Example:
        >>> places = Places()
        >>> places.put(np.array([4, 2, 4]), np.array([10, 11, 12]))
        >>> places.get(4), places.get(2), places.get(0), len(places)
        ([10, 12], [11], [], 2)
    """

    def __init__(self) -> None:
        self.items: int = 0
        self.vectors: int = 0
        self._place: npt.NDArray[np.int32] = np.empty(0, np.int32)
        self._several: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return self.items

    def __contains__(self, slot: object) -> bool:
        if isinstance(slot, int | np.integer) and 0 <= slot < len(self._place):
            return bool(self._place[slot] != _NONE)
        return False

    @property
    def by_slot(self) -> npt.NDArray[np.int32]:
        """What is known of each slot; its length is beyond the highest one."""
        return self._place

    @property
    def repeated(self) -> bool:
        """Whether some slot has several vectors."""
        return bool(self._several)

    def put(self, slots: IntArray, positions: IntArray) -> None:
        """Note where the vectors of slots lie that had none; a slot may be named several times."""
        if not len(slots):
            return
        top = int(slots.max()) + 1
        if top > len(self._place):
            grown = np.full(max(top, len(self._place) * 33 // 32), _NONE, np.int32)
            grown[: len(self._place)] = self._place
            self._place = grown
        self._place[slots] = positions
        names, counts = np.unique(slots, return_counts=True)
        self.items += len(names)
        self.vectors += len(slots)
        if len(names) < len(slots):
            for slot in names[counts > 1].tolist():
                self._several[slot] = positions[slots == slot].tolist()
                self._place[slot] = _SEVERAL

    def get(self, slot: int) -> list[int]:
        """Return the positions of a slot's vectors."""
        if not 0 <= slot < len(self._place):
            return []
        place = int(self._place[slot])
        return self._several[slot].copy() if place == _SEVERAL else [place] if place >= 0 else []

    def pop(self, slot: int) -> list[int]:
        """Forget a slot and return its positions."""
        positions = self.get(slot)
        if positions:
            self._place[slot] = _NONE
            self._several.pop(slot, None)
            self.items -= 1
            self.vectors -= len(positions)
        return positions

    def move(self, owners: npt.NDArray[np.integer], sources: IntArray, targets: IntArray) -> None:
        """Note that vectors were moved; `owners` are their slots."""
        self._place[owners] = np.where(self._place[owners] == _SEVERAL, _SEVERAL, targets)
        if self._several:
            for owner, source, target in zip(owners.tolist(), sources.tolist(), targets.tolist(), strict=True):
                if owner in self._several:
                    positions = self._several[owner]
                    positions[positions.index(source)] = target

    def chosen(self, allowed: npt.NDArray[np.bool_]) -> IntArray:
        """Return the positions of the slots that are set in a mask over slots."""
        slots = np.flatnonzero(allowed[: len(self._place)])
        found = self._place[slots]
        positions = found[found >= 0].astype(np.int64)
        if not self._several:
            return positions
        several = [place for slot in slots[found == _SEVERAL].tolist() for place in self._several[slot]]
        return np.concatenate([positions, np.array(several, np.int64)])

    def of(self, slots: IntArray) -> tuple[IntArray, IntArray]:
        """Return the positions of slots, with the slot of each; slots without a vector are left out."""
        slots = slots[slots < len(self._place)]
        found = self._place[slots]
        if not self._several:
            held = found != _NONE
            return slots[held], found[held].astype(np.int64)
        places = [self.get(slot) for slot in slots.tolist()]
        owners = np.repeat(slots, [len(positions) for positions in places])
        return owners, np.array([place for positions in places for place in positions], np.int64)

    def several(self) -> list[tuple[int, list[int]]]:
        """Return the slots with several vectors, and their positions in the order they were given."""
        return list(self._several.items())

    def slots(self) -> IntArray:
        """Return the slots that have a vector, in order."""
        return np.flatnonzero(self._place != _NONE)

    @property
    def nbytes(self) -> int:
        """Bytes in RAM."""
        lists = sum(sys.getsizeof(positions) + 32 * len(positions) for positions in self._several.values())
        return self._place.nbytes + sys.getsizeof(self._several) + lists

    def _check(self) -> None:
        assert self.items == len(self.slots())
        assert set(self._several) == set(np.flatnonzero(self._place == _SEVERAL).tolist())
        assert self.vectors == self.items + sum(len(places) - 1 for places in self._several.values())
