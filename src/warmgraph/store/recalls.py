"""What a recall returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.errors import WarmGraphError
from warmgraph.ranking import RouteDecision, Signals

__all__ = ["DropReason", "Dropped", "Found", "Recall"]


class Found(NamedTuple):
    """What one ranking found.

    Args:
        items: Best first, each with its score.
        failure: What kept it from being the best ranking there is; see `Recall`.
    """

    items: list[SearchItem]
    failure: WarmGraphError | None = None


DropReason: TypeAlias = Literal["duplicate", "crowded", "filter", "expired"]


class Dropped(NamedTuple):
    """A memory that scored well enough, and was left out of an answer.

    Args:
        key: Its key.
        score: Its score; `None` where there is none.
        reason: "duplicate" (another one says the same in the same words), "crowded" (questions have their share of the
            places already), "filter" (it does not match), "expired" (it is gone).
    """

    key: str
    score: float | None
    reason: DropReason


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
        dropped: What scored well enough and was left out, of the tier that answered.
    """

    items: list[SearchItem]
    tier: Literal["warm", "long_term"]
    signals: Signals | None = None
    decision: RouteDecision | None = None
    failure: WarmGraphError | None = None
    dropped: Sequence[Dropped] = ()
