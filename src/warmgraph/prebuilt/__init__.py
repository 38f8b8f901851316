"""Compiled graphs, ready to run or to deploy."""

from __future__ import annotations

from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt.consolidation_graph import create_consolidation_graph
from warmgraph.prebuilt.extraction_graph import create_extraction_graph
from warmgraph.prebuilt.memory_agent import create_memory_agent
from warmgraph.prebuilt.prompt_optimization_graph import create_prompt_optimization_graph
from warmgraph.prebuilt.recall_graph import create_recall_graph
from warmgraph.prebuilt.reflection_graph import create_reflection_graph
from warmgraph.prebuilt.review_graph import create_review_graph
from warmgraph.prebuilt.summarization_graph import create_summarization_graph

__all__ = [
    "MemoryContext",
    "create_consolidation_graph",
    "create_extraction_graph",
    "create_memory_agent",
    "create_prompt_optimization_graph",
    "create_recall_graph",
    "create_reflection_graph",
    "create_review_graph",
    "create_summarization_graph",
]
