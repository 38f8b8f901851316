"""A node that summarizes, with the call shape that users of LangMem know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AnyMessage, RemoveMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from typing_extensions import TypedDict

from warmgraph.errors import InvalidArgumentError
from warmgraph.short_term.plan import TokenCounter
from warmgraph.short_term.summarize import asummarize_messages, summarize_messages
from warmgraph.short_term.summary import SummarizationResult
from warmgraph.short_term.units import split_units

if TYPE_CHECKING:
    from langchain_core.prompts.chat import ChatPromptTemplate

__all__ = ["SummarizationNode"]


class SummarizationNode(Runnable[Any, dict[str, Any]]):
    """A node that writes what a model gets instead of a thread: `builder.add_node(SummarizationNode(...))`.

    Reads the thread and `context["running_summary"]`; writes `{output_messages_key: [...]}` and, once there is a
    summary, `{"context": {..., "running_summary": ...}}`. It adds both channels to a graph that has none.

    With equal keys it overwrites the thread: its first message is then the one that removes all others. A thread whose
    last tool calls are not answered yet is left as it is.

    Args:
        model: As in `summarize_messages`, like all but the last three.
        max_tokens: What the result may cost.
        max_tokens_before_summary: What new messages may cost before a summary is due.
        max_summary_tokens: What of `max_tokens` is set aside for the summary.
        token_counter: Counts the tokens of a list of messages.
        initial_summary_prompt: Asks for the first summary.
        existing_summary_prompt: Asks for a later one.
        final_prompt: Shows the result.
        lossless: Whether the model is shown every message that goes into the summary.
        input_messages_key: Where the thread is in the state.
        output_messages_key: Where the result goes.
        name: Name of the node.

    Example:
        >>> from langgraph.graph import MessagesState, StateGraph
        >>> from warmgraph.testing import ScriptedChatModel
        >>> node = SummarizationNode(
        ...     model=ScriptedChatModel(script=["Ana said hi."]), max_tokens=2, max_summary_tokens=1, token_counter=len
        ... )
        >>> builder = StateGraph(MessagesState).add_node(node).set_entry_point("summarization")
        >>> thread = [("user", "Hi, I'm Ana."), ("ai", "Hello!"), ("user", "Who am I?")]
        >>> found = next(builder.compile().stream({"messages": thread}))["summarization"]
        >>> [message.content for message in found["summarized_messages"]]
        ['Summary of the conversation so far: Ana said hi.', 'Who am I?']
    """

    def __init__(
        self,
        *,
        model: Any,
        max_tokens: int,
        max_tokens_before_summary: int | None = None,
        max_summary_tokens: int = 256,
        token_counter: TokenCounter = count_tokens_approximately,
        initial_summary_prompt: ChatPromptTemplate | None = None,
        existing_summary_prompt: ChatPromptTemplate | None = None,
        final_prompt: ChatPromptTemplate | None = None,
        lossless: bool = False,
        input_messages_key: str = "messages",
        output_messages_key: str = "summarized_messages",
        name: str = "summarization",
    ) -> None:
        self.name: str = name
        self.input_messages_key: str = input_messages_key
        self.output_messages_key: str = output_messages_key
        self._options: dict[str, Any] = {
            "model": model,
            "max_tokens": max_tokens,
            "max_tokens_before_summary": max_tokens_before_summary,
            "max_summary_tokens": max_summary_tokens,
            "token_counter": token_counter,
            "initial_summary_prompt": initial_summary_prompt,
            "existing_summary_prompt": existing_summary_prompt,
            "final_prompt": final_prompt,
            "lossless": lossless,
        }

        def call(self: SummarizationNode, state: Any) -> Any:
            return self.invoke(state)

        # `add_node` reads these hints: they add the channels that the graph does not have.
        reads = {input_messages_key: list[AnyMessage], output_messages_key: list[AnyMessage], "context": dict[str, Any]}
        call.__annotations__ = {"state": TypedDict("SummarizationState", reads, total=False), "return": dict[str, Any]}  # type: ignore[operator]
        vars(self)["__call__"] = MethodType(call, self)

    def __call__(self, state: Any) -> dict[str, Any]:
        """Run the node from within another node."""
        return self.invoke(state)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:
        """Run the node: from a state of any kind to its update."""
        messages, context = self._read(input)
        if self._has_to_wait(messages):
            return {}
        running = _get(context, "running_summary")
        return self._update(context, summarize_messages(messages, running_summary=running, **self._options))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:
        """Run the node without blocking the event loop."""
        messages, context = self._read(input)
        if self._has_to_wait(messages):
            return {}
        running = _get(context, "running_summary")
        return self._update(context, await asummarize_messages(messages, running_summary=running, **self._options))

    def _read(self, state: Any) -> tuple[Sequence[AnyMessage], Any]:
        messages = _get(state, self.input_messages_key)
        if messages is None:
            raise InvalidArgumentError("state", expected=f"a field {self.input_messages_key!r}", got=type(state))
        return messages, _get(state, "context")

    def _has_to_wait(self, messages: Sequence[AnyMessage]) -> bool:
        """Whether overwriting the thread would take away a call that somebody is about to answer."""
        if self.input_messages_key != self.output_messages_key:
            return False
        last = split_units(messages)[-1:]
        return any(not unit.whole and isinstance(unit.messages[0], AIMessage) for unit in last)

    def _update(self, context: Any, result: SummarizationResult) -> dict[str, Any]:
        written: list[Any] = result.messages
        if result.running_summary is None:
            return {self.output_messages_key: written}
        if self.input_messages_key == self.output_messages_key:
            written = [RemoveMessage(REMOVE_ALL_MESSAGES), *written]
        kept = dict(context) if isinstance(context, Mapping) else {}
        return {self.output_messages_key: written, "context": {**kept, "running_summary": result.running_summary}}


def _get(state: Any, key: str) -> Any:
    """Read a field of a state, which may be a dict, a pydantic model or a dataclass; `None` without it."""
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
