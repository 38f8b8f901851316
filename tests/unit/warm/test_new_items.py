"""An item that was just written stays, whatever an eviction policy makes of it."""

from __future__ import annotations

import pytest

from warmgraph.store import WarmStore

NS = ("memories", "ana")


class Contrary:
    """A policy that always names the item that came last."""

    def __init__(self, capacity: int) -> None:
        self.keys: list[str] = []

    def add(self, key: str) -> None:
        """Hear of an item."""
        self.discard(key)
        self.keys.append(key)

    def touch(self, key: str) -> None:
        """Ignore uses."""

    def discard(self, key: str) -> None:
        """Forget an item."""
        if key in self.keys:
            self.keys.remove(key)

    def victim(self, importance: object) -> str:
        """Name the last one."""
        return self.keys[-1]


@pytest.mark.parametrize("eviction", ["fifo", "lru", "lfu", "sieve", "importance", Contrary])
@pytest.mark.parametrize("bound", [{"capacity": 3}, {"max_bytes": 500}])
def test_what_was_just_written_is_there(eviction: str, bound: dict[str, int]) -> None:
    """All others were used since they came, and still one of them goes."""
    store = WarmStore(eviction=eviction, **bound)  # type: ignore[arg-type]
    for n in range(10):
        store.put(NS, str(n), {"content": f"fact {n}"})
        held = [item.key for item in store.search(NS)]
        assert str(n) == held[0]
        assert len(held) <= 3
        for key in held * 2:
            store.get(NS, key)
    assert store.stats().evictions >= 7
    store._check()
