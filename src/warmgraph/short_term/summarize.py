"""Summarize a thread that outgrows its limit."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AnyMessage, BaseMessage, SystemMessage
from langchain_core.messages.utils import count_tokens_approximately, trim_messages

from warmgraph.short_term.chunks import Chunks, readable
from warmgraph.short_term.plan import Costs, Limits, Plan, TokenCounter, make_plan
from warmgraph.short_term.prompts import Prompts, TemplatePrompts
from warmgraph.short_term.summary import RunningSummary, SummarizationResult
from warmgraph.short_term.units import Unit, shown
from warmgraph.steps import Io, Steps, arun, run

if TYPE_CHECKING:
    from langchain_core.prompts.chat import ChatPromptTemplate

__all__ = ["Ask", "asummarize_messages", "summarize_messages", "summarize_steps"]

_logger = logging.getLogger(__name__)


def summarize_messages(
    messages: Sequence[AnyMessage],
    *,
    running_summary: RunningSummary | None,
    model: Any,
    max_tokens: int,
    max_tokens_before_summary: int | None = None,
    max_summary_tokens: int = 256,
    token_counter: TokenCounter = count_tokens_approximately,
    initial_summary_prompt: ChatPromptTemplate | None = None,
    existing_summary_prompt: ChatPromptTemplate | None = None,
    final_prompt: ChatPromptTemplate | None = None,
    lossless: bool = False,
) -> SummarizationResult:
    """Summarize the older part of a thread when it costs too much, and return what a model gets instead of it.

    That is a leading system message (which is never summarized), the summary, and the newer messages. It holds no call
    of a tool without its result and no result without its call, whatever the thread holds. The last human message is
    always in it, and no summary ever stands alone. It costs at most `max_tokens`: for that, older steps of the last
    turn are summarized too where they have to be, and a summary that is longer than was agreed is cut. Where the
    messages that have to be kept cost more by themselves, a `RuntimeWarning` tells the numbers.

    Args:
        messages: The thread. Each message needs an id.
        running_summary: What the last call returned, for the same thread; `None` at first. Messages that it knows are
            not looked at again, and the thread may have been edited or trimmed since.
        model: Anything with `invoke(list_of_messages)` that returns a message or a text. Bind a limit of its own to it
            to have it write summaries of a length.
        max_tokens: What the result may cost, and how much of a thread the model is shown at once.
        max_tokens_before_summary: What the messages that are in no summary may cost before one is due; `max_tokens`
            by default. More than that lets messages gather beyond `max_tokens` until then.
        max_summary_tokens: What of `max_tokens` is set aside for the summary.
        token_counter: Counts the tokens of a list of messages.
        initial_summary_prompt: Asks for the first summary; a template with `messages`.
        existing_summary_prompt: Asks for a later one; a template with `messages` and `existing_summary`.
        final_prompt: Shows the result; a template with `system_message`, `summary` and `messages`.
        lossless: Whether the model is shown every message that goes into the summary, in as many calls as that takes.
            By default it is called once, with the last `max_tokens` of them.

    Raises:
        InvalidArgumentError: `max_summary_tokens` is not less than `max_tokens`, a message has no id, or a new one has
            an id that was summarized already. A ValueError too.

    Example:
        >>> from langchain_core.messages import AIMessage, HumanMessage
        >>> from warmgraph.testing import ScriptedChatModel
        >>> thread = [HumanMessage("Hi, I'm Ana.", id="1"), AIMessage("Hello Ana!", id="2"), HumanMessage("Hm", id="3")]
        >>> result = summarize_messages(
        ...     thread,
        ...     running_summary=None,
        ...     model=ScriptedChatModel(script=["Ana introduced herself."]),
        ...     max_tokens=2,
        ...     max_summary_tokens=1,
        ...     token_counter=len,
        ... )
        >>> [message.content for message in result.messages]
        ['Summary of the conversation so far: Ana introduced herself.', 'Hm']
        >>> sorted(result.running_summary.summarized_message_ids)
        ['1', '2']
    """
    limits = Limits(max_tokens, max_tokens_before_summary, max_summary_tokens, token_counter)
    prompts = TemplatePrompts(initial_summary_prompt, existing_summary_prompt, final_prompt)
    return run(summarize_steps(messages, running_summary, _asking(model), limits, prompts, lossless=lossless))


async def asummarize_messages(
    messages: Sequence[AnyMessage],
    *,
    running_summary: RunningSummary | None,
    model: Any,
    max_tokens: int,
    max_tokens_before_summary: int | None = None,
    max_summary_tokens: int = 256,
    token_counter: TokenCounter = count_tokens_approximately,
    initial_summary_prompt: ChatPromptTemplate | None = None,
    existing_summary_prompt: ChatPromptTemplate | None = None,
    final_prompt: ChatPromptTemplate | None = None,
    lossless: bool = False,
) -> SummarizationResult:
    """Summarize as `summarize_messages` does, by `model.ainvoke`."""
    limits = Limits(max_tokens, max_tokens_before_summary, max_summary_tokens, token_counter)
    prompts = TemplatePrompts(initial_summary_prompt, existing_summary_prompt, final_prompt)
    return await arun(summarize_steps(messages, running_summary, _asking(model), limits, prompts, lossless=lossless))


Ask = Callable[[list[Any]], Io]
"""Calls a model with a prompt."""


def summarize_steps(
    messages: Sequence[AnyMessage],
    running_summary: object,
    ask: Ask,
    limits: Limits,
    prompts: Prompts,
    *,
    lossless: bool,
    warn: Callable[[str], None] = lambda said: warnings.warn(said, RuntimeWarning, stacklevel=5),
) -> Steps[SummarizationResult]:
    """Summarize, as steps: drive them with `run` or `arun`.

    Args:
        messages: The thread.
        running_summary: A `RunningSummary`, or what became of one in a checkpoint.
        ask: Calls the model.
        limits: The limits.
        prompts: What the model is asked.
        lossless: As in `summarize_messages`.
        warn: Is told what did not work out.
    """
    running = RunningSummary.of(running_summary)
    old = prompts.show([], running.summary, []) if running is not None else []
    known = {(message.type, str(message.content)) for message in old}
    plan = make_plan(
        messages,
        running,
        limits,
        Costs(limits.counter(old) if old else 0, limits.summary + _frame(limits, prompts)),
        lambda message: (message.type, str(message.content)) in known,
    )
    if plan.summarized:
        existing = running.summary if running is not None else None
        text = yield from _written(plan.summarized, existing, ask, limits, prompts, lossless)
        if text.strip():
            running = _extended(running, text, plan.summarized)
        else:  # what is in no summary must not get lost
            warn("the model answered with an empty summary: nothing was summarized")
            plan = Plan(plan.system, [], _in_order(messages, plan))
    return _result(plan, running, limits, prompts, warn)


def _asking(model: Any) -> Ask:
    return lambda prompt: Io(lambda: model.invoke(prompt), lambda: model.ainvoke(prompt))


def _written(
    units: Sequence[Unit], existing: str | None, ask: Ask, limits: Limits, prompts: Prompts, lossless: bool
) -> Steps[str]:
    """Have a summary written."""
    if not lossless:
        answer = yield ask(prompts.ask(_newest(readable(units), _room(limits, existing), limits.counter), existing))
        return _text(answer)
    chunks, text = Chunks(units, limits.counter), existing
    while chunks:
        answer = yield ask(prompts.ask(chunks.take(_room(limits, text)), text))
        if not _text(answer).strip():
            return ""
        text = _text(answer)
    return text or ""


def _frame(limits: Limits, prompts: Prompts) -> int:
    """Return what showing a summary costs beyond its own text."""
    return max(limits.counter(prompts.show([], "", [])) - limits.counter([SystemMessage("")]), 0)


def _room(limits: Limits, existing: str | None) -> int:
    """Return how much of a thread the model can be shown beside the summary so far."""
    return limits.max_tokens - (limits.counter([SystemMessage(existing)]) if existing is not None else 0)


def _newest(messages: list[AnyMessage], room: int, counter: TokenCounter) -> list[Any]:
    """Return the last messages that fit, from a human one on; all of them when that leaves none."""
    if sum(counter([message]) for message in messages) <= room:
        return messages
    newest = trim_messages(
        messages,
        max_tokens=room,
        token_counter=_counting(counter),
        start_on="human",
        strategy="last",
        allow_partial=True,
    )
    return newest or messages


def _counting(counter: TokenCounter) -> Callable[[list[BaseMessage]], int]:
    return lambda messages: counter(messages)  # trim_messages looks at annotations, and would count one at a time


def _extended(running: RunningSummary | None, text: str, units: Sequence[Unit]) -> RunningSummary:
    new = [message.id for unit in units for message in unit.messages if message.id is not None]
    known: Iterable[str] = running["summarized_message_ids"] if running is not None else ()
    return RunningSummary(text, [*known, *new], new[-1])


def _in_order(messages: Sequence[AnyMessage], plan: Plan) -> list[Unit]:
    place = {message.id: at for at, message in enumerate(messages)}
    return sorted([*plan.summarized, *plan.kept], key=lambda unit: place[unit.messages[0].id])


def _result(
    plan: Plan, running: RunningSummary | None, limits: Limits, prompts: Prompts, warn: Callable[[str], None]
) -> SummarizationResult:
    """Put together what a model gets."""
    kept = shown(plan.kept)
    whole = [*plan.system, *kept]
    if running is None or not kept:
        _warn_beyond(whole, limits, warn)
        return SummarizationResult(whole, running)
    together = prompts.show(plan.system, running.summary, kept)
    if limits.counter(together) > (limits.max_tokens if plan.summarized else limits.most):
        text = _shortened(running.summary, plan, kept, limits, prompts)
        if text is None and limits.counter(whole) <= limits.max_tokens:
            _logger.warning("the summary was left out: the kept messages leave none of %d tokens", limits.max_tokens)
            together = whole
        elif text is not None:
            together = prompts.show(plan.system, text, kept)
            if plan.summarized:
                running = RunningSummary(text, running["summarized_message_ids"], running.last_summarized_message_id)
    _warn_beyond(together, limits, warn)
    return SummarizationResult(together, running)


def _shortened(text: str, plan: Plan, kept: list[AnyMessage], limits: Limits, prompts: Prompts) -> str | None:
    """Return as much of a summary as there is room for; `None` when there is none."""

    def fits(length: int) -> bool:
        return limits.counter(prompts.show(plan.system, _cut_off(text, length), kept)) <= limits.max_tokens

    most, least = len(text), 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if fits(middle) else (least, middle - 1)
    return _cut_off(text, least) if least else None


def _cut_off(text: str, length: int) -> str:
    return text[:length].rstrip() if length < len(text) else text


def _warn_beyond(messages: list[AnyMessage], limits: Limits, warn: Callable[[str], None]) -> None:
    cost = limits.counter(messages)
    if cost > limits.most:
        warn(f"the {len(messages)} messages that have to be kept cost {cost} tokens, and max_tokens is {limits.most}")


def _text(answer: Any) -> str:
    if isinstance(answer, str):
        return answer
    return answer.text if isinstance(answer, BaseMessage) else str(answer.content)
