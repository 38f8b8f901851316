"""A LangChain chat model with memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.utils import convert_to_messages
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableBinding, RunnableLambda
from langchain_core.tools import BaseTool
from pydantic import Field

from warmgraph.clients.calls import Afterwards, Call, prepare_steps
from warmgraph.clients.memory import ClientMemory
from warmgraph.clients.stripper import AnswerText, stripper_for
from warmgraph.speakers import is_human
from warmgraph.steps import Steps, arun, run

__all__ = ["MemoryChatModel"]


class MemoryChatModel(BaseChatModel):
    """A chat model that remembers. Callbacks, tracers and streams see what the user sees: no block, no note.

    Args:
        inner: The chat model.
        memory: What is remembered of the user.
        afterwards: What happens once an answer is there.
        inline: Whether the model is asked for a block.
    """

    inner: BaseChatModel
    memory: ClientMemory
    afterwards: Any
    inline: bool = True
    # The same question has another answer once something was remembered, and only the call itself can remember.
    cache: BaseCache | bool | None = Field(default=False, exclude=True)

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return self.inner._identifying_params

    def _resolve_model_profile(self) -> ModelProfile | None:
        return self.inner.profile

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.inner._get_ls_params(stop=stop, **kwargs)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model, as the model itself does."""
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        bound = self.inner.bind_tools(tools, **kwargs)
        return self.bind(**bound.kwargs) if isinstance(bound, RunnableBinding) else bound

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[LanguageModelInput, Any]:
        """Answer in a schema, as the model itself does: memories go in, and no block is asked for."""
        structured = self.inner.with_structured_output(schema, **kwargs)

        def prepare(given: Any) -> list[BaseMessage]:
            return run(self._call(_messages(given), {}, inline=False)).kwargs["messages"]  # type: ignore[no-any-return]

        async def aprepare(given: Any) -> list[BaseMessage]:
            call = await arun(self._call(_messages(given), {}, inline=False))
            return call.kwargs["messages"]  # type: ignore[no-any-return]

        return RunnableLambda(prepare, aprepare) | structured

    def get_num_tokens(self, text: str) -> int:
        """Count as the model does."""
        return self.inner.get_num_tokens(text)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = run(self._call(messages, kwargs))
        result = self.inner._generate(call.kwargs["messages"], stop=stop, **kwargs)
        texts = self._take(result, call)
        run(self._afterwards(call, texts))
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = await arun(self._call(messages, kwargs))
        result = await self.inner._agenerate(call.kwargs["messages"], stop=stop, **kwargs)
        texts = self._take(result, call)
        await arun(self._afterwards(call, texts))
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        if type(self.inner)._stream is BaseChatModel._stream:
            yield from map(_as_chunk, self._generate(messages, stop, **kwargs).generations[:1])
            return
        call = run(self._call(messages, kwargs))
        text = stripper_for(call.tags)
        broken: Exception | None = None
        chunks = self.inner._stream(call.kwargs["messages"], stop=stop, **kwargs)
        while True:
            try:
                chunk = next(chunks, None)
            except Exception as error:
                broken = error
                break
            if chunk is None:
                break
            yield _shown(chunk, text)
        yield from _rest(text)
        if broken is not None:
            raise broken
        run(self._afterwards(call, [text]))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        kind = type(self.inner)
        if kind._astream is BaseChatModel._astream and kind._stream is BaseChatModel._stream:
            for generation in (await self._agenerate(messages, stop, **kwargs)).generations[:1]:
                yield _as_chunk(generation)
            return
        call = await arun(self._call(messages, kwargs))
        text = stripper_for(call.tags)
        broken: Exception | None = None
        chunks = self.inner._astream(call.kwargs["messages"], stop=stop, **kwargs)
        while True:
            try:
                chunk = await anext(chunks, None)
            except Exception as error:
                broken = error
                break
            if chunk is None:
                break
            yield _shown(chunk, text)
        for chunk in _rest(text):
            yield chunk
        if broken is not None:
            raise broken
        await arun(self._afterwards(call, [text]))

    def _call(self, messages: Sequence[BaseMessage], kwargs: Mapping[str, Any], *, inline: bool = True) -> Steps[Call]:
        """Prepare a call by way of OpenAI's roles, which is all that `prepare_steps` looks at."""
        given = {**kwargs, "messages": [_as_dict(message) for message in messages]}
        call = yield from prepare_steps(self.memory, given, inline=self.inline and inline)
        sent = [
            message if new is old else message.model_copy(update={"content": new["content"]})
            for message, old, new in zip(messages, given["messages"], call.kwargs["messages"], strict=True)
        ]
        return Call({"messages": sent}, call.messages, call.tags, call.role)

    def _take(self, result: ChatResult, call: Call) -> list[AnswerText]:
        texts = [stripper_for(call.tags) for _ in result.generations]
        try:
            for generation, text in zip(result.generations, texts, strict=True):
                message = generation.message
                shown = _content(message.content, text)
                tail = text.finish()
                generation.message = message.model_copy(update={"content": _appended(shown, tail)})
                if isinstance(generation.message.content, str):
                    generation.text = generation.message.content
        except Exception as error:
            self.memory.failed("read", error)
        return texts

    def _afterwards(self, call: Call, texts: Sequence[AnswerText]) -> Steps[None]:
        drafts = next((text.drafts for text in texts if text.drafts), [])
        after: Afterwards = self.afterwards
        return after(call, drafts, texts[0].text if texts else "")


