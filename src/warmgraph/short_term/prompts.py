"""What a model is asked for a summary, and how a summary is shown to the next model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage, SystemMessage

if TYPE_CHECKING:  # 0.1 s of import, for those who bring templates
    from langchain_core.prompts.chat import ChatPromptTemplate

__all__ = ["EXTEND", "FIRST", "Prompts", "TemplatePrompts"]

FIRST = "Create a summary of the conversation above:"
EXTEND = (
    "This is summary of the conversation so far: {}\n\n"
    "Extend this summary by taking into account the new messages above:"
)
SHOWN = "Summary of the conversation so far: {}"


class Prompts(Protocol):
    """Makes the messages of a summarization."""

    def ask(self, messages: Sequence[AnyMessage], existing: str | None) -> list[Any]:
        """Return the prompt for a summary of messages, which extends the existing one. It ends with a human turn."""
        ...

    def show(self, system: Sequence[AnyMessage], summary: str, messages: Sequence[AnyMessage]) -> list[Any]:
        """Return what a model gets in place of a thread."""
        ...


@dataclass(frozen=True, slots=True)
class TemplatePrompts:
    """Prompts from templates with LangMem's variables; what is not given is what LangMem has.

    Args:
        first: For the first summary, with `messages`.
        extend: For a later one, with `messages` and `existing_summary`.
        final: Shows a summary, with `system_message`, `summary` and `messages`.
    """

    first: ChatPromptTemplate | None = None
    extend: ChatPromptTemplate | None = None
    final: ChatPromptTemplate | None = None

    def ask(self, messages: Sequence[AnyMessage], existing: str | None) -> list[Any]:
        """Return the prompt for a summary."""
        listed = list(messages)
        if existing is None:
            if self.first is None:
                return [*listed, HumanMessage(FIRST)]
            return _filled(self.first, {"messages": listed})
        if self.extend is None:
            return [*listed, HumanMessage(EXTEND.format(existing))]
        return _filled(self.extend, {"messages": listed, "existing_summary": existing})

    def show(self, system: Sequence[AnyMessage], summary: str, messages: Sequence[AnyMessage]) -> list[Any]:
        """Return a leading system message, one with the summary, and the messages."""
        if self.final is None:
            return [*system, SystemMessage(SHOWN.format(summary)), *messages]
        given = {"system_message": list(system), "summary": summary, "messages": list(messages)}
        return _filled(self.final, given)


def _filled(template: ChatPromptTemplate, values: dict[str, Any]) -> list[BaseMessage]:
    return list(template.format_messages(**values))
