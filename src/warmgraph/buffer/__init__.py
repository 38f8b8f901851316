"""A bounded memory of interactions without a graph: plain records in RAM, and in a file where one is named."""

from __future__ import annotations

from warmgraph.buffer.buffer import WarmBuffer
from warmgraph.buffer.record import InteractionRecord
from warmgraph.buffer.remember import remember_interaction

__all__ = ["InteractionRecord", "WarmBuffer", "remember_interaction"]
