"""Making rotation and cells anew beside searches and writes that go on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

from warmgraph.forks import pause, undisturbed_by_forks
from warmgraph.index.base import FloatArray, IntArray
from warmgraph.index.coded import CodedVectors
from warmgraph.index.routing import Routing
from warmgraph.index.rows import VectorRows

if TYPE_CHECKING:
    from warmgraph.index.routed import RoutedIndex

__all__ = ["Refit"]

_SLICE, _ALONE = 128, 4096
"""Slots copied each time the lock is held, for about 50 us, and then placed; and where nobody else wants it."""

_REST = 0.0005
"""Seconds of rest after each slice, so that who waits for the lock or the interpreter gets both."""


class Refit:
    """One refit of a `RoutedIndex`.

    New cells are filled aside, from copies taken slice by slice under the lock. What is written meanwhile goes to the
    old cells and is noted; when everything is copied, what was noted is copied again until nothing is left, and under
    that same hold of the lock the new cells take the place of the old ones.

    Args:
        index: The index.
        stop: Asked before each slice whether to give up.
    """

    def __init__(self, index: RoutedIndex, stop: Callable[[], bool] | None = None) -> None:
        self._index = index
        self._stop = stop
        self._old: CodedVectors | None = None
        self._slice = _SLICE

    def run(self, lock: AbstractContextManager[object] | None) -> bool:
        """Refit; see `RoutedIndex.refit`."""
        if lock is None:
            self._slice = _ALONE
            return self._run(nullcontext(), 0.0)
        with undisturbed_by_forks():
            return self._run(lock, _REST)

    def _run(self, lock: AbstractContextManager[object], rest: float) -> bool:
        with lock:
            slots = self._begin()
            if slots is None:
                return False
            old = self._old = self._index._coded
            count = self._index._recent.vectors if old is None else old.places.vectors
        fresh: CodedVectors | None = None
        try:
            sample = self._sample(slots, lock, rest)
            if sample is None:
                return False
            routing = Routing.fit(sample.array, count, self._index.plan, rest=rest)
            sample.release(rest)
            fresh = self._index._new_coded(routing, count)
            for start in range(0, len(slots), self._slice):
                part = self._copy(slots[start : start + self._slice], lock)
                if part is None:
                    return False
                fresh.add(*part, rest)
                pause(rest)
            if self._catch_up(fresh, lock):
                fresh = None
                if old is not None and rest:
                    old.rows.release(rest)
                return True
            return False
        finally:
            with lock:
                self._index._touched = None
            if fresh is not None:
                fresh.rows.discard()

    def _sample(self, slots: IntArray, lock: AbstractContextManager[object], rest: float) -> VectorRows | None:
        """Return some of the vectors, copied slice by slice; `None` if there are none or the refit is overtaken."""
        plan = self._index.plan
        count = min(len(slots), plan.sample(len(slots)))
        chosen = np.sort(np.random.default_rng(plan.seed).choice(slots, count, replace=False))
        sample = VectorRows(self._index.dims)
        sample.reserve(count)
        filled = 0
        for start in range(0, count, self._slice):
            part = self._copy(chosen[start : start + self._slice], lock)
            if part is None:
                return None
            stop = filled + len(part[1])
            sample.reserve(stop)  # a slot may have several
            sample.array[filled:stop] = part[1]
            filled = stop
            pause(rest)
        sample.array = sample.array[:filled]
        return sample if filled else None

    def _copy(self, slots: IntArray, lock: AbstractContextManager[object]) -> tuple[IntArray, FloatArray] | None:
        """Return the vectors of slots as they are now, without those that are gone."""
        with lock:
            return None if self._overtaken() else self._contents(slots)

    def _catch_up(self, fresh: CodedVectors, lock: AbstractContextManager[object]) -> bool:
        """Bring what was written meanwhile into the new cells, then put them in place."""
        while True:
            with lock:
                if self._overtaken():
                    return False
                changed = self._changed(_SLICE)
                if not len(changed):
                    self._index._replace(fresh)
                    return True
                slots, vectors = self._contents(changed)
            fresh.remove(changed.tolist())
            fresh.settle()
            fresh.add(slots, vectors)

    def _overtaken(self) -> bool:
        return self._index._coded is not self._old or (self._stop is not None and self._stop())

    def _begin(self) -> IntArray | None:
        """Return the slots to make codes for, `None` if there is nothing to do or somebody is at it."""
        index = self._index
        if index._touched is not None:
            return None
        if index._coded is not None:
            slots = index._coded.places.slots()
        elif index.refit_due:  # codes were left to a refit
            slots = np.unique(index._recent.contents()[0])
        else:
            return None
        if not len(slots):
            return None
        index._touched = set()
        return slots

    def _changed(self, limit: int) -> IntArray:
        """Return some of the slots changed since the refit has begun; they count as unchanged from now on."""
        touched = self._index._touched
        assert touched is not None
        return np.array([touched.pop() for _ in range(min(limit, len(touched)))], np.int64)

    def _contents(self, slots: IntArray) -> tuple[IntArray, FloatArray]:
        """Return copies of the vectors of slots, with the slot of each."""
        if self._old is not None:
            return self._old.contents(slots)
        recent = self._index._recent
        rows = [recent.vectors_of(slot) for slot in slots.tolist()]
        return np.repeat(slots, [len(each) for each in rows]), np.concatenate(rows)
