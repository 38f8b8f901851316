"""What a recall returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from langgraph.store.base import SearchItem

from warmgraph.ranking import RouteDecision, Signals

__all__ = ["Recall"]


@dataclass(frozen=True, slots=True)
class Recall:
    """The memories that a recall found, and where it found them.

    Args:
        items: Best first, each with its score.
        tier: Where they come from. "long_term" after a miss holds the merge of both tiers.
        signals: What the warm tier saw; `None` when it was not asked.
        decision: What the router decided; `None` when none was asked.
    """

    items: list[SearchItem]
    tier: Literal["warm", "long_term"]
    signals: Signals | None = None
    decision: RouteDecision | None = None
