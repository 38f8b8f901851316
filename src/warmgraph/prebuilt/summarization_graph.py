"""A graph that summarizes a thread, and nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage
from langchain_core.messages.utils import count_tokens_approximately
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from warmgraph.nodes import MemoryInput
from warmgraph.nodes.summarizer import DEFAULT_MAX_HISTORY_TOKENS, DEFAULT_MAX_SUMMARY_TOKENS
from warmgraph.short_term import SummarizationNode
from warmgraph.short_term.plan import TokenCounter

__all__ = ["create_summarization_graph"]


class SummarizationOutput(TypedDict, total=False):
    """What a run of the summarization graph returns."""

    summarized_messages: list[AnyMessage]
    context: dict[str, Any]


class SummarizationState(SummarizationOutput):
    """The thread, and what became of it."""

    messages: Annotated[list[AnyMessage], add_messages]


def create_summarization_graph(
    model: BaseChatModel | str,
    *,
    max_tokens: int = DEFAULT_MAX_HISTORY_TOKENS,
    max_tokens_before_summary: int | None = None,
    max_summary_tokens: int = DEFAULT_MAX_SUMMARY_TOKENS,
    token_counter: TokenCounter = count_tokens_approximately,
    lossless: bool = True,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    name: str = "summarize",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create a graph that turns a thread into what a model needs of it: a summary, and the newest messages.

    Its input is `messages`; its output `summarized_messages`, and `context` with the `running_summary` once there is
    one. With a checkpointer a thread is summarized as it grows, and no message is summarized twice.

    Args:
        model: Writes the summaries: a chat model, or the name of one, such as "offline".
        max_tokens: What the output may cost; a thread that costs less is returned as it is.
        max_tokens_before_summary: What new messages may cost before a summary is due; `max_tokens` by default.
        max_summary_tokens: What of `max_tokens` is set aside for the summary.
        token_counter: Counts the tokens of a list of messages.
        lossless: Whether the model is shown every message that goes into the summary, in as many calls as that takes.
        checkpointer: The checkpointer; on a server leave it out.
        name: Name of the graph.

    Example:
        >>> graph = create_summarization_graph("offline", max_tokens=60, max_summary_tokens=30)
        >>> said = [("user", "I live in Lisbon."), ("ai", "Noted. " * 30), ("user", "Where do I live?")]
        >>> for message in graph.invoke({"messages": said})["summarized_messages"]:
        ...     print(message.content)
        Summary of the conversation so far: - The user said: "I live in Lisbon."
        Where do I live?
    """
    if isinstance(model, str):
        from warmgraph.models import create_chat_model

        model = create_chat_model(model)
    summarize = SummarizationNode(
        model=model,
        max_tokens=max_tokens,
        max_tokens_before_summary=max_tokens_before_summary,
        max_summary_tokens=max_summary_tokens,
        token_counter=token_counter,
        lossless=lossless,
        name="summarize",
    )
    builder = StateGraph(SummarizationState, input_schema=MemoryInput, output_schema=SummarizationOutput)
    builder.add_node("summarize", summarize)
    builder.add_edge(START, "summarize")
    builder.add_edge("summarize", END)
    return builder.compile(checkpointer=checkpointer, name=name)
