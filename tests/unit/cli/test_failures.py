"""Failures are told in one line that says what to do or whom to blame."""

from __future__ import annotations

import httpx
import pytest

from warmgraph.cli.failures import CommandError, explain, one_line


def wrapped(error: Exception, cause: Exception) -> Exception:
    """Return an error as a client raises it: because of another one."""
    error.__cause__ = cause
    return error


class APIConnectionError(Exception):
    """As OpenAI's client names it."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (httpx.ReadTimeout("timed out"), "the model did not answer in time"),
        (TimeoutError(), "the model did not answer in time"),
        (httpx.ConnectError("[Errno 111] Connection refused"), "the model cannot be reached (Connection refused)"),
        (
            httpx.RemoteProtocolError("incomplete chunked read"),
            "the connection to the model broke off in the middle of the answer",
        ),
        (
            wrapped(APIConnectionError("Connection error."), httpx.RemoteProtocolError("incomplete")),
            "the connection to the model broke off in the middle of the answer",
        ),
        (
            wrapped(APIConnectionError("Connection error."), httpx.ConnectError("[Errno 111] Connection refused")),
            "the model cannot be reached (Connection refused)",
        ),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_the_innermost_cause_is_told(error: Exception, told: str) -> None:
    """A client wraps what happened; what is told is what happened."""
    assert told == explain(error)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "the server does not accept the key (401): check OPENAI_API_KEY"),
        (429, "the server allows no more requests now, or the quota is used up (429)"),
        (404, "the server knows nothing of that name (404): refused"),
        (422, "the server refuses the request (422): refused"),
        (503, "the server failed (503): refused"),
    ],
)
def test_a_status_is_told_in_words(status: int, told: str) -> None:
    """What an HTTP status means for the user comes first."""
    response = httpx.Response(status, request=httpx.Request("GET", "http://127.0.0.1/"))
    error = httpx.HTTPStatusError("refused", request=response.request, response=response)

    assert explain(error, "the server").startswith(told)


def test_messages_fit_into_a_line() -> None:
    """Line breaks and endless messages do not reach the terminal; our own errors need no type in front."""
    assert "a b" == one_line(CommandError("a\n b"))
    assert 300 == len(one_line(ValueError("x" * 1000)))
    assert "ZeroDivisionError: by zero" == one_line(ZeroDivisionError("by zero"))
