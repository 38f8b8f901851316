"""The nodes of a graph with memory, one by one: each works alone, sync and async, with any store."""

from __future__ import annotations

from warmgraph.nodes.agent import create_agent_node, with_memories
from warmgraph.nodes.consolidate import ConsolidationState, create_consolidate_node
from warmgraph.nodes.context import DEFAULT_NAMESPACE, MemoryContext, resolve_namespace
from warmgraph.nodes.failures import MemoryFailure
from warmgraph.nodes.node import MemoryNode
from warmgraph.nodes.pack_context import create_pack_context_node
from warmgraph.nodes.recall import create_recall_node
from warmgraph.nodes.reflect import ReflectionPointer, ReflectionState, create_reflect_node
from warmgraph.nodes.remember import create_remember_node
from warmgraph.nodes.review import ReviewedMemory, ReviewState, create_find_quarantined_node, create_review_node
from warmgraph.nodes.schedule_reflection import SchedulesReflection, create_schedule_reflection_node
from warmgraph.nodes.state import MemoryInput, MemoryOutput, MemoryState, RecallOutput
from warmgraph.nodes.summarize import create_summarize_node
from warmgraph.nodes.summarizer import Summarizer
from warmgraph.nodes.thread_summary import ThreadSummarizer
from warmgraph.nodes.turns import message_key
from warmgraph.nodes.vector_fallback import create_vector_fallback_node
from warmgraph.nodes.warm_hit import create_warm_hit_node

__all__ = [
    "DEFAULT_NAMESPACE",
    "ConsolidationState",
    "MemoryContext",
    "MemoryFailure",
    "MemoryInput",
    "MemoryNode",
    "MemoryOutput",
    "MemoryState",
    "RecallOutput",
    "ReflectionPointer",
    "ReflectionState",
    "ReviewState",
    "ReviewedMemory",
    "SchedulesReflection",
    "Summarizer",
    "ThreadSummarizer",
    "create_agent_node",
    "create_consolidate_node",
    "create_find_quarantined_node",
    "create_pack_context_node",
    "create_recall_node",
    "create_reflect_node",
    "create_remember_node",
    "create_review_node",
    "create_schedule_reflection_node",
    "create_summarize_node",
    "create_vector_fallback_node",
    "create_warm_hit_node",
    "message_key",
    "resolve_namespace",
    "with_memories",
]
