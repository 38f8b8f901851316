"""How much RAM the indexes of namespaces take, measured as they grow."""

from __future__ import annotations

from typing import TypeAlias

from warmgraph.index import NamespaceIndex

__all__ = ["IndexRoom"]

Namespace: TypeAlias = tuple[str, ...]

# An index is measured again when it holds so many items more: measuring looks at all of it.
GROWTH, AT_LEAST = 1.25, 64


class IndexRoom:
    """Bytes of indexes, against a bound. Not thread-safe.

    Args:
        max_bytes: The bound.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._measured: dict[Namespace, tuple[int, int]] = {}  # items and bytes
        self.bytes: int = 0

    @property
    def full(self) -> bool:
        """Whether all indexes together are beyond the bound."""
        return self.bytes > self._max_bytes

    def fits(self, index: NamespaceIndex) -> bool:
        """Whether an index may grow further, all by itself."""
        with index.lock:
            return index.ram_bytes() <= self._max_bytes

    def too_large(self, namespace: Namespace, index: NamespaceIndex) -> bool:
        """Measure the index of a namespace if it has grown a good deal; whether it is beyond the bound by itself."""
        items, held = self._measured.get(namespace, (0, 0))
        with index.lock:
            if not held or len(index) > GROWTH * items + AT_LEAST:
                measured = index.ram_bytes()
                self._measured[namespace] = len(index), measured
                self.bytes += measured - held
                held = measured
        return held > self._max_bytes

    def leave(self, namespace: Namespace) -> None:
        """Count the index of a namespace no longer."""
        self.bytes -= self._measured.pop(namespace, (0, 0))[1]
