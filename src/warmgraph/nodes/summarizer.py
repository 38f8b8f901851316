"""What becomes of a thread that outgrows the prompt: when it is summarized, and what the model sees of it."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, BaseMessage
from langgraph.constants import TAG_NOSTREAM

from warmgraph.errors import InvalidArgumentError
from warmgraph.nodes.node import Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.turns import message_text
from warmgraph.recall.packing import CHARS_PER_TOKEN, TokenCounter
from warmgraph.short_term.history import HistoryPrompts, condensed
from warmgraph.short_term.plan import Limits
from warmgraph.short_term.summarize import summarize_steps
from warmgraph.short_term.summary import SummarizationResult
from warmgraph.short_term.window import RollingWindow
from warmgraph.steps import Io, Steps

__all__ = ["DEFAULT_MAX_HISTORY_TOKENS", "DEFAULT_MAX_SUMMARY_TOKENS", "Summarizer", "count_tokens"]

_logger = logging.getLogger(__name__)

# Conversations of the LoCoMo set have 24,000 tokens; a third leaves the last sessions word for word.
DEFAULT_MAX_HISTORY_TOKENS = 8_000
DEFAULT_MAX_SUMMARY_TOKENS = 500
# Beyond this many times `max_tokens` an answer has to wait for the summary: a thread that was imported, or one whose
# summaries failed.
HARD_LIMIT = 2
TOKENS_OF_A_MESSAGE = 3  # its role and what parts it from others, as LangChain counts
MAX_THREADS = 4_096


class Summarizer:
    """Decides when a thread is summarized, and does it. One object serves the nodes of one graph.

    A thread is summarized after an answer that took it over `max_tokens`, down to half of what the summary leaves of
    that, so that the next time is far away and the prompt begins with the same words until then. It is lossless: the
    model is shown every message that goes into a summary. The thread itself keeps all its messages.

    Args:
        model: The chat model that writes summaries, or the name of one.
        max_tokens: What the model sees of a thread, about: summary and messages.
        max_summary_tokens: What the summary may take of that.
        token_counter: Counts the tokens of messages; by default four characters are taken for a token.

    Raises:
        InvalidArgumentError: There is no room for messages beside the summary.

    Example:
        >>> from warmgraph.nodes import create_agent_node, create_summarize_node
        >>> summarizer = Summarizer("offline", max_tokens=2_000)
        >>> agent, summarize = create_agent_node("offline", summarizer=summarizer), create_summarize_node(summarizer)
    """

    def __init__(
        self,
        model: BaseChatModel | str,
        *,
        max_tokens: int = DEFAULT_MAX_HISTORY_TOKENS,
        max_summary_tokens: int = DEFAULT_MAX_SUMMARY_TOKENS,
        token_counter: TokenCounter | None = None,
    ) -> None:
        if not 0 < 2 * max_summary_tokens <= max_tokens:
            expected = f"between 1 and half of the {max_tokens} tokens of a thread"
            raise InvalidArgumentError("max_summary_tokens", expected=expected, got=max_summary_tokens)
        if isinstance(model, str):
            from warmgraph.models import create_chat_model

            model = create_chat_model(model)
        self._model = model
        self._cost: Callable[[Any], int] = count_tokens if token_counter is None else _one_by_one(token_counter)
        counter = self._cost_of_all
        self._limits = Limits(
            max_tokens, None, max_summary_tokens, counter, keep=(max_tokens - max_summary_tokens) // 2
        )
        self._prompts = HistoryPrompts(max_summary_tokens)
        self._window = RollingWindow(max_tokens=max_tokens, token_counter=counter)
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._lock = threading.Lock()

    def due(self, state: MemoryReads, visit: Visit) -> bool:
        """Whether the thread should be summarized, now that its answer is there.

        Without a thread id there is nothing to come back to, and nothing is.
        """
        return visit.thread_id is not None and self._tokens(state, visit) > self._limits.max_tokens

    def prepare(self, state: MemoryReads, visit: Visit, update: dict[str, Any]) -> Steps[list[AnyMessage]]:
        """Return what the model sees of the thread, for the call that is about to be made.

        Args:
            state: The state.
            visit: The run of the node.
            update: Gets a new summary where there has to be one, and what failed.
        """
        messages, summary = state.get("messages", []), state.get("running_summary")
        seen = condensed(messages, summary)
        try:
            if self._tokens(state, visit, seen) <= HARD_LIMIT * self._limits.max_tokens:
                return seen
            result = yield from self.summarize(state, visit)
        except Exception as error:
            update.setdefault("memory_errors", []).append(visit.failed(error, map(message_text, messages)))
            try:
                return self._window(seen)
            except Exception:  # it was the counter that failed
                return seen
        if result.running_summary is not None and result.running_summary != summary:
            update["running_summary"] = result.running_summary
        return list(result.messages)

    def summarize(self, state: MemoryReads, visit: Visit) -> Steps[SummarizationResult]:
        """Summarize the thread as far as that is due."""
        model = self._model
        # What a summary is made of must not be streamed to the user as if it were the answer.
        config = {**visit.config, "tags": [*(visit.config.get("tags") or ()), TAG_NOSTREAM]}
        return summarize_steps(
            state.get("messages", []),
            state.get("running_summary"),
            lambda prompt: Io(lambda: model.invoke(prompt, config), lambda: model.ainvoke(prompt, config)),  # type: ignore[arg-type]
            self._limits,
            self._prompts,
            lossless=True,
            warn=_logger.warning,
        )

    def _tokens(self, state: MemoryReads, visit: Visit, seen: Sequence[AnyMessage] | None = None) -> int:
        """Return what the model would see of the thread, in tokens: only what is new since the last time is counted.

        Args:
            state: The state.
            visit: The run of the node.
            seen: What the model would see, where that is known.
        """
        messages, summary = state.get("messages", []), state.get("running_summary")
        boundary = summary.get("last_summarized_message_id") if isinstance(summary, dict) else None
        thread, length = visit.thread_id, len(messages)
        known = self._tallies.get(thread) if thread is not None else None
        if (
            known is not None
            and known.boundary == boundary
            and 0 < known.length <= length
            and known.last == messages[known.length - 1].id
        ):
            tokens = known.tokens + sum(map(self._cost, messages[known.length :]))
        else:
            tokens = self._cost_of_all(condensed(messages, summary) if seen is None else seen)
        if thread is not None and length:
            with self._lock:
                self._tallies[thread] = _Tally(boundary, length, messages[-1].id, tokens)
                self._tallies.move_to_end(thread)
                if len(self._tallies) > MAX_THREADS:
                    self._tallies.popitem(last=False)
        return tokens

    def _cost_of_all(self, messages: Iterable[Any]) -> int:
        return sum(map(self._cost, messages))


def _one_by_one(count: TokenCounter) -> Callable[[Any], int]:
    return lambda message: count([message])


class _Tally(NamedTuple):
    """What was counted of a thread: up to which message, and since which summary."""

    boundary: str | None
    length: int
    last: str | None
    tokens: int


def count_tokens(message: BaseMessage) -> int:
    """Estimate the tokens of a message: four characters each, of its text, its tool calls and their arguments.

    Example:
        >>> from langchain_core.messages import AIMessage
        >>> count_tokens(AIMessage("I live in Lisbon."))
        8
    """
    content = message.content
    characters = len(content) if isinstance(content, str) else len(message_text(message))
    if message.type in ("ai", "AIMessageChunk"):
        for call in getattr(message, "tool_calls", ()):
            characters += len(call["name"]) + len(str(call["args"]))
    return TOKENS_OF_A_MESSAGE - (-characters // CHARS_PER_TOKEN)
