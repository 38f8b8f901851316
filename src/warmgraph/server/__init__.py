"""What a deployment adds: the process-wide store."""

from __future__ import annotations

from warmgraph.server.process_store import database_uri, default_index, default_path, make_store, process_store

__all__ = ["database_uri", "default_index", "default_path", "make_store", "process_store"]
