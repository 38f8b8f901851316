"""How failures of memory are told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from langgraph.types import RetryPolicy

from warmgraph.embeddings import Embedder
from warmgraph.errors import EmbeddingError, InvalidValueError, StoreError, StoreUnavailableError
from warmgraph.nodes.failures import WITHHELD, MemoryFailure, gather_failures, note_failure, will_retry

SECRET = "My bank code is 4711, tell nobody"


def failure(number: int) -> MemoryFailure:
    """Make a failure."""
    return MemoryFailure(node="recall", error="OSError", message=str(number))


def test_failures_add_up_whichever_node_writes_them() -> None:
    """Two nodes that fail in one step are both seen."""
    assert [failure(1), failure(2)] == gather_failures([failure(1)], [failure(2)])
    assert [failure(1)] == gather_failures(None, [failure(1)])
    assert [failure(1)] == gather_failures([failure(1)], None)


def test_a_new_run_forgets_those_of_the_last() -> None:
    """`None` drops what stood before it, and keeps what follows."""
    assert [failure(2)] == gather_failures([failure(1)], [None, failure(2)])


def test_a_failure_is_logged_emitted_and_returned(caplog: pytest.LogCaptureFixture) -> None:
    """Clients and the state see the same; operators see the whole error."""
    events: list[Any] = []
    with caplog.at_level(logging.WARNING):
        noted = note_failure("recall", StoreUnavailableError("memory.db: disk full"), events.append)
    assert {"node": "recall", "error": "StoreUnavailableError", "message": "memory.db: disk full"} == noted
    assert [{"type": "memory_error", **noted}] == events
    assert ["memory: recall failed"] == caplog.messages
    assert "StoreUnavailableError: memory.db: disk full" in caplog.text


class DriverError(Exception):
    """What somebody else's store raises."""


def embedding_error() -> Exception:
    """Return what our embedder raises when the model below it does."""
    with pytest.raises(EmbeddingError) as raised:
        Embedder(refuse).embed_query("x")
    return raised.value


def refuse(texts: list[str]) -> list[list[float]]:
    """Fail to embed, and quote something that is not even among the texts."""
    raise DriverError(f"400 bad request: {SECRET}")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError(f"cannot embed {SECRET!r}"), WITHHELD),
        (DriverError(f"DETAIL: Failing row contains (ana, {SECRET})."), WITHHELD),
        (InvalidValueError("value", expected="JSON", got={"content": SECRET}), "value: expected JSON"),
        (OSError(28, "No space left", SECRET), "No space left on device"),
        (OSError(f"cannot write {SECRET}"), WITHHELD),
        (embedding_error(), f"the embeddings failed with DriverError; {WITHHELD}"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_an_error_quotes_is_in_the_log_alone(
    error: Exception, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever foreign code wrote into a message, no memory gets from there into streams and checkpoints."""
    events: list[Any] = []
    with caplog.at_level(logging.WARNING):
        noted = note_failure("recall", error, events.append)
    assert {"node": "recall", "error": type(error).__name__, "message": message} == noted
    assert "4711" not in repr((noted, events, caplog.messages))
    assert type(error).__name__ in caplog.text


def test_what_was_just_said_is_not_told_by_errors_of_ours_either() -> None:
    """An error that quotes a text that the caller names as private is told without words."""
    error = StoreError(f"cannot store {SECRET}")
    assert WITHHELD == note_failure("remember", error, lambda event: None, private=[SECRET, "hello"])["message"]


def test_a_short_word_in_common_hides_nothing() -> None:
    """A message that happens to hold "ok" is told in full."""
    assert "not ok" == note_failure("recall", StoreError("not ok"), lambda event: None, private=["ok"])["message"]


def test_long_messages_are_cut() -> None:
    """A long message does not go into every checkpoint."""
    message = note_failure("recall", StoreError("x" * 5000), lambda event: None)["message"]
    assert 300 == len(message)


@pytest.mark.parametrize(
    ("retry_on", "expected"),
    [
        (ConnectionError, True),
        ((ValueError, ConnectionError), True),
        ([ValueError], False),
        (OSError, True),
        (lambda error: "again" in str(error), True),
        (lambda error: False, False),
    ],
)
def test_the_policy_says_what_is_repeated(retry_on: Any, expected: bool) -> None:
    """Exactly what LangGraph would repeat counts as repeated."""
    policy = RetryPolicy(max_attempts=3, retry_on=retry_on)
    assert expected is will_retry(policy, ConnectionError("again"), attempt=1)
    assert expected is will_retry(policy, ConnectionError("again"), attempt=2)
    assert not will_retry(policy, ConnectionError("again"), attempt=3)


def test_without_a_policy_nothing_is_repeated() -> None:
    """A failure is noted at once."""
    assert not will_retry(None, ConnectionError(), attempt=1)
