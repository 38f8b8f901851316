"""Indexes of vectors and of words, in RAM, addressed by slots; they know neither stores nor LangGraph."""

from __future__ import annotations

from warmgraph.index.base import BoolArray, FloatArray, Hits, IndexStats, IntArray, Metric, VectorIndex
from warmgraph.index.flat import FlatIndex
from warmgraph.index.lexical import LexicalDocument, LexicalIndex
from warmgraph.index.namespace import Entry, NamespaceIndex
from warmgraph.index.selection import top_k
from warmgraph.index.tokens import Analyzer, analyze
from warmgraph.index.traits import NOBODY, Known, Traits, TraitTable
from warmgraph.index.wordings import Document

__all__ = [
    "NOBODY",
    "Analyzer",
    "BoolArray",
    "Document",
    "Entry",
    "FlatIndex",
    "FloatArray",
    "Hits",
    "IndexStats",
    "IntArray",
    "Known",
    "LexicalDocument",
    "LexicalIndex",
    "Metric",
    "NamespaceIndex",
    "TraitTable",
    "Traits",
    "VectorIndex",
    "analyze",
    "top_k",
]
