"""Messages as OpenAI's protocol has them: where memories go in, and what is read for an extraction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["content_text", "conversation", "last_user", "source_role", "with_texts"]


def last_user(messages: Sequence[Any]) -> int | None:
    """Return where the last message of the user stands, or `None`."""
    for at in range(len(messages) - 1, -1, -1):
        if isinstance(messages[at], Mapping) and messages[at].get("role") == "user":
            return at
    return None


def source_role(messages: Sequence[Any], at: int) -> str:
    """Return whose words an answer rests on: the user's, or also those of tools that ran since."""
    later = (message.get("role") for message in messages[at + 1 :] if isinstance(message, Mapping))
    return "tool" if any(role in ("tool", "function") for role in later) else "user"


def content_text(content: object) -> str:
    """Return the text of a message's content: itself, or that of its text parts.

    Example:
        >>> content_text([{"type": "text", "text": "Who is this?"}, {"type": "image_url", "image_url": {}}])
        'Who is this?'
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    texts = [part if isinstance(part, str) else part.get("text") for part in content if isinstance(part, str | Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))


def with_texts(content: Any, before: str, after: str) -> Any:
    r"""Return content with a text before and a text after it, in parts where it is parts.

    Example:
        >>> with_texts("Hello", "<memories/>", "")
        '<memories/>\n\nHello'
    """
    if isinstance(content, str):
        return "\n\n".join(text for text in (before, content, after) if text)
    head = [{"type": "text", "text": before}] if before else []
    tail = [{"type": "text", "text": after}] if after else []
    return [*head, *content, *tail]


def conversation(messages: Sequence[Any], answer: str) -> str:
    """Write the end of a conversation down for an extraction: the last turns of user and assistant."""
    lines = [
        f"{message['role']}: {text}"
        for message in messages
        if isinstance(message, Mapping)
        and message.get("role") in ("user", "assistant")
        and (text := content_text(message.get("content")).strip())
    ]
    return "\n".join([*lines[-LAST_MESSAGES:], f"assistant: {answer}"])


LAST_MESSAGES = 5
