"""Units of a thread that cannot be split: a message, or a call of tools together with its results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

__all__ = ["Unit", "shown", "split_units"]

# Content blocks in which providers repeat a call that also stands among the tool calls of a message.
CALL_BLOCKS = frozenset({"tool_use", "tool_call", "function_call"})


class Unit(NamedTuple):
    """Messages that stay together, or go together.

    Attributes:
        messages: The messages as they came.
        shown: What of them a model may get: no call without its result, no result without its call. Empty when
            nothing is left.
    """

    messages: tuple[AnyMessage, ...]
    shown: tuple[AnyMessage, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing had to be left out."""
        return self.shown is self.messages


def split_units(messages: Sequence[AnyMessage]) -> list[Unit]:
    """Split a thread into units.

    A result belongs to a call when it follows it with nothing but other results in between, as providers demand. Of
    two results for one call the first counts. Threads that were edited or trimmed by hand may have anything in them.

    Args:
        messages: Any messages, in any order.

    Returns:
        The units; all their messages together are `messages`.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> call = AIMessage("", tool_calls=[{"name": "add", "args": {}, "id": "1"}])
        >>> units = split_units([HumanMessage("1 + 1?"), call, ToolMessage("2", tool_call_id="1"), AIMessage("2.")])
        >>> [len(unit.messages) for unit in units]
        [1, 2, 1]
        >>> split_units([ToolMessage("2", tool_call_id="1")])[0].shown
        ()
    """
    units: list[Unit] = []
    at = 0
    while at < len(messages):
        message = messages[at]
        stop = at + 1
        if isinstance(message, AIMessage) and _calls(message):
            while stop < len(messages) and isinstance(messages[stop], ToolMessage):
                stop += 1
            units.append(_paired(message, messages[at + 1 : stop]))
        else:
            alone = (message,)
            units.append(Unit(alone, () if isinstance(message, ToolMessage) else alone))
        at = stop
    return units


def shown(units: Sequence[Unit]) -> list[AnyMessage]:
    """Return what a model may get of some units."""
    return [message for unit in units for message in unit.shown]


def _calls(message: AIMessage) -> list[Any]:
    return [*message.tool_calls, *message.invalid_tool_calls]


def _paired(asking: AIMessage, following: Sequence[AnyMessage]) -> Unit:
    whole = (asking, *following)
    asked = {call["id"] for call in _calls(asking)}
    answers: dict[str, ToolMessage] = {}
    for message in following:
        if isinstance(message, ToolMessage) and message.tool_call_id in asked:
            answers.setdefault(message.tool_call_id, message)
    if len(answers) == len(asked) == len(_calls(asking)) == len(following):
        return Unit(whole, whole)
    left = asking if len(answers) == len(asked) else _without_calls(asking, asked - answers.keys())
    return Unit(whole, (*((left,) if left is not None else ()), *answers.values()))


def _without_calls(message: AIMessage, unanswered: set[Any]) -> AIMessage | None:
    """Return a copy without some of its calls; `None` when it says nothing else."""
    update: dict[str, Any] = {
        "tool_calls": [call for call in message.tool_calls if call["id"] not in unanswered],
        "invalid_tool_calls": [call for call in message.invalid_tool_calls if call["id"] not in unanswered],
        "additional_kwargs": {
            name: value
            for name, value in message.additional_kwargs.items()
            if name not in ("tool_calls", "function_call")
        },
    }
    if hasattr(message, "tool_call_chunks"):
        update["tool_call_chunks"] = []
    if isinstance(message.content, list):
        update["content"] = [block for block in message.content if not _is_call(block, unanswered)]
    copy = message.model_copy(update=update)
    return copy if copy.content or copy.tool_calls or copy.invalid_tool_calls else None


def _is_call(block: str | dict[str, Any], unanswered: set[Any]) -> bool:
    if isinstance(block, str) or block.get("type") not in CALL_BLOCKS:
        return False
    return block.get("id") in unanswered or block.get("call_id") in unanswered
