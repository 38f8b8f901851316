"""Doubles for tests, of this package and of yours: a scripted chat model, embeddings, a clock moved by hand."""

from warmgraph.testing.clock import ManualClock
from warmgraph.testing.embeddings import FakeEmbeddings, LookupEmbeddings
from warmgraph.testing.models import BrokenStream, ScriptedChatModel, ScriptEndedError

__all__ = [
    "BrokenStream",
    "FakeEmbeddings",
    "LookupEmbeddings",
    "ManualClock",
    "ScriptEndedError",
    "ScriptedChatModel",
]
