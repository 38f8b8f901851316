"""What a deployment adds: the process-wide store."""

from __future__ import annotations

from warmgraph.server.process_store import default_index, default_path, make_store, process_store

__all__ = ["default_index", "default_path", "make_store", "process_store"]
