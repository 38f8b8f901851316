"""Erasure: what a namespace or a memory left anywhere in a store is found, deleted, and overwritten."""

from __future__ import annotations

from warmgraph.store.erasing.intents import Intent, Part, note, pending
from warmgraph.store.erasing.links import is_turn, sources_of, superseded_by, unlinked
from warmgraph.store.erasing.report import ErasureReport
from warmgraph.store.erasing.requests import Erasure, Rebuild
from warmgraph.store.erasing.rows import Held, Rows, Scrubbed, StoreRows
from warmgraph.store.erasing.steps import begin, erase, finish, look

__all__ = [
    "Erasure",
    "ErasureReport",
    "Held",
    "Intent",
    "Part",
    "Rebuild",
    "Rows",
    "Scrubbed",
    "StoreRows",
    "begin",
    "erase",
    "finish",
    "is_turn",
    "look",
    "note",
    "pending",
    "sources_of",
    "superseded_by",
    "unlinked",
]
