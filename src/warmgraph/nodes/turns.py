"""Turns of a thread: what was asked, what belongs to this turn, and under which key a message is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha1
from uuid import NAMESPACE_URL, uuid5

from langchain_core.messages import AnyMessage, BaseMessage

from warmgraph.speakers import is_ai, is_human

__all__ = ["current_turn", "is_final", "last_human", "message_key", "message_keys", "message_text", "turn_keys"]

# Changing it would write every message that is already remembered a second time.
MESSAGE_KEYS = uuid5(NAMESPACE_URL, "warmgraph:message")
_BEGUN = sha1(MESSAGE_KEYS.bytes, usedforsecurity=False)


def message_text(message: BaseMessage) -> str:
    """Return the text of a message: its text parts, without images, tool calls or reasoning.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> message_text(HumanMessage([{"type": "text", "text": "Who is this?"}, {"type": "image", "url": "x"}]))
        'Who is this?'
    """
    content = message.content
    if isinstance(content, str):
        return content.strip() if content.isascii() else _whole(content)
    texts = (
        part if isinstance(part, str) else part.get("text", "") if part.get("type") == "text" else ""
        for part in content
    )
    return _whole("\n".join(text for text in texts if isinstance(text, str) and text))


def _whole(text: str) -> str:
    # Half a surrogate pair, as broken input has it, can be neither stored nor embedded.
    return text.encode("utf-8", "replace").decode().strip()


def last_human(messages: Sequence[AnyMessage]) -> int | None:
    """Return where the last human message stands, or `None`."""
    for at in range(len(messages) - 1, -1, -1):
        if is_human(messages[at]):
            return at
    return None


def is_final(message: BaseMessage) -> bool:
    """Whether a message is an answer of the assistant, and not a call of a tool."""
    return is_ai(message) and not getattr(message, "tool_calls", None)


def current_turn(messages: Sequence[AnyMessage]) -> list[int]:
    """Return where the human and the final AI messages of the last turn stand.

    A turn begins after the answer of the one before. Human messages that never got an answer, because their run
    failed, belong to the turn that follows.

    Example:
        >>> from langchain_core.messages import AIMessage, HumanMessage
        >>> thread = [HumanMessage("a"), AIMessage("b"), HumanMessage("c"), HumanMessage("d"), AIMessage("e")]
        >>> current_turn(thread)
        [2, 3, 4]
    """
    places: list[int] = []
    seen_human = False
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if is_human(message):
            seen_human = True
        elif not is_final(message):
            continue
        elif seen_human:
            break
        places.append(at)
    return places[::-1]


def message_key(thread_id: str | None, message: BaseMessage, asked: BaseMessage | None = None, number: int = 0) -> str:
    """Return the key under which a message is remembered: the same one whenever it is written.

    An answer goes by the human message that it answers. When a turn is run again from a checkpoint, the model answers
    anew, under a new id; the answer before is replaced, for a turn has one. What was said on other branches of the
    thread goes by human messages of their own.

    Without a thread, ids may be a client's own and start again with each conversation, so a message goes by its text.

    Args:
        thread_id: The thread.
        message: The message.
        asked: The human message that it answers; `None` for a human message, or when nobody knows.
        number: How many answers to the same human message came before.

    Example:
        >>> from langchain_core.messages import AIMessage, HumanMessage
        >>> asked = HumanMessage("Hello", id="1")
        >>> message_key("thread-1", asked)
        'd92726f6-edf4-50c8-9d3b-4e4c7097bc08'
        >>> message_key("thread-1", AIMessage("Hi", id="2"), asked) == message_key("thread-1", AIMessage("Hey"), asked)
        True
    """
    if thread_id is not None and asked is not None and asked.id is not None:
        return _key(thread_id, asked.id, number)
    if thread_id is not None and message.id is not None:
        return _key(thread_id, message.id)
    return _key(f"{thread_id or ''}/{message.type}/{message.id or ''}", message_text(message))


def turn_keys(thread_id: str | None, messages: Iterable[BaseMessage]) -> list[str]:
    """Return the keys of the human and final AI messages among some that follow each other, in their order."""
    keys: list[str] = []
    asked: BaseMessage | None = None
    number = 0
    for message in messages:
        if is_human(message):
            asked, number = message, 0
            keys.append(message_key(thread_id, message))
        elif is_final(message):
            keys.append(message_key(thread_id, message, asked, number))
            number += 1
    return keys


def message_keys(thread_id: str | None, messages: Sequence[AnyMessage]) -> frozenset[str]:
    """Return the keys of all messages that need not be recalled.

    These are those that stand in the prompt anyway, and the answer that is to come: where a turn is run again, the
    one that it is to replace.
    """
    keys = turn_keys(thread_id, messages)
    if thread_id is not None:
        at = last_human(messages)
        if at is not None and (asked := messages[at].id) is not None:
            keys.append(_key(thread_id, asked, 0))
    return frozenset(keys)


@lru_cache(maxsize=16_384)  # every turn asks for the keys of the whole thread
def _key(thread: str, message: str, number: int | None = None) -> str:
    """Return `str(uuid5(MESSAGE_KEYS, ...))`, without the detour over a UUID object: a tenth of its time."""
    answer = "" if number is None else f"{number}<"  # a message goes by digits and a colon, an answer never does
    name = f"{answer}{len(thread)}:{thread}:{message}".encode("utf-8", "surrogatepass")
    hashed = _BEGUN.copy()  # beginning anew costs 15 us when the caches are cold
    hashed.update(name)
    digest = bytearray(hashed.digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5 (RFC 9562)
    digest[8] = digest[8] & 0x3F | 0x80  # its variant
    hexed = digest.hex()
    return f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]}"
