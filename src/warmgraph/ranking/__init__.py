"""Scores and routes: pure functions of signals, without a store."""

from __future__ import annotations

from warmgraph.ranking.cues import NO_CUES, Cues, first_person, read_cues, speaks_of_time
from warmgraph.ranking.hops import TwoHopScorer
from warmgraph.ranking.periods import Period, read_period
from warmgraph.ranking.relations import Relation, related
from warmgraph.ranking.rerankers import Reranker, RerankFunction, check_reranker
from warmgraph.ranking.routers import PeekRouter, RouteDecision, Signals, WarmRouter
from warmgraph.ranking.scorers import Candidates, DenseScorer, HybridScorer, LexicalScorer, OverviewScorer, Scorer

__all__ = [
    "NO_CUES",
    "Candidates",
    "Cues",
    "DenseScorer",
    "HybridScorer",
    "LexicalScorer",
    "OverviewScorer",
    "PeekRouter",
    "Period",
    "Relation",
    "RerankFunction",
    "Reranker",
    "RouteDecision",
    "Scorer",
    "Signals",
    "TwoHopScorer",
    "WarmRouter",
    "check_reranker",
    "first_person",
    "read_cues",
    "read_period",
    "related",
    "speaks_of_time",
]
