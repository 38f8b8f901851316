"""How failures of memory are told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from langgraph.types import RetryPolicy

from warmgraph.errors import InvalidValueError
from warmgraph.nodes.failures import MemoryFailure, gather_failures, note_failure, will_retry

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
    """Operators, clients and the state see the same."""
    events: list[Any] = []
    with caplog.at_level(logging.WARNING):
        noted = note_failure("recall", OSError("disk full"), events.append)
    assert {"node": "recall", "error": "OSError", "message": "disk full"} == noted
    assert [{"type": "memory_error", **noted}] == events
    assert ["memory: recall failed: OSError: disk full"] == caplog.messages


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"cannot embed {SECRET!r}"),
        RuntimeError(f"400 bad request: {{'input': '{SECRET}'}}"),
        InvalidValueError("value", expected="JSON", got={"content": SECRET}),
        OSError(28, "No space left", SECRET),
    ],
)
def test_words_of_the_conversation_are_not_told(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Errors that quote what they were given do not carry it into logs and checkpoints."""
    events: list[Any] = []
    with caplog.at_level(logging.DEBUG):
        noted = note_failure("remember", error, events.append, private=[SECRET, "hello"])
    told = repr((noted, events, caplog.messages))
    assert "4711" not in told
    assert "bank" not in told
    assert type(error).__name__ == noted["error"]


def test_a_short_word_in_common_hides_nothing() -> None:
    """A message that happens to hold "ok" is told in full."""
    assert "not ok" == note_failure("recall", OSError("not ok"), lambda event: None, private=["ok"])["message"]


def test_long_messages_are_cut() -> None:
    """A server's error page does not go into every checkpoint."""
    message = note_failure("recall", OSError("x" * 5000), lambda event: None)["message"]
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