def _messages(given: Any) -> list[BaseMessage]:
    if hasattr(given, "to_messages"):
        return list(given.to_messages())
    return convert_to_messages([("user", given)] if isinstance(given, str) else given)


def _as_dict(message: BaseMessage) -> dict[str, Any]:
    role = "user" if is_human(message) else "assistant" if message.type in ("ai", "AIMessageChunk") else message.type
    return {"role": role, "content": message.content}


def _shown(chunk: ChatGenerationChunk, text: AnswerText) -> ChatGenerationChunk:
    message = chunk.message
    shown = _content(message.content, text)
    if getattr(message, "chunk_position", None) == "last":
        shown = _appended(shown, text.finish())
    return ChatGenerationChunk(
        message=message.model_copy(update={"content": shown}), generation_info=chunk.generation_info
    )


def _rest(text: AnswerText) -> Iterator[ChatGenerationChunk]:
    shown = text.finish()
    if shown:
        yield ChatGenerationChunk(message=AIMessageChunk(content=shown))


def _as_chunk(generation: ChatGeneration) -> ChatGenerationChunk:
    message = generation.message
    fields = {name: getattr(message, name) for name in AIMessage.model_fields if name != "type"}
    return ChatGenerationChunk(message=AIMessageChunk(**fields), generation_info=generation.generation_info)


def _content(content: Any, text: AnswerText) -> Any:
    """Return content without what belongs to a block: text, or a list of parts of which some are text."""
    if isinstance(content, str):
        return text.feed(content)
    parts: list[Any] = []
    for part in content:
        if isinstance(part, str):
            parts.append(text.feed(part))
        elif part.get("type") == "text" and isinstance(part.get("text"), str):
            parts.append({**part, "text": text.feed(part["text"])})
        else:
            parts.append(part)
    return parts


def _appended(content: Any, tail: str) -> Any:
    if not tail:
        return content
    if isinstance(content, str):
        return content + tail
    at = next((at for at in reversed(range(len(content))) if _is_text(content[at])), None)
    if at is None:
        return [*content, {"type": "text", "text": tail}]
    last = content[at]
    grown = last + tail if isinstance(last, str) else {**last, "text": last["text"] + tail}
    return [*content[:at], grown, *content[at + 1 :]]


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or part.get("type") == "text"
