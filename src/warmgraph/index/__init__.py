"""Indexes of vectors and of words, in RAM, addressed by slots; they know neither stores nor LangGraph."""

from __future__ import annotations

from warmgraph.index.base import BoolArray, FloatArray, Hits, IndexStats, IntArray, Metric, VectorIndex
from warmgraph.index.codebook import Codebook
from warmgraph.index.drift import DriftDetector
from warmgraph.index.flat import FlatIndex
from warmgraph.index.lexical import LexicalDocument, LexicalIndex
from warmgraph.index.namespace import Entry, NamespaceIndex
from warmgraph.index.plan import Plan
from warmgraph.index.routed import RoutedIndex
from warmgraph.index.routing import Routing
from warmgraph.index.selection import top_k
from warmgraph.index.signals import RoutedHits, RoutedStats, SearchSignals
from warmgraph.index.stemming import Stem, create_analyzer
from warmgraph.index.tokens import Analyzer, analyze
from warmgraph.index.traits import NOBODY, Known, Threads, Traits, TraitTable
from warmgraph.index.wordings import Document

__all__ = [
    "NOBODY",
    "Analyzer",
    "BoolArray",
    "Codebook",
    "Document",
    "DriftDetector",
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
    "Plan",
    "RoutedHits",
    "RoutedIndex",
    "RoutedStats",
    "Routing",
    "SearchSignals",
    "Stem",
    "Threads",
    "TraitTable",
    "Traits",
    "VectorIndex",
    "analyze",
    "create_analyzer",
    "top_k",
]
