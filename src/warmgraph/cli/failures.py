"""What went wrong, in one line for the person at the keyboard."""

from __future__ import annotations

from collections.abc import Iterator

from warmgraph.errors import WarmGraphError

__all__ = ["CommandError", "explain", "explain_name", "one_line"]

LONGEST = 300

_BY_STATUS = {
    401: "{who} does not accept the key (401): check {key}",
    403: "{who} refuses access (403)",
    404: "{who} knows nothing of that name (404)",
    408: "{who} did not answer in time (408)",
    429: "{who} allows no more requests now, or the quota is used up (429)",
}
# By name, so that no client has to be imported to recognise its errors.
_BY_NAME = {
    "APITimeoutError": "{who} did not answer in time",
    "TimeoutException": "{who} did not answer in time",
    "TimeoutError": "{who} did not answer in time",
    "ConnectError": "{who} cannot be reached",
    "ConnectionRefusedError": "{who} cannot be reached",
    "RemoteProtocolError": "the connection to {who} broke off in the middle of the answer",
    "ReadError": "the connection to {who} broke off in the middle of the answer",
    "ConnectionResetError": "the connection to {who} broke off in the middle of the answer",
    "APIConnectionError": "{who} cannot be reached",
    "AuthenticationError": _BY_STATUS[401],
    "RateLimitError": _BY_STATUS[429],
}


class CommandError(WarmGraphError):
    """A command cannot do what it was asked to; the message says why."""


def one_line(error: BaseException) -> str:
    r"""Return the message of an error in one line of bounded length; its type where it has no message.

    Example:
        >>> one_line(ValueError("first\nsecond")), one_line(KeyError())
        ('first second', 'KeyError')
    """
    said = " ".join(str(error).split())
    if not isinstance(error, WarmGraphError | OSError) and said:
        said = f"{type(error).__name__}: {said}" if not isinstance(error, ValueError) else said
    said = said or type(error).__name__
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."


def explain(error: BaseException, who: str = "the model", *, key: str = "OPENAI_API_KEY") -> str:
    """Say why a model or a server did not answer.

    Args:
        error: What its client raised.
        who: Whom the client talked to.
        key: The variable that holds the key for it.

    Example:
        >>> explain(ConnectionRefusedError("[Errno 111] Connection refused"))
        'the model cannot be reached (Connection refused)'
        >>> explain(ValueError("no such thing"))
        'no such thing'
    """
    causes = list(_causes(error))
    for cause in causes:
        status = _status(cause)
        if status is not None:
            otherwise = "{who} failed ({status})" if status >= 500 else "{who} refuses the request ({status})"
            told = _BY_STATUS.get(status, otherwise).format(who=who, status=status, key=key)
            # What a server says about a refused key may quote it.
            return told if status in (401, 429) else f"{told}: {' '.join(str(cause).split())[:LONGEST]}"
    # The innermost cause knows best: a client calls everything a connection error.
    for cause in reversed(causes):
        for kind in type(cause).__mro__:
            told = explain_name(kind.__name__, who, key=key) if kind.__name__ in _BY_NAME else ""
            if told:
                why = one_line(cause).rpartition("] ")[2].rstrip(".")
                return f"{told} ({why})" if "reached" in told and why else told
    return one_line(error)


def explain_name(name: str, who: str = "the model", *, key: str = "OPENAI_API_KEY") -> str:
    """Say what an error means of which only the type's name is known; "" where that says nothing.

    Example:
        >>> explain_name("OpenAIRateLimitError")
        'the model allows no more requests now, or the quota is used up (429)'
        >>> explain_name("KeyError")
        ''
    """
    for known, told in _BY_NAME.items():
        if name.endswith(known):
            return told.format(who=who, key=key)
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int):
            return status
    return None
