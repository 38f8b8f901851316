"""The last step of a recall: the first memories are read by a reranker, where there is one."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from langgraph.store.base import SearchItem

from warmgraph.errors import InvalidArgumentError, RerankError, WarmGraphError
from warmgraph.ranking import Reranker, RerankFunction, check_reranker
from warmgraph.steps import Io, Steps
from warmgraph.store.plan import Search, check_count
from warmgraph.store.recalls import Found
from warmgraph.store.records import text_of

__all__ = ["RERANK_DEPTH", "Reranking"]

logger: logging.Logger = logging.getLogger(__name__)

RERANK_DEPTH = 30
"""Memories that a reranker reads: on LoCoMo they hold 93% of the evidence, where the first ten hold 86%."""


class Reranking:
    """Lets a reranker put the first memories of a recall in order.

    Memories keep the scores that were given by the ranking, the best one goes to the one that is now first: scores stay
    comparable with those of other recalls, and with thresholds. A reranker that fails changes nothing: the order stays
    as it was, and the recall tells.

    Args:
        reranker: A `Reranker`, or a function like its `rerank`; `None` for none.
        depth: Memories that it reads.

    Raises:
        InvalidArgumentError: It is no reranker, or the depth is below 1.
    """

    def __init__(self, reranker: Reranker | RerankFunction | None, depth: int = RERANK_DEPTH) -> None:
        self._call, self._acall = (None, None) if reranker is None else check_reranker(reranker)
        self._depth = check_count("rerank_depth", depth, least=1)
        self.idle: bool = reranker is None
        """Whether there is no reranker."""

    def widened(self, search: Search) -> Search:
        """Return the search that finds what is to be read."""
        return search if self.idle else search._replace(limit=max(search.limit, self._depth))

    def ordered(self, search: Search, found: Found) -> Steps[Found]:
        """Return the best of what a widened search found.

        Args:
            search: The search as it was asked for.
            found: What the widened one found, best first.
        """
        if self.idle or not search.limit or len(found.items) < 2:
            return Found(found.items[: search.limit], found.failure)
        head, query = found.items[: self._depth], search.query or ""
        texts = [text_of(item.value.get("content", item.value)) for item in head]
        try:
            marks = _checked((yield self._io(query, texts)), len(texts))
        except Exception as error:
            failure = error if isinstance(error, WarmGraphError) else RerankError(f"{type(error).__name__}: {error}")
            logger.warning("the reranker failed; the order stays as it was", exc_info=error)
            return Found(found.items[: search.limit], found.failure or failure)
        order = sorted(range(len(head)), key=lambda at: -marks[at])
        reordered = [_scored(head[at], item.score) for at, item in zip(order, head, strict=True)]
        return Found([*reordered, *found.items[self._depth :]][: search.limit], found.failure)

    def _io(self, query: str, texts: list[str]) -> Io:
        call, acall = self._call or _refuse, self._acall
        return Io(lambda: call(query, texts), None if acall is None else lambda: acall(query, texts))


def _refuse(query: str, texts: Sequence[str]) -> Sequence[float]:
    raise RerankError("the reranker is async: it can only be used through the async API (arecall, ainvoke, ...)")


def _checked(marks: Sequence[float], count: int) -> list[float]:
    numbers = [float(mark) for mark in marks]
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise InvalidArgumentError("reranker", expected=f"{count} finite numbers for {count} texts", got=marks)
    return numbers


def _scored(item: SearchItem, score: float | None) -> SearchItem:
    return SearchItem(item.namespace, item.key, item.value, item.created_at, item.updated_at, score)
