"""The two stores, and what a memory looks like in them."""

from __future__ import annotations

from warmgraph.store.config import SearchMode
from warmgraph.store.erasing import ErasureReport
from warmgraph.store.figures import RoutedStats, WarmStats
from warmgraph.store.namespaces import NamespaceTemplate, decode_label, encode_label
from warmgraph.store.plan import WordsPut
from warmgraph.store.postgres import PostgresLongTerm
from warmgraph.store.recalls import Recall
from warmgraph.store.records import MemoryRecord
from warmgraph.store.routed import RoutedStore
from warmgraph.store.signalled import SignalledSearch
from warmgraph.store.sqlite.inspection import Inspection, ModelFigures, NamespaceFigures, RecentMemory, inspect_file
from warmgraph.store.sqlite.upkeep import Compacted, Reembedded
from warmgraph.store.transfer import (
    ExportReport,
    ImportReport,
    aexport_memories,
    aimport_memories,
    export_memories,
    import_memories,
)
from warmgraph.store.warm_store import WarmStore

__all__ = [
    "Compacted",
    "ErasureReport",
    "ExportReport",
    "ImportReport",
    "Inspection",
    "MemoryRecord",
    "ModelFigures",
    "NamespaceFigures",
    "NamespaceTemplate",
    "PostgresLongTerm",
    "Recall",
    "RecentMemory",
    "Reembedded",
    "RoutedStats",
    "RoutedStore",
    "SearchMode",
    "SignalledSearch",
    "WarmStats",
    "WarmStore",
    "WordsPut",
    "aexport_memories",
    "aimport_memories",
    "decode_label",
    "encode_label",
    "export_memories",
    "import_memories",
    "inspect_file",
]
