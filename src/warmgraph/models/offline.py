"""A chat model that needs no key, no network and no weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCall, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from warmgraph.extraction_request import parse_request
from warmgraph.memory_block import MemoryLine, parse_block, parse_summary
from warmgraph.memory_note import render_payload, split_note
from warmgraph.models.answers import answer
from warmgraph.models.facts import Fact, extract_facts
from warmgraph.models.matching import is_assistant
from warmgraph.models.memories import memory_requests
from warmgraph.models.schema_filling import Source, fill_schema
from warmgraph.models.summaries import summarize
from warmgraph.models.tool_requests import Tool, ToolRequest, find_requests
from warmgraph.speakers import is_ai, is_human

__all__ = ["OfflineChatModel"]


class OfflineChatModel(BaseChatModel):
    """A deterministic stand-in for a language model: it answers from recalled memories, and quotes them.

    It is no language model, and says so when asked. It reads the memory block that stands before the last human
    message, and the earlier messages of the conversation; finds the sentences that match the question; and quotes them
    with who said them and when. It takes note of statements, greets, and says plainly when it remembers nothing. Asked
    for a block of memories (`warmgraph.clients`), it appends what the user stated. It calls tools that the user clearly
    asks for ("use the add tool with a=2 b=3"), answers with their results, and fills schemas (`with_structured_output`)
    with simple facts. The same input gives the same output.

    Tokens are counted as words and punctuation marks.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> from warmgraph.memory_block import MemoryLine, render_block
        >>> block = render_block([MemoryLine("Hi, I'm Ana and I live in Lisbon.", role="user", said_at="2026-11-20")])
        >>> question = HumanMessage([{"type": "text", "text": block}, {"type": "text", "text": "Where do I live?"}])
        >>> print(OfflineChatModel().invoke([question]).text)
        You told me on 20 November 2026: "Hi, I'm Ana and I live in Lisbon."
    """

    model_name: str = "offline"

    @property
    def _llm_type(self) -> str:
        return "warmgraph-offline"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model_name": self.model_name}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model.

        Args:
            tools: LangChain tools, functions, pydantic classes, TypedDicts, or dicts in OpenAI's format.
            tool_choice: None or "auto" to call a tool when it is asked for; "none" never to; "any", "required" or
                True always to call one; the name of a tool (or OpenAI's dict) to call that one.
            kwargs: Bound to the model as they are.
        """
        bound = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=bound, tool_choice=tool_choice, **kwargs)

    def get_num_tokens(self, text: str) -> int:
        """Count words and punctuation marks."""
        return len(_TOKEN.findall(text))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._respond(messages, stop, kwargs))])

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
        response = self._respond(messages, stop, kwargs)
        for token in _TOKEN.findall(response.text):
            yield ChatGenerationChunk(message=AIMessageChunk(content=token))
        calls = [
            tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=index)
            for index, call in enumerate(response.tool_calls)
        ]
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                tool_call_chunks=calls,
                usage_metadata=response.usage_metadata,
                response_metadata=response.response_metadata,
                chunk_position="last",
            )
        )

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages, stop, **kwargs):
            yield chunk

    def _respond(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]) -> AIMessage:
        turn = _Turn(messages)
        tools = [_tool(bound) for bound in kwargs.get("tools") or ()]
        text, requests = _decide(turn, tools, kwargs.get("tool_choice"))
        for sequence in stop or ():
            text = text.partition(sequence)[0]
        if text:
            text += turn.noted()
        calls = [_call(request, turn, place) for place, request in enumerate(requests)]
        spent_in = sum(self.get_num_tokens(message.text) for message in messages)
        spent_out = self.get_num_tokens(text) + sum(self.get_num_tokens(json.dumps(call["args"])) for call in calls)
        usage = UsageMetadata(input_tokens=spent_in, output_tokens=spent_out, total_tokens=spent_in + spent_out)
        finish = "tool_calls" if calls else "stop"
        metadata = {"model_name": self.model_name, "finish_reason": finish}
        return AIMessage(content=text, tool_calls=calls, usage_metadata=usage, response_metadata=metadata)


