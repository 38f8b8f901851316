"""Knowledge: memories extracted from conversations, kept with their history, and found again, by LangMem's calls."""

from __future__ import annotations

from warmgraph.knowledge.consolidation import Consolidated, Consolidator, asources_of, create_consolidator, sources_of
from warmgraph.knowledge.edits import ExtractedMemories, ExtractedMemory, MemoryChange
from warmgraph.knowledge.history import MemoryRevision
from warmgraph.knowledge.layer import LayerMemories, MemoryLayer
from warmgraph.knowledge.manager import MemoryManager, create_memory_manager
from warmgraph.knowledge.policy import Candidate, MemoryPolicy, TrustPolicy
from warmgraph.knowledge.provenance import Provenance
from warmgraph.knowledge.reflecting import StoredMemories
from warmgraph.knowledge.schemas import Memory, RawMemory, RemoveDoc
from warmgraph.knowledge.searcher import MemorySearcher, create_memory_searcher
from warmgraph.knowledge.store_manager import MemoryPhase, MemoryStoreManager, create_memory_store_manager
from warmgraph.knowledge.thread_extractor import SummarizeThread, ThreadExtractor, create_thread_extractor
from warmgraph.knowledge.tools import create_manage_memory_tool, create_search_memory_tool
from warmgraph.store.namespaces import NamespaceTemplate

__all__ = [
    "Candidate",
    "Consolidated",
    "Consolidator",
    "ExtractedMemories",
    "ExtractedMemory",
    "LayerMemories",
    "Memory",
    "MemoryChange",
    "MemoryLayer",
    "MemoryManager",
    "MemoryPhase",
    "MemoryPolicy",
    "MemoryRevision",
    "MemorySearcher",
    "MemoryStoreManager",
    "NamespaceTemplate",
    "Provenance",
    "RawMemory",
    "RemoveDoc",
    "StoredMemories",
    "SummarizeThread",
    "ThreadExtractor",
    "TrustPolicy",
    "asources_of",
    "create_consolidator",
    "create_manage_memory_tool",
    "create_memory_manager",
    "create_memory_searcher",
    "create_memory_store_manager",
    "create_search_memory_tool",
    "create_thread_extractor",
    "sources_of",
]
