"""Short-term memory: a thread that outgrows the prompt is summarized, or cut to a window, with its tool calls whole."""

from __future__ import annotations

from warmgraph.short_term.history import condensed
from warmgraph.short_term.node import SummarizationNode
from warmgraph.short_term.summarize import asummarize_messages, summarize_messages
from warmgraph.short_term.summary import RunningSummary, SummarizationResult
from warmgraph.short_term.window import RollingWindow

__all__ = [
    "RollingWindow",
    "RunningSummary",
    "SummarizationNode",
    "SummarizationResult",
    "asummarize_messages",
    "condensed",
    "summarize_messages",
]
