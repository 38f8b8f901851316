"""Generations: what was read or written on the way to another tier, is it still true when it arrives?"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["Flights"]

OVERTAKEN = -1


@dataclass(slots=True)
class _Traffic:
    generation: int = 0
    operations: int = 0
    writes: int = 0


class Flights:
    """Operations under way, by key.

    A write enters before it goes to the long-term tier, a read before it asks for a value that it means to keep.
    Either may put its value into the warm tier on arrival only if no other write was under way at any time in
    between: of two writes whose order nobody knows neither may be believed, and a read beside a write may have seen
    what was there before.

    Not thread-safe: leaving and keeping the value have to be one step under the owner's lock. Holds nothing for
    keys at rest.

    Example:
        >>> flights = Flights()
        >>> read = flights.enter("k", write=False)
        >>> write = flights.enter("k", write=True)
        >>> flights.leave("k", write, write=True), flights.leave("k", read, write=False)
        (True, False)
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Traffic] = {}

    def enter(self, key: Hashable, *, write: bool) -> int:
        """Begin an operation on a key and return the generation to leave with. A write starts a new one."""
        traffic = self._under_way.get(key)
        if traffic is None:
            traffic = self._under_way[key] = _Traffic()
        beside_a_write = traffic.writes > 0
        traffic.operations += 1
        if write:
            traffic.generation += 1
            traffic.writes += 1
        return OVERTAKEN if beside_a_write else traffic.generation

    def leave(self, key: Hashable, generation: int, *, write: bool) -> bool:
        """End an operation; True if no other write was under way since it began, so that its value may be kept."""
        traffic = self._under_way[key]
        traffic.operations -= 1
        traffic.writes -= write
        if not traffic.operations:
            del self._under_way[key]
        return traffic.generation == generation

    def writing(self, key: Hashable) -> bool:
        """Whether a write of a key is under way."""
        traffic = self._under_way.get(key)
        return traffic is not None and traffic.writes > 0

    def overtake(self, key: Hashable) -> None:
        """Note that somebody else wrote a key: nothing that is on its way may be kept."""
        traffic = self._under_way.get(key)
        if traffic is not None:
            traffic.generation += 1

    def overtake_all(self) -> None:
        """Note that anything may have been written by somebody else."""
        for traffic in self._under_way.values():
            traffic.generation += 1

    def __len__(self) -> int:
        return len(self._under_way)
