"""Recall from any store: warm first, then long term; packing for the model; what is told about it."""

from __future__ import annotations

from warmgraph.recall.held import HeldItems
from warmgraph.recall.hub import NotedReceipt, ReceiptHub, receipts
from warmgraph.recall.packing import Packed, TokenCounter, pack, pack_from_store
from warmgraph.recall.receipts import MemoryErrorEvent, MemoryEvent, RecallReceipt, RememberReceipt
from warmgraph.recall.tiers import arecall, arecall_long_term, arecall_warm, recall, recall_long_term, recall_warm
from warmgraph.recall.traces import DecisionTrace, RecalledItem, RecallTrace, SignalsTrace
from warmgraph.recall.why_not import awhy_not, why_not
from warmgraph.store.why_not import WhyNot

__all__ = [
    "DecisionTrace",
    "HeldItems",
    "MemoryErrorEvent",
    "MemoryEvent",
    "NotedReceipt",
    "Packed",
    "RecallReceipt",
    "RecallTrace",
    "RecalledItem",
    "ReceiptHub",
    "RememberReceipt",
    "SignalsTrace",
    "TokenCounter",
    "WhyNot",
    "arecall",
    "arecall_long_term",
    "arecall_warm",
    "awhy_not",
    "pack",
    "pack_from_store",
    "recall",
    "recall_long_term",
    "recall_warm",
    "receipts",
    "why_not",
]
