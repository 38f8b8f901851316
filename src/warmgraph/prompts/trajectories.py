"""Trajectories as a model reads them: as data, with what was said, which tools were called, and the feedback."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import convert_to_messages

from warmgraph.errors import InvalidArgumentError
from warmgraph.prompts.types import Trajectories

__all__ = ["render_trajectories"]


def render_trajectories(trajectories: Trajectories) -> str:
    r"""Write trajectories down, escaped: nothing in them can be taken for a part of the prompt around them.

    Raises:
        InvalidArgumentError: Something is no trajectory, or there is none.

    Example:
        >>> print(render_trajectories([([("user", "Hi <b>")], "too short"), {"messages": [("ai", "Hello")]}]))
        <trajectory>
        human: Hi &lt;b&gt;
        feedback: too short
        </trajectory>
        <trajectory>
        ai: Hello
        </trajectory>
    """
    if isinstance(trajectories, str):
        return f"<trajectory>\n{html.escape(trajectories, quote=False)}\n</trajectory>"
    if not trajectories:
        raise InvalidArgumentError("trajectories", expected="at least one conversation", got=trajectories)
    if all(_is_message(entry) for entry in trajectories):
        trajectories = [(trajectories, None)]
    return "\n".join(map(_rendered, trajectories))


def _rendered(trajectory: Any) -> str:
    messages, feedback = _split(trajectory)
    try:
        read = convert_to_messages(messages)
    except Exception as error:
        raise InvalidArgumentError("trajectories", expected="conversations of messages", got=trajectory) from error
    lines = [line for message in read for line in _lines(message)]
    if feedback:
        said = feedback if isinstance(feedback, str) else json.dumps(feedback, default=str, ensure_ascii=False)
        lines.append(f"feedback: {said}")
    text = html.escape("\n".join(lines), quote=False)
    return f"<trajectory>\n{text}\n</trajectory>"


def _split(trajectory: Any) -> tuple[Any, Any]:
    if isinstance(trajectory, Mapping) and "messages" in trajectory:
        return trajectory["messages"], trajectory.get("feedback")
    if isinstance(trajectory, Sequence) and not isinstance(trajectory, str):
        if len(trajectory) == 2 and not _is_message(trajectory[0]):
            return trajectory[0], trajectory[1]
        return trajectory, None
    raise InvalidArgumentError("trajectories", expected="(messages, feedback), or a dict of both", got=trajectory)


def _lines(message: BaseMessage) -> list[str]:
    lines = [f"{message.type}: {message.text}"] if message.text else []
    for call in getattr(message, "tool_calls", None) or ():
        lines.append(f"{message.type} calls {call['name']}: {json.dumps(call['args'], default=str)}")
    return lines


def _is_message(entry: Any) -> bool:
    if isinstance(entry, tuple) and len(entry) == 2:
        return isinstance(entry[0], str)
    return isinstance(entry, BaseMessage) or (isinstance(entry, Mapping) and ("role" in entry or "type" in entry))