class _Turn:
    """What the model is asked: the last human message, what is remembered, and what happened since."""

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        last = max((place for place, one in enumerate(messages) if is_human(one)), default=-1)
        self.memories, text = _read(messages[last]) if last >= 0 else ([], "")
        self.text, self.tags = split_note(text)
        earlier = [one for one in messages[: max(last, 0)] if is_human(one) or is_ai(one)]
        summaries = [line for message in earlier[:1] for line in _noted(message)]
        self.said = [
            MemoryLine(_read(message)[1], role="user" if is_human(message) else "assistant")
            for message in earlier[bool(summaries) :]
        ]
        self.history = summaries + self.said[-_LONGEST_HISTORY:]
        since = messages[last + 1 :]
        self.results = [message for message in since if isinstance(message, ToolMessage)]
        self.called = {
            call["name"] for message in since if isinstance(message, AIMessage) for call in message.tool_calls
        }
        self.length = len(messages)

    def reply(self) -> str:
        """Answer in words."""
        if self.results:
            return "\n".join(map(_report, self.results))
        summary = summarize(self.text, self.said)
        if summary is not None:
            return summary
        return answer(self.text, self.memories, self.history)

    def noted(self) -> str:
        """Return the block of memories that a note asks for: the sentences in which the user states a fact."""
        if self.tags is None:
            return ""
        stated = {fact.sentence: fact for fact in extract_facts(self.text)}
        memories = [
            (sentence, "preference" if fact.attribute in _PREFERENCES else "fact") for sentence, fact in stated.items()
        ]
        return f"\n\n{render_payload(self.tags, memories)}" if memories else ""

    def facts(self) -> list[Fact]:
        """Return what is known about the user, the newest last."""
        told = sorted(self.memories, key=lambda line: line.said_at or "")
        lines = [line for line in (*told, *self.history) if not is_assistant(line)]
        return [fact for text in (*(line.text for line in lines), self.text) for fact in extract_facts(text)]


# Words (long ones in pieces, as scripts without spaces need it) and punctuation, each with the space before it.
_TOKEN = re.compile(r"\s*\w{1,16}|\s*[^\w\s]+|\s+")
_LONGEST_HISTORY = 50  # messages of the conversation that are read; what is older has to be recalled
_PREFERENCES = frozenset(("like", "dislike", "preference"))
_LONGEST_RESULT = 2_000  # characters


def _decide(turn: _Turn, tools: Sequence[Tool], choice: Any) -> tuple[str, list[ToolRequest]]:
    """Decide between calling tools and answering in words."""
    if not tools or choice == "none":
        return turn.reply(), []
    asked = parse_request(turn.text)
    if asked is not None:
        return "", memory_requests(asked, tools) if not turn.called else []
    forced = _forced(choice, tools)
    uncalled = [tool for tool in tools if tool.name not in turn.called]
    if forced is None and turn.results:
        return turn.reply(), []
    requests = find_requests(turn.text, uncalled if forced is None or len(forced) > 1 else forced)
    complete = [request for request in requests if not request.missing]
    if complete:
        return "", complete
    if forced is not None:
        tool = next((tool for tool in reversed(forced) if tool.name not in turn.called), forced[-1])
        source = Source(turn.text, reply=turn.reply(), facts=turn.facts())
        given = next((request.arguments for request in requests if request.tool is tool), {})
        return "", [ToolRequest(tool, {**fill_schema(tool.parameters, source), **given})]
    if requests:
        missing = " and ".join(f"`{name}`" for name in requests[0].missing)
        return f"The tool {requests[0].tool.name} needs {missing}.", []
    return turn.reply(), []


def _forced(choice: Any, tools: Sequence[Tool]) -> list[Tool] | None:
    """Return the tools of which one has to be called, or None when none has to."""
    if choice in (None, "auto", False):
        return None
    if choice in ("any", "required", True):
        return list(tools)
    name = choice.get("function", choice).get("name") if isinstance(choice, Mapping) else choice
    return [tool for tool in tools if tool.name == name] or list(tools)


def _tool(bound: Mapping[str, Any]) -> Tool:
    function = bound.get("function", bound)
    return Tool(str(function.get("name", "")), function.get("parameters") or {})


def _call(request: ToolRequest, turn: _Turn, place: int) -> ToolCall:
    seed = json.dumps([turn.length, place, request.tool.name, request.arguments, turn.text], default=str)
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return tool_call(name=request.tool.name, args=request.arguments, id=f"call_{digest[:24]}")


def _report(result: ToolMessage) -> str:
    outcome = "failed" if result.status == "error" else "returned"
    text = result.text if len(result.text) <= _LONGEST_RESULT else f"{result.text[:_LONGEST_RESULT]} ..."
    return f"The tool {result.name or result.tool_call_id} {outcome}: {text}"


def _read(message: BaseMessage) -> tuple[list[MemoryLine], str]:
    """Split a message into the memories of the block at its start, and its own text."""
    parts = [message.content] if isinstance(message.content, str) else message.content
    texts = [part if isinstance(part, str) else str(part.get("text", "")) for part in parts if _is_text(part)]
    if not texts:
        return [], ""
    memories, rest = parse_block(texts[0])
    return memories, "\n".join(text for text in (rest, *texts[1:]) if text)


def _noted(message: BaseMessage) -> list[MemoryLine]:
    """Return the lines of the summary that leads a long conversation."""
    summary = parse_summary(message.content) if isinstance(message.content, str) else None
    return [MemoryLine(line.removeprefix("- ")) for line in (summary or "").splitlines() if line.strip()]


def _is_text(part: str | dict[str, Any]) -> bool:
    return isinstance(part, str) or part.get("type", "text") == "text"
