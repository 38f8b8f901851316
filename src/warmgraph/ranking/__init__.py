"""Scores and routes: pure functions of signals, without a store."""

from __future__ import annotations

from warmgraph.ranking.calibrated import CalibratedRouter, LearningRouter, RouterStats
from warmgraph.ranking.comparison import missing_share, probable_loss
from warmgraph.ranking.cues import NO_CUES, Cues, first_person, read_cues, speaks_of_time
from warmgraph.ranking.hops import TwoHopScorer
from warmgraph.ranking.periods import Period, read_period
from warmgraph.ranking.relations import Relation, related
from warmgraph.ranking.rerankers import Reranker, RerankFunction, check_reranker
from warmgraph.ranking.routers import (
    LossEstimate,
    MarginRouter,
    PeekRouter,
    RouteDecision,
    Signals,
    TauRouter,
    ThresholdRouter,
    WarmRouter,
)
from warmgraph.ranking.scorers import Candidates, DenseScorer, HybridScorer, LexicalScorer, OverviewScorer, Scorer

__all__ = [
    "NO_CUES",
    "CalibratedRouter",
    "Candidates",
    "Cues",
    "DenseScorer",
    "HybridScorer",
    "LearningRouter",
    "LexicalScorer",
    "LossEstimate",
    "MarginRouter",
    "OverviewScorer",
    "PeekRouter",
    "Period",
    "Relation",
    "RerankFunction",
    "Reranker",
    "RouteDecision",
    "RouterStats",
    "Scorer",
    "Signals",
    "TauRouter",
    "ThresholdRouter",
    "TwoHopScorer",
    "WarmRouter",
    "check_reranker",
    "first_person",
    "missing_share",
    "probable_loss",
    "read_cues",
    "read_period",
    "related",
    "speaks_of_time",
]
