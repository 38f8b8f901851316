"""Indexes of vectors and of words, in RAM, addressed by slots; they know neither stores nor LangGraph."""

from __future__ import annotations

from warmgraph.index.base import BoolArray, FloatArray, Hits, IndexStats, IntArray, Metric, VectorIndex
from warmgraph.index.flat import FlatIndex
from warmgraph.index.lexical import LexicalDocument, LexicalIndex
from warmgraph.index.namespace import Entry, NamespaceIndex
from warmgraph.index.selection import top_k
from warmgraph.index.tokens import Analyzer, analyze

__all__ = [
    "Analyzer",
    "BoolArray",
    "Entry",
    "FlatIndex",
    "FloatArray",
    "Hits",
    "IndexStats",
    "IntArray",
    "LexicalDocument",
    "LexicalIndex",
    "Metric",
    "NamespaceIndex",
    "VectorIndex",
    "analyze",
    "top_k",
]
