"""Who said a message: a person, or the assistant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

__all__ = ["is_ai", "is_human"]

# By `type`: `isinstance` of pydantic models takes a microsecond where the answer is no, and threads may be long.
_HUMAN = frozenset(("human", "HumanMessageChunk"))
_ASSISTANT = frozenset(("ai", "AIMessageChunk"))
_ANYBODY = frozenset(("chat", "ChatMessageChunk"))  # the role says who


def is_human(message: BaseMessage) -> bool:
    """Whether a person said it, as `HumanMessage` or as `ChatMessage` with the role "user" or "human".

    Example:
        >>> from langchain_core.messages import ChatMessage
        >>> (
        ...     is_human(ChatMessage(content="Hello", role="user")),
        ...     is_human(ChatMessage(content="Be brief.", role="system")),
        ... )
        (True, False)
    """
    return message.type in _HUMAN or (message.type in _ANYBODY and _role(message) in ("user", "human"))


def is_ai(message: BaseMessage) -> bool:
    """Whether the assistant said it, as `AIMessage` or as `ChatMessage` with the role "assistant" or "ai"."""
    return message.type in _ASSISTANT or (message.type in _ANYBODY and _role(message) in ("assistant", "ai"))


def _role(message: BaseMessage) -> str:
    return str(getattr(message, "role", "")).lower()
