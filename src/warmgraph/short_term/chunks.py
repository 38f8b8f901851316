"""Show every word of a long thread to a model of short breath."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from warmgraph.short_term.plan import TokenCounter
from warmgraph.short_term.units import Unit

__all__ = ["Chunks", "readable"]


class Chunks:
    """Units cut into chunks that fit: tool calls with their results, or as text where they are too long for one.

    Args:
        units: What is to be shown.
        counter: Counts tokens.
    """

    def __init__(self, units: Sequence[Unit], counter: TokenCounter) -> None:
        self._waiting: deque[list[AnyMessage]] = deque(readable([unit]) for unit in units)
        self._counter = counter

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self, room: int) -> list[AnyMessage]:
        """Return the next messages, as many as cost at most `room`, but at least a part of one."""
        taken: list[AnyMessage] = []
        while self._waiting:
            cost = self._counter(self._waiting[0])
            if cost > room:
                break
            room -= cost
            taken += self._waiting.popleft()
        if taken or not self._waiting:
            return taken
        begun, rest = self._split(self._waiting.popleft(), room)
        if rest:
            self._waiting.appendleft(rest)
        return begun

    def _split(self, unit: Sequence[AnyMessage], room: int) -> tuple[list[AnyMessage], list[AnyMessage]]:
        """Return what fits of a unit that does not fit as a whole, as text, and the rest."""
        first, *others = [as_text(message) for message in unit]
        text = str(first.content)
        least, most = min(1, len(text)), len(text)
        while least < most:
            middle = (least + most + 1) // 2
            fits = self._counter([first.model_copy(update={"content": text[:middle]})]) <= room
            least, most = (middle, most) if fits else (least, middle - 1)
        if self._counter([first.model_copy(update={"content": text[:least]})]) > room:
            least = len(text)  # a counter that does not look at the text, or no room at all: it goes as it is
        else:
            least = text.rfind(" ", least // 2, least) + 1 or least  # between words, where there are any
        begun = first.model_copy(update={"content": text[:least]})
        rest = [first.model_copy(update={"content": text[least:]})] if least < len(text) else []
        return [begun], [*rest, *others]


def readable(units: Sequence[Unit]) -> list[AnyMessage]:
    """Return all messages of some units in a form that any provider takes: calls without results become text."""
    return [message if unit.whole else as_text(message) for unit in units for message in unit.messages]


def as_text(message: AnyMessage) -> AnyMessage:
    r"""Return a message of text alone, which says what the message said, called or answered.

    Example:
        >>> as_text(ToolMessage("2", tool_call_id="1", name="add")).content
        'The tool add returned: 2'
        >>> as_text(AIMessage("Let me see.", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "1"}])).content
        'Let me see.\nCalls the tool add: {"a": 1}'
    """
    text = str(message.text)
    if isinstance(message, ToolMessage):
        return HumanMessage(f"The tool {message.name or message.tool_call_id} returned: {text}", id=message.id)
    if isinstance(message, AIMessage):
        calls = [(call["name"], json.dumps(call["args"], default=str)) for call in message.tool_calls]
        calls += [(call["name"] or "?", call["args"] or "") for call in message.invalid_tool_calls]
        lines = [text] if text else []
        return AIMessage(
            "\n".join([*lines, *(f"Calls the tool {name}: {args}" for name, args in calls)]), id=message.id
        )
    return message.model_copy(update={"content": text})
