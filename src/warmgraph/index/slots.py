"""Which item stands in which slot, and what is known of it besides its words and vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEVER", "SlotTable", "SlotViews"]

NEVER = float("inf")


class SlotViews(NamedTuple):
    """Some columns of a table for loops, which get at single values twice as fast as through NumPy.

    Args:
        warm: By slot, bool: whether its item is warm.
        question: By slot, bool: whether it is a question.
        seq: By slot, int: its change number.
    """

    warm: memoryview
    question: memoryview
    seq: memoryview


class SlotTable:
    """Items by key, each in a slot: a small int that indexes arrays, and is used again once its item is gone.

    Attributes:
        slots: Slot by key, in the order in which the keys came.
        keys: Key by slot; `None` where a slot is free.
        seq: By slot, int64: the change number of its item.
        expires: By slot, float64: when it expires, in seconds since the epoch; inf for never.
        live: By slot, bool: whether it holds an item.
        warm: By slot, bool: whether that is warm.
        question: By slot, bool: whether it is a question.
        views: Views of `warm`, `question` and `seq`, until the table grows.
        mortal: How many items expire: while there are none, no query looks at the clock.
        warm_items: How many are warm.
    """

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.keys: list[str | None] = []
        self.seq: NDArray[np.int64] = np.zeros(16, np.int64)
        self.expires: NDArray[np.float64] = np.full(16, NEVER)
        self.live: NDArray[np.bool_] = np.zeros(16, bool)
        self.warm: NDArray[np.bool_] = np.zeros(16, bool)
        self.question: NDArray[np.bool_] = np.zeros(16, bool)
        self.views: SlotViews = self._view()
        self.mortal: int = 0
        self.warm_items: int = 0
        self._free: list[int] = []
        self._warm_slots: NDArray[np.intp] | None = None  # until a warm bit changes

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def size(self) -> int:
        """Number of slots in use or free; the length of all arrays by slot."""
        return len(self.keys)

    @property
    def ram_bytes(self) -> int:
        """Bytes held, keys included; estimated."""
        return 27 * len(self.seq) + sum(120 + len(key) for key in self.slots)

    @property
    def warm_slots(self) -> NDArray[np.intp]:
        """The slots of the warm items, ascending; read-only."""
        if self._warm_slots is None:
            self._warm_slots = self.warm.nonzero()[0]
            self._warm_slots.flags.writeable = False
        return self._warm_slots

    def write(self, key: str, seq: int, expires: float, *, question: bool) -> int:
        """Note that an item was written, for the first time or again, and return its slot."""
        slot = self.slots.get(key)
        if slot is None:
            slot = self._take(key)
        elif self.expires[slot] != NEVER:
            self.mortal -= 1
        self.mortal += expires != NEVER
        self.seq[slot] = seq
        self.expires[slot] = expires
        self.live[slot] = True
        self.question[slot] = question
        return slot

    def free(self, key: str) -> int | None:
        """Remove an item and return the slot that it leaves; `None` when there was none."""
        slot = self.slots.pop(key, None)
        if slot is None:
            return None
        self.set_warm(slot, False)
        self.mortal -= int(self.expires[slot] != NEVER)
        self.live[slot] = False
        self.expires[slot] = NEVER
        self.keys[slot] = None
        self._free.append(slot)
        return slot

    def set_warm(self, slot: int, warm: bool) -> None:
        """Set the warm bit of a slot."""
        if bool(self.warm[slot]) is not warm:  # NumPy compares its bool with Python's at ten times the cost
            self.warm[slot] = warm
            self.warm_items += 1 if warm else -1
            self._warm_slots = None

    def clear_warm(self) -> None:
        """Unset all warm bits."""
        self.warm[:] = False
        self.warm_items = 0
        self._warm_slots = None

    def living(self, now: float, exclude: Iterable[str] = ()) -> NDArray[np.bool_]:
        """Return which slots hold an item, not excluded by its key, that has not expired at `now` (epoch seconds).

        Returns:
            Array of shape (size,), bool; the caller owns it.
        """
        live = self.live[: self.size]
        live = live & (self.expires[: self.size] > now) if self.mortal else live.copy()
        for key in exclude:
            slot = self.slots.get(key)
            if slot is not None:
                live[slot] = False
        return live

    def alive(self, slot: int, now: float) -> bool:
        """Whether a slot holds an item that has not expired at `now` (epoch seconds)."""
        return slot < len(self.keys) and bool(self.live[slot]) and bool(self.expires[slot] > now)

    def described(self, slots: NDArray[np.intp]) -> Iterator[tuple[str, int]]:
        """Yield (key, change number) of slots that hold an item."""
        return zip(self.keys_of(slots), self.seq[slots].tolist(), strict=True)

    def keys_of(self, slots: NDArray[np.intp]) -> list[str]:
        """Return the keys of slots that hold an item."""
        keys = self.keys
        return [key for slot in slots.tolist() if (key := keys[slot]) is not None]

    def _take(self, key: str) -> int:
        if self._free:
            slot = self._free.pop()
            self.keys[slot] = key
        else:
            slot = len(self.keys)
            self.keys.append(key)
            if slot == len(self.seq):
                self._grow()
        self.slots[key] = slot
        return slot

    def _grow(self) -> None:
        added = len(self.seq)
        self.seq = np.concatenate([self.seq, np.zeros(added, np.int64)])
        self.expires = np.concatenate([self.expires, np.full(added, NEVER)])
        self.live, self.warm, self.question = (
            np.concatenate([flags, np.zeros(added, bool)]) for flags in (self.live, self.warm, self.question)
        )
        self.views = self._view()

    def _view(self) -> SlotViews:
        return SlotViews(self.warm.data, self.question.data, self.seq.data)

    def _check(self) -> None:
        assert sorted([*self.slots.values(), *self._free]) == list(range(self.size))
        assert all(self.keys[slot] == key for key, slot in self.slots.items())
        assert all(self.keys[slot] is None and not self.live[slot] and not self.warm[slot] for slot in self._free)
        assert int(self.live.sum()) == len(self.slots)
        assert self.mortal == int((self.live & (self.expires != NEVER)).sum())
        assert self.warm_items == int(self.warm.sum())
        assert self.warm_slots.tolist() == np.flatnonzero(self.warm).tolist()
