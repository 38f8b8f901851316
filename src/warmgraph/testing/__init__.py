"""Doubles for tests, of this package and of yours, and the contract of a `BaseStore` as cases to run on any store."""

from warmgraph.testing.clock import ManualClock
from warmgraph.testing.conformance import (
    FEATURES,
    ConformanceError,
    StoreCase,
    StoreReport,
    check_store,
    store_cases,
)
from warmgraph.testing.embeddings import FakeEmbeddings, LookupEmbeddings
from warmgraph.testing.models import BrokenStream, ScriptedChatModel, ScriptEndedError

__all__ = [
    "FEATURES",
    "BrokenStream",
    "ConformanceError",
    "FakeEmbeddings",
    "LookupEmbeddings",
    "ManualClock",
    "ScriptEndedError",
    "ScriptedChatModel",
    "StoreCase",
    "StoreReport",
    "check_store",
    "store_cases",
]
