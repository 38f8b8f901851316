"""Failures of memory: seen by everybody, and never in the way of the answer."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence

from langgraph.types import RetryPolicy
from typing_extensions import TypedDict

from warmgraph.errors import EmbeddingError, InvalidArgumentError, WarmGraphError
from warmgraph.recall.receipts import MemoryErrorEvent

__all__ = ["MemoryFailure", "gather_failures", "note_failure", "will_retry"]

_logger = logging.getLogger(__name__)

MAX_MESSAGE = 300
# Fewer letters in a row than this, in common with a message, are chance.
MIN_QUOTE = 12
MIN_WHOLE = 8  # a text shorter than that, when it stands there whole


WITHHELD = "its message may quote memories, so it is in the log alone"


class MemoryFailure(TypedDict):
    """A part of memory that failed in this run: the node, the type of the error, what of its message may be told."""

    node: str
    error: str
    message: str


def gather_failures(
    current: list[MemoryFailure] | None, update: Sequence[MemoryFailure | None] | None
) -> list[MemoryFailure]:
    """Collect failures, whichever node writes them; `None` in an update drops all before it (a new run begins).

    Example:
        >>> lost = MemoryFailure(node="recall", error="OSError", message="disk full")
        >>> gather_failures([lost], [None]), len(gather_failures([lost], [lost]))
        ([], 2)
    """
    gathered = list(current or ())
    for failure in update or ():
        if failure is None:
            gathered.clear()
        else:
            gathered.append(failure)
    return gathered


def note_failure(
    node: str, error: Exception, emit: Callable[[MemoryErrorEvent], None], private: Iterable[str] = ()
) -> MemoryFailure:
    """Log a failure, tell it on the custom stream, and return it for the state.

    The log has the whole error. Streams and checkpoints, which clients read and which outlive a memory that is
    forgotten, get its type, and its message only where that quotes nobody: errors of ours, and what the operating
    system says. What a store, a driver or a model wrote may quote the row or the request that it failed at.

    Args:
        node: The node that failed.
        error: What happened.
        emit: Writes to the custom stream.
        private: Texts that must not be told, whoever raised the error.
    """
    failure = MemoryFailure(node=node, error=type(error).__name__, message=_say(error, private))
    _logger.warning("memory: %s failed", node, exc_info=error)
    emit({"type": "memory_error", **failure})
    return failure


def will_retry(policy: RetryPolicy | None, error: Exception, attempt: int) -> bool:
    """Whether LangGraph will run a node again after `error`, by the policy that the node was added with."""
    if policy is None or attempt >= policy.max_attempts:
        return False
    on = policy.retry_on
    if isinstance(on, type):
        return isinstance(error, on)
    if isinstance(on, Sequence):
        return isinstance(error, tuple(on))
    return on(error)


def _say(error: Exception, private: Iterable[str]) -> str:
    if isinstance(error, InvalidArgumentError):
        said = f"{error.argument}: expected {error.expected}"  # what came instead may be somebody's words
    elif isinstance(error, EmbeddingError) and error.__cause__ is not None:
        said = f"the embeddings failed with {type(error.__cause__).__name__}; {WITHHELD}"
    elif isinstance(error, WarmGraphError):
        said = str(error)
    elif isinstance(error, OSError) and error.errno is not None:
        said = os.strerror(error.errno)
    else:
        said = WITHHELD
    letters = _letters(said)
    for text in private:
        if _shares(_letters(text), letters):
            return WITHHELD
    return said if len(said) <= MAX_MESSAGE else f"{said[: MAX_MESSAGE - 3]}..."


def _shares(text: str, said: str) -> bool:
    """Whether a message has a piece of a text in it, from whichever part of the text."""
    if len(text) < MIN_QUOTE:
        return len(text) >= MIN_WHOLE and text in said
    said = said[: 10 * MAX_MESSAGE]
    return any(said[at : at + MIN_QUOTE] in text for at in range(len(said) - MIN_QUOTE + 1))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)
