"""A chat model that says what a test tells it to say."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

__all__ = ["BrokenStream", "ScriptEndedError", "ScriptedChatModel"]


class ScriptEndedError(AssertionError):
    """The model was called more often than its script has entries."""


@dataclass(frozen=True, slots=True)
class BrokenStream:
    """An answer that breaks off: streams `text`, then raises `error`. Without streaming it just raises."""

    text: str
    error: BaseException


ScriptEntry: TypeAlias = str | AIMessage | BaseException | BrokenStream | Callable[[list[BaseMessage]], str | AIMessage]


class ScriptedChatModel(BaseChatModel):
    """Give the answers of a script, in order, and record what was asked.

    Args:
        script: For each call: a text, an `AIMessage` (with tool calls, say), an exception to raise, a
            `BrokenStream`, or a function of the messages that returns a text or an `AIMessage`. A call beyond the
            last entry raises `ScriptEndedError`.

    Attributes:
        prompts: The messages of each call.
        bound_tools: The tools of each call, in OpenAI's format; empty where none were bound.

    Example:
        >>> model = ScriptedChatModel(script=["Hello!", RuntimeError("rate limit")])
        >>> model.invoke("Hi").content
        'Hello!'
        >>> [message.content for message in model.prompts[0]]
        ['Hi']
        >>> model.invoke("Are you there?")
        Traceback (most recent call last):
        ...
        RuntimeError: rate limit
    """

    script: list[Any] = Field(default_factory=list)
    _prompts: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _bound_tools: list[list[dict[str, Any]]] = PrivateAttr(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @property
    def prompts(self) -> list[list[BaseMessage]]:
        """The messages of each call so far."""
        with self._lock:
            return list(self._prompts)

    @property
    def bound_tools(self) -> list[list[dict[str, Any]]]:
        """The tools that were bound at each call so far."""
        with self._lock:
            return list(self._bound_tools)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Record the tools with each call; whether one is called is up to the script."""
        bound = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=bound, tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        entry = self._next_entry(messages, kwargs)
        if isinstance(entry, BrokenStream):
            raise entry.error
        return ChatResult(generations=[ChatGeneration(message=entry)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        entry = self._next_entry(messages, kwargs)
        if isinstance(entry, BrokenStream):
            for word in _words(entry.text):
                yield ChatGenerationChunk(message=AIMessageChunk(content=word))
            raise entry.error
        yield from _chunks(entry)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages, stop, **kwargs):
            yield chunk

    def _next_entry(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> AIMessage | BrokenStream:
        with self._lock:
            position = len(self._prompts)
            self._prompts.append(list(messages))
            self._bound_tools.append(list(kwargs.get("tools") or []))
        if position >= len(self.script):
            raise ScriptEndedError(f"call {position + 1} of a model whose script has {len(self.script)} entries")
        entry: ScriptEntry = self.script[position]
        if isinstance(entry, BaseException):
            raise entry
        if isinstance(entry, BrokenStream):
            return entry
        answer = entry if isinstance(entry, (str, AIMessage)) else entry(list(messages))
        # A copy: LangChain writes the run's id into the message it gets.
        return AIMessage(answer) if isinstance(answer, str) else answer.model_copy(deep=True)


def _chunks(answer: AIMessage) -> Iterator[ChatGenerationChunk]:
    pieces: Sequence[Any] = _words(answer.content) if isinstance(answer.content, str) else [answer.content]
    for piece in pieces:
        yield ChatGenerationChunk(message=AIMessageChunk(content=piece, id=answer.id))
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=index)
        for index, call in enumerate(answer.tool_calls)
    ]
    yield ChatGenerationChunk(
        message=AIMessageChunk(
            content="" if isinstance(answer.content, str) else [],
            id=answer.id,
            tool_call_chunks=calls,
            additional_kwargs=answer.additional_kwargs,
            response_metadata=answer.response_metadata,
            usage_metadata=answer.usage_metadata,
            chunk_position="last",
        )
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+", text)
