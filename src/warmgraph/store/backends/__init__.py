"""What stands behind the warm tier: our own file, any `BaseStore`, or nothing."""

from __future__ import annotations

from warmgraph.store.backends.base import Backend, Place
from warmgraph.store.backends.foreign import ForeignBackend
from warmgraph.store.backends.memory import MemoryBackend
from warmgraph.store.backends.postgres import PostgresBackend
from warmgraph.store.backends.routed import RoutedBackend

__all__ = ["Backend", "ForeignBackend", "MemoryBackend", "Place", "PostgresBackend", "RoutedBackend"]
