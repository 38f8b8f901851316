"""Old memories made fewer: summaries that name their sources, recurring themes, and forgetting by age and use."""

from __future__ import annotations

from warmgraph.knowledge.consolidation.consolidator import Consolidated, Consolidator, create_consolidator
from warmgraph.knowledge.consolidation.sources import (
    archive_namespace,
    asources_of,
    follow_sources,
    sources_of,
)

__all__ = [
    "Consolidated",
    "Consolidator",
    "archive_namespace",
    "asources_of",
    "create_consolidator",
    "follow_sources",
    "sources_of",
]
