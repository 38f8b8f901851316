"""The shapes of prompts and trajectories, as LangMem has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Required, TypeAlias

from langchain_core.messages import AnyMessage
from typing_extensions import TypedDict

__all__ = ["AnnotatedTrajectory", "MultiPromptOptimizerInput", "OptimizerInput", "Prompt", "Trajectories"]


class Prompt(TypedDict, total=False):
    """A prompt that can be optimized.

    Attributes:
        name: Its name.
        prompt: Its text. Variables in braces are kept by every optimization.
        update_instructions: How it may be changed.
        when_to_update: When it may be changed: read by what decides which of several prompts is changed.
    """

    name: Required[str]
    prompt: Required[str]
    update_instructions: str | None
    when_to_update: str | None


class AnnotatedTrajectory(NamedTuple):
    """A conversation, and what somebody thinks of it.

    Args:
        messages: The conversation.
        feedback: A text, scores by name, or `None`.
    """

    messages: Sequence[AnyMessage]
    feedback: Mapping[str, str | int | float | bool] | str | None = None


# A tuple, a pair in a list, a dict with "messages" and "feedback", or one conversation alone; or all of it as a text.
Trajectories: TypeAlias = Sequence[Any] | str


class OptimizerInput(TypedDict):
    """What an optimizer starts from."""

    trajectories: Trajectories
    prompt: str | Prompt


class MultiPromptOptimizerInput(TypedDict):
    """What an optimizer of several prompts starts from."""

    trajectories: Trajectories
    prompts: list[Prompt]
