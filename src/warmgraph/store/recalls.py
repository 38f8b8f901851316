"""What a recall returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from langgraph.store.base import SearchItem

from warmgraph.errors import WarmGraphError
from warmgraph.ranking import RouteDecision, Signals

__all__ = ["Found", "Recall"]


class Found(NamedTuple):
    """What one ranking found.

    Args:
        items: Best first, each with its score.
        failure: What kept it from being the best ranking there is; see `Recall`.
    """

    items: list[SearchItem]
    failure: WarmGraphError | None = None


@dataclass(frozen=True, slots=True)
class Recall:
    """The memories that a recall found, and where it found them.

    Args:
        items: Best first, each with its score.
        tier: Where they come from. "long_term" after a miss holds the merge of both tiers.
        signals: What the warm tier saw; `None` when it was not asked.
        decision: What the router decided; `None` when none was asked.
        failure: What kept this from being the best recall there is: the query could not be embedded, so that words
            alone ranked, or the reranker failed. `None` if nothing did.
    """

    items: list[SearchItem]
    tier: Literal["warm", "long_term"]
    signals: Signals | None = None
    decision: RouteDecision | None = None
    failure: WarmGraphError | None = None
