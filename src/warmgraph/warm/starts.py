"""Writes that overtake one another on the way into RAM: of two, the one that began later counts."""

from __future__ import annotations

from collections.abc import Hashable

__all__ = ["Starts"]

MANY = 1024


class Starts:
    """Numbers writes as they begin, and says on their arrival whether a later one was there before them.

    A write that waits for its embedding may arrive after one that began later. When both are awaited either order is
    right. But a caller who gave up on the first, and was told that the second is done, must not see the first again.

    Not thread-safe: a write lands in one step with `lands`, under its owner's lock. Holds nothing when no write is
    under way.

    Example:
        >>> starts = Starts()
        >>> given_up, second = starts.begin(), starts.begin()
        >>> starts.lands("k", second), starts.lands("k", given_up)
        (True, False)
    """

    def __init__(self) -> None:
        self._last = 0
        self._under_way: set[int] = set()
        self._landed: dict[Hashable, int] = {}

    def begin(self) -> int:
        """Begin a write, and return its number."""
        self._last += 1
        self._under_way.add(self._last)
        return self._last

    def lands(self, key: Hashable, number: int) -> bool:
        """Whether a write of a key is to be done; False if one that began later was done already."""
        if self._landed.get(key, 0) > number:
            return False
        if len(self._under_way) > 1:
            self._landed[key] = number
        return True

    def end(self, number: int) -> None:
        """End a write, whether it has landed or not."""
        self._under_way.discard(number)
        if not self._under_way:
            self._landed.clear()
        elif len(self._landed) > MANY:
            oldest = min(self._under_way)
            self._landed = {key: landed for key, landed in self._landed.items() if landed > oldest}

    def __len__(self) -> int:
        return len(self._under_way) + len(self._landed)
