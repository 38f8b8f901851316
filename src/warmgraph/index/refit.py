"""Making rotation and cells anew beside searches and writes that go on."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

from warmgraph.index.base import FloatArray, IntArray
from warmgraph.index.coded import CodedVectors

if TYPE_CHECKING:
    from warmgraph.index.routed import RoutedIndex

__all__ = ["Refit"]

_SLICE, _ALONE = 128, 4096
"""Slots copied each time the lock is held, 10 to 40 us; and where nobody else wants it."""

_REST = 0.0005
"""Seconds of rest after each slice, so that who waits for the lock or the interpreter gets both."""


class Refit:
    """One refit of a `RoutedIndex`.

    New cells are filled aside, from copies taken slice by slice under the lock. What is written meanwhile goes to the
    old cells and is noted; when everything is copied, what was noted is copied again until nothing is left, and under
    that same hold of the lock the new cells take the place of the old ones.

    Args:
        index: The index.
    """

    def __init__(self, index: RoutedIndex) -> None:
        self._index = index
        self._old: CodedVectors | None = None
        self._slice = _SLICE

    def run(self, lock: AbstractContextManager[object] | None) -> bool:
        """Refit; see `RoutedIndex.refit`."""
        rest, self._slice = (0.0, _ALONE) if lock is None else (_REST, _SLICE)
        lock = nullcontext() if lock is None else lock
        with lock:
            old = self._old = self._index._begin_refit()
            if old is None:
                return False
            slots = old.places.slots()
        fresh: CodedVectors | None = None
        try:
            sample = self._sample(slots, lock, rest)
            if sample is None:
                return False
            fresh = self._index._new_coded(sample, len(slots), rest)
            del sample
            for start in range(0, len(slots), self._slice):
                part = self._copy(slots[start : start + self._slice], lock)
                if part is None:
                    return False
                fresh.add(*part)
                time.sleep(rest)
            if self._catch_up(fresh, lock):
                fresh = None
                return True
            return False
        finally:
            with lock:
                self._index._end_refit()
            if fresh is not None:
                fresh.rows.discard()

    def _sample(self, slots: IntArray, lock: AbstractContextManager[object], rest: float) -> FloatArray | None:
        """Return some of the vectors, copied slice by slice; `None` if the refit has been overtaken."""
        plan = self._index.plan
        count = min(len(slots), plan.sample(len(slots)))
        chosen = np.sort(np.random.default_rng(plan.seed).choice(slots, count, replace=False))
        parts = []
        for start in range(0, count, self._slice):
            part = self._copy(chosen[start : start + self._slice], lock)
            if part is None:
                return None
            parts.append(part[1])
            time.sleep(rest)
        sample = np.concatenate(parts)
        return sample if len(sample) else None

    def _copy(self, slots: IntArray, lock: AbstractContextManager[object]) -> tuple[IntArray, FloatArray] | None:
        """Return the vectors of slots as they are now, without those that are gone."""
        with lock:
            return None if self._overtaken() else self._index._coded_contents(slots)

    def _catch_up(self, fresh: CodedVectors, lock: AbstractContextManager[object]) -> bool:
        """Bring what was written meanwhile into the new cells, then put them in place."""
        while True:
            with lock:
                if self._overtaken():
                    return False
                changed = self._index._changed(_SLICE)
                if not len(changed):
                    self._index._replace(fresh)
                    return True
                slots, vectors = self._index._coded_contents(changed)
            fresh.remove(changed.tolist())
            fresh.settle()
            fresh.add(slots, vectors)

    def _overtaken(self) -> bool:
        return self._index._coded is not self._old
