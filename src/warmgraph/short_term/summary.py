"""The summary that runs along with a thread, and what a summarization returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AnyMessage
from typing_extensions import TypedDict

from warmgraph.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = ["RunningSummary", "SummarizationResult"]


class RunningSummary(dict[str, Any]):
    """The summary of a thread so far, and which messages went into it.

    It is a plain dict of a string, a list and a string, so that checkpoints hold nothing else: it comes back from JSON
    and from strict msgpack, as a dict, and everything here takes such a dict for what it was. The attributes are those
    that users of LangMem know.

    Args:
        summary: The text.
        summarized_message_ids: Ids of all messages that went into it, in any order.
        last_summarized_message_id: Id of the last of them; `None` for none.

    Example:
        >>> running = RunningSummary("Ana lives in Lisbon.", ["1", "2"], "2")
        >>> running.summary, sorted(running.summarized_message_ids), running["last_summarized_message_id"]
        ('Ana lives in Lisbon.', ['1', '2'], '2')
        >>> RunningSummary.of({**running}) == running
        True
    """

    def __init__(
        self, summary: str, summarized_message_ids: Iterable[str], last_summarized_message_id: str | None
    ) -> None:
        if isinstance(summarized_message_ids, set | frozenset):
            summarized_message_ids = sorted(summarized_message_ids)  # the same state is the same bytes
        super().__init__(
            summary=summary,
            summarized_message_ids=list(summarized_message_ids),
            last_summarized_message_id=last_summarized_message_id,
        )

    @property
    def summary(self) -> str:
        """The text."""
        text: str = self["summary"]
        return text

    @property
    def summarized_message_ids(self) -> set[str]:
        """Ids of all messages that went into it."""
        return set(self["summarized_message_ids"])

    @property
    def last_summarized_message_id(self) -> str | None:
        """Id of the last message that went into it."""
        last: str | None = self["last_summarized_message_id"]
        return last

    @classmethod
    def of(cls, value: object) -> RunningSummary | None:
        """Return a summary from what a state holds: one of these, such a dict, an object with its attributes, `None`.

        Raises:
            InvalidArgumentError: It is something else.
        """
        if value is None or isinstance(value, cls):
            return value
        text, ids, last = (
            value.get(name) if isinstance(value, Mapping) else getattr(value, name, None) for name in _FIELDS
        )
        if isinstance(text, str) and isinstance(ids, Iterable) and not isinstance(ids, str):
            listed = list(ids)
            if all(isinstance(each, str) for each in listed) and (last is None or isinstance(last, str)):
                return cls(text, set(listed) if isinstance(ids, set | frozenset) else listed, last)
        raise InvalidArgumentError("running_summary", expected=f"a RunningSummary: {', '.join(_FIELDS)}", got=value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], CoreSchema]) -> CoreSchema:
        """Let it be a field of a state that pydantic validates, or that Studio draws a form of."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls.of, handler(_Fields))


class _Fields(TypedDict):
    summary: str
    summarized_message_ids: list[str]
    last_summarized_message_id: str | None


_FIELDS = tuple(_Fields.__annotations__)


@dataclass(slots=True)
class SummarizationResult:
    """What a summarization returns.

    Args:
        messages: What a model gets instead of the thread: a leading system message, the summary, what was kept.
        running_summary: To be passed to the next summarization; `None` while nothing was summarized.
    """

    messages: list[AnyMessage]
    running_summary: RunningSummary | None = None
