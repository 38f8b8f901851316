"""Rerankers: what reads the first memories of a ranking together with the question, and puts them in another order."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

from warmgraph.errors import InvalidArgumentError

__all__ = ["RerankFunction", "Reranker", "check_reranker"]

RerankFunction: TypeAlias = (
    Callable[[str, Sequence[str]], Sequence[float]] | Callable[[str, Sequence[str]], Awaitable[Sequence[float]]]
)
"""From a question and n texts to n numbers, the higher the better; sync or async."""


@runtime_checkable
class Reranker(Protocol):
    """Judges texts by reading them: a cross-encoder, a service, a model.

    A `Scorer` sees numbers of every memory and costs microseconds; a reranker sees the texts of a few.
    One that has `arerank`, with the same arguments, is awaited on an event loop; any other is called in a thread there.

    Example:
        >>> class Overlap:
        ...     def rerank(self, query, texts):
        ...         return [len(set(query.split()) & set(text.split())) for text in texts]
        >>> isinstance(Overlap(), Reranker)
        True
    """

    def rerank(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return a number for each text, the higher the better it answers."""
        ...


def check_reranker(given: object) -> tuple[Callable[..., Any] | None, Callable[..., Any] | None]:
    """Return the blocking and the async form of a reranker, at least one of them.

    Args:
        given: A `Reranker`, or a `RerankFunction`.

    Raises:
        InvalidArgumentError: It is neither.
    """
    call, acall = getattr(given, "rerank", None), getattr(given, "arerank", None)
    if callable(call) or callable(acall):
        return call if callable(call) else None, acall if callable(acall) else None
    if not callable(given):
        raise InvalidArgumentError("reranker", expected="an object with rerank(query, texts), or a function", got=given)
    return (None, given) if inspect.iscoroutinefunction(given) else (given, None)
