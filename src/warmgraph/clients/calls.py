"""One call of a chat endpoint: memories go in before it, and what is to be remembered comes out of the answer."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from warmgraph.clients.memory import ClientMemory
from warmgraph.clients.messages import content_text, last_user, source_role, with_texts
from warmgraph.clients.protocol import Draft
from warmgraph.clients.stripper import AnswerText, stripper_for
from warmgraph.memory_note import Tags, new_tags, render_note
from warmgraph.steps import Steps

__all__ = ["Afterwards", "Call", "ChatAnswer", "prepare_steps"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it goes out.

    Args:
        kwargs: The arguments of the request.
        messages: The messages as the caller gave them.
        tags: What encloses the block that was asked for; `None` when none was.
        role: Whose words the answer rests on: "user" or "tool".
    """

    kwargs: dict[str, Any]
    messages: Sequence[Any] = ()
    tags: Tags | None = None
    role: str = "user"


class Afterwards(Protocol):
    """What happens once an answer is complete."""

    def __call__(self, call: Call, drafts: Sequence[Draft], text: str) -> Steps[None]:
        """Remember what is to be remembered. Raises nothing: the answer is on its way."""
        ...


def prepare_steps(memory: ClientMemory, kwargs: Mapping[str, Any], *, inline: bool) -> Steps[Call]:
    """Put memories before the last message of the user, and a note that asks for a block after it.

    What the caller gave is not changed. Should anything fail, the call goes out as it came.

    Args:
        memory: Whose memories.
        kwargs: The arguments of the request.
        inline: Whether to ask for a block. Where the answer has a form of its own (`response_format`, `logprobs`,
            audio), none is asked for.
    """
    given = dict(kwargs)
    try:
        messages = list(given.get("messages") or ())
        if "messages" in given:
            given["messages"] = messages  # what came may have been an iterator
        at = last_user(messages)
        if at is None:
            return Call(given, messages)
        content = messages[at].get("content")
        if not isinstance(content, str | list | tuple):
            return Call(given, messages)
        block = yield from memory.block_steps(content_text(content))
        tags = new_tags() if inline and _takes_text(given) else None
        changed = {**messages[at], "content": with_texts(content, block, render_note(tags) if tags is not None else "")}
        sent = {**given, "messages": [*messages[:at], changed, *messages[at + 1 :]]}
        return Call(sent, messages, tags, source_role(messages, at))
    except Exception as error:
        memory.failed("inject", error)
        return Call(given, given.get("messages") or ())


class ChatAnswer:
    """An answer in OpenAI's shape, whole or streamed, with one text for each choice.

    Args:
        tags: What encloses the block that was asked for; `None` when none was.
    """

    def __init__(self, tags: Tags | None) -> None:
        self._tags = tags
        self._texts: dict[int, AnswerText] = {}
        self._last: dict[int, Any] = {}  # a chunk to make another one like

    @property
    def drafts(self) -> list[Draft]:
        """What is to be remembered: of several choices, what the first says that says anything."""
        return next((text.drafts for _, text in sorted(self._texts.items()) if text.drafts), [])

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self._texts[min(self._texts)].text if self._texts else ""

    def take_whole(self, completion: Any) -> None:
        """Take the blocks out of a completion."""
        for choice in completion.choices or ():
            text = choice.message.content
            if isinstance(text, str):
                answer = self._text(choice.index)
                choice.message.content = answer.feed(text) + answer.finish()

    def take(self, chunk: Any) -> Any:
        """Take what belongs to a block out of a chunk of a stream, and return the chunk."""
        for choice in getattr(chunk, "choices", None) or ():
            delta = choice.delta
            if delta is None:
                continue
            text, answer = delta.content, self._text(choice.index)
            self._last[choice.index] = chunk
            shown = answer.feed(text) if isinstance(text, str) else ""
            if choice.finish_reason is not None:
                shown += answer.finish()
            if shown or isinstance(text, str):
                delta.content = shown
        return chunk

    def rest(self) -> Iterator[Any]:
        """Yield a chunk for each choice of which something is held back: the stream ended without saying so."""
        for index, answer in self._texts.items():
            shown = answer.finish()
            if shown:
                chunk = copy.deepcopy(self._last[index])
                chunk.choices = [choice for choice in chunk.choices if choice.index == index]
                delta = chunk.choices[0].delta
                delta.content = shown
                delta.role = delta.tool_calls = None
                yield chunk

    def _text(self, index: int) -> AnswerText:
        return self._texts.setdefault(index, stripper_for(self._tags))


def _takes_text(kwargs: Mapping[str, Any]) -> bool:
    form = kwargs.get("response_format")
    plain = not form or (isinstance(form, Mapping) and form.get("type") == "text")
    return plain and not kwargs.get("logprobs") and "audio" not in (kwargs.get("modalities") or ())
