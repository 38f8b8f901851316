"""Memories in hand: what a recall has read and packed already, passed on within one run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph.store.base import Item

__all__ = ["HeldItems"]


class HeldItems:
    """Items of one namespace by key, so that what was read to rank it is not read again to show it.

    It travels through a channel that is never checkpointed. A server keeps copies of all channels with its threads,
    though: whatever prints, streams, copies or pickles this sees keys, and no text.

    Args:
        namespace: The namespace that all items are of.
        items: The items.
        block: The block that they were packed into, if they were.

    Example:
        >>> from datetime import datetime, timezone
        >>> now = datetime(2026, 5, 1, tzinfo=timezone.utc)
        >>> item = Item(value={"content": "secret"}, key="a", namespace=("m",), created_at=now, updated_at=now)
        >>> held = HeldItems(("m",), [item])
        >>> held, held.get("a").value, held.get("b")
        (HeldItems(['a']), {'content': 'secret'}, None)
    """

    __slots__ = ("_block", "_items", "namespace")

    def __init__(
        self, namespace: tuple[str, ...] = (), items: Iterable[Item] = (), *, block: str | None = None
    ) -> None:
        self.namespace: tuple[str, ...] = namespace
        self._items: dict[str, Item] = {item.key: item for item in items}
        self._block = block

    @classmethod
    def of(cls, value: object) -> HeldItems:
        """Return `value` if it holds items, else nothing held: a client may have put anything into the channel."""
        return value if isinstance(value, cls) else cls()

    @property
    def block(self) -> str | None:
        """The block that the items were packed into; `None` while they were not."""
        return self._block

    def get(self, key: str) -> Item | None:
        """Return an item that is held, or `None`."""
        return self._items.get(key)

    def pick(self, keys: Iterable[str]) -> dict[str, Item | None]:
        """Return items by key, `None` for those that are not held."""
        return {key: self._items.get(key) for key in keys}

    def with_items(self, namespace: tuple[str, ...], items: Iterable[Item]) -> HeldItems:
        """Return these and others; of a key that both have, the other one. Items of another namespace are let go."""
        kept = self._items.values() if namespace == self.namespace else ()
        return HeldItems(namespace, [*kept, *items])

    def with_block(self, namespace: tuple[str, ...], block: str) -> HeldItems:
        """Return the items that are of a namespace, with the block that they were packed into."""
        held = HeldItems.__new__(HeldItems)
        held.namespace, held._block = namespace, block
        held._items = self._items if namespace == self.namespace else {}  # nobody changes them
        return held

    def __reduce__(self) -> tuple[type[HeldItems], tuple[tuple[str, ...]]]:
        return HeldItems, (self.namespace,)

    def dict(self) -> dict[str, Any]:
        """Return what may be streamed: the keys."""
        return {"keys": list(self._items)}

    def __repr__(self) -> str:
        return f"HeldItems({list(self._items)})"
