"""What hears of a warm tier."""

from __future__ import annotations

from typing import Protocol, TypeAlias

__all__ = ["TierListener"]

Namespace: TypeAlias = tuple[str, ...]


class TierListener(Protocol):
    """Is told which items are warm. Called with the tier's lock held; must not call back."""

    def warmed(self, namespace: Namespace, key: str) -> None:
        """Hear that an item became warm."""
        ...

    def cooled(self, namespace: Namespace, key: str, *, gone: bool) -> None:
        """Hear that an item is no longer warm: `gone` if it was evicted or expired, not if it is being written."""
        ...

    def dropped(self, namespace: Namespace) -> None:
        """Hear that a whole namespace left RAM."""
        ...

    def importance(self, namespace: Namespace, key: str) -> float | None:
        """Return how much an item is likely to matter, in [0, 1]; `None` while nobody knows."""
        ...
