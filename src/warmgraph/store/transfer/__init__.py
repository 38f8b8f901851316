"""Export and import: everything that a store holds, as lines of JSON."""

from __future__ import annotations

from warmgraph.store.transfer.exporting import ExportReport, aexport_memories, export_memories
from warmgraph.store.transfer.importing import Existing, ImportReport, aimport_memories, import_memories

__all__ = [
    "Existing",
    "ExportReport",
    "ImportReport",
    "aexport_memories",
    "aimport_memories",
    "export_memories",
    "import_memories",
]
