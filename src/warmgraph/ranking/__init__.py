"""Scores and routes: pure functions of signals, without a store."""

from __future__ import annotations

from warmgraph.ranking.routers import PeekRouter, RouteDecision, Signals, WarmRouter
from warmgraph.ranking.scorers import Candidates, DenseScorer, HybridScorer, LexicalScorer, OverviewScorer, Scorer

__all__ = [
    "Candidates",
    "DenseScorer",
    "HybridScorer",
    "LexicalScorer",
    "OverviewScorer",
    "PeekRouter",
    "RouteDecision",
    "Scorer",
    "Signals",
    "WarmRouter",
]
