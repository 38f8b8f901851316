"""What of a thread is summarized now, and what is kept: a pure function of messages and limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from warmgraph.errors import InvalidArgumentError
from warmgraph.short_term.summary import RunningSummary
from warmgraph.short_term.units import Unit, shown, split_units

__all__ = ["Costs", "Limits", "Plan", "TokenCounter", "in_view", "make_plan"]

TokenCounter: TypeAlias = Callable[[list[Any]], int]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a thread a model gets.

    Args:
        max_tokens: What the system message, the summary and the kept messages may cost together.
        before: A summary is due once the messages that are in none cost that much; `None` for `max_tokens`.
        summary: What of `max_tokens` is set aside for the summary.
        keep: Summarize until the kept messages cost at most that; `None` to summarize the first `before` tokens and
            whatever else does not fit, as LangMem does.
        counter: Counts the tokens of messages.
    """

    max_tokens: int
    before: int | None
    summary: int
    counter: TokenCounter
    keep: int | None = None

    def __post_init__(self) -> None:
        if self.summary >= self.max_tokens:
            raise InvalidArgumentError(
                "max_summary_tokens", expected=f"less than max_tokens ({self.max_tokens})", got=self.summary
            )

    @property
    def due(self) -> int:
        """The tokens of new messages at which a summary is due."""
        return self.max_tokens if self.before is None else self.before

    @property
    def most(self) -> int:
        """What the output may cost: messages may gather beyond `max_tokens` where `before` says so."""
        return max(self.max_tokens, self.due)


@dataclass(frozen=True, slots=True)
class Costs:
    """What showing a summary costs, in tokens.

    Args:
        now: The summary so far; 0 without one.
        next: The one that would be written now, when it is as long as was agreed.
    """

    now: int
    next: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each part of a thread.

    Args:
        system: The leading system message, or nothing.
        summarized: Units to summarize now, oldest first.
        kept: Units to keep.
    """

    system: list[AnyMessage]
    summarized: list[Unit]
    kept: list[Unit]


def make_plan(
    messages: Sequence[AnyMessage],
    running: RunningSummary | None,
    limits: Limits,
    costs: Costs,
    is_old_summary: Callable[[AnyMessage], bool],
) -> Plan:
    """Decide what to summarize.

    The last human message is kept with all that follows it, and without any human message the last unit is.

    Args:
        messages: The thread.
        running: The summary so far.
        limits: The limits.
        costs: What showing a summary costs.
        is_old_summary: Tells the message that an earlier summarization put into the thread.

    Raises:
        InvalidArgumentError: A message that is in no summary yet has no id, or has the id of one that is.
    """
    rest = [message for message in messages if not is_old_summary(message)] if running is not None else list(messages)
    system = rest[:1] if rest and isinstance(rest[0], SystemMessage) else []
    rest = rest[len(system) :]
    fresh = _fresh(rest, running)
    units = split_units([rest[at] for at in in_view(rest, fresh)])
    anchor = _anchor(units)
    cut = _cut(units, anchor, system, limits, costs) if fresh else 0
    summarized, kept = _parted(units, anchor, cut)
    return Plan(system, summarized, kept)


def _parted(units: Sequence[Unit], anchor: int, cut: int) -> tuple[list[Unit], list[Unit]]:
    """Part units into those to summarize and those to keep; the one that has to be kept stays, whatever the cut."""
    if cut <= anchor:
        return list(units[:cut]), list(units[cut:])
    return [*units[:anchor], *units[anchor + 1 : cut]], [units[anchor], *units[cut:]]


def _fresh(rest: Sequence[AnyMessage], running: RunningSummary | None) -> list[int]:
    """Return where the messages stand that are in no summary yet."""
    ids = running.summarized_message_ids if running is not None else set()
    last = running.last_summarized_message_id if running is not None else None
    # Without the last one the thread was trimmed, and says nothing about where new messages begin.
    boundary = next((at for at, message in enumerate(rest) if message.id == last), len(rest)) if ids else len(rest)
    fresh: list[int] = []
    for at, message in enumerate(rest):
        if message.id is None:
            expected = "an id with each message (Messages are required to have ID field.)"
            raise InvalidArgumentError("messages", expected=expected, got=f"none at {at}")
        if message.id not in ids:
            fresh.append(at)
        elif at > boundary:
            expected = f"new ids at the end (Message with ID {message.id} has already been summarized.)"
            raise InvalidArgumentError("messages", expected=expected, got=message.id)
    return fresh


def in_view(rest: Sequence[AnyMessage], fresh: list[int]) -> list[int]:
    """Return the places of what a model sees of a thread.

    Args:
        rest: The thread, without its system message.
        fresh: The places of the messages that are in no summary.

    Returns:
        These, and what a model cannot do without beside them: the last human message, or else the last unit.
    """
    if any(isinstance(rest[at], HumanMessage) for at in fresh):
        return fresh
    for at in range(len(rest) - 1, -1, -1):
        if isinstance(rest[at], HumanMessage):
            return sorted({*fresh, at})
    if shown(split_units([rest[at] for at in fresh])):
        return fresh
    stop = len(rest)
    for unit in reversed(split_units(rest)):
        start = stop - len(unit.messages)
        if unit.shown:
            return sorted({*fresh, *range(start, stop)})
        stop = start
    return fresh


def _anchor(units: Sequence[Unit]) -> int:
    """Return the unit that has to be kept."""
    for at in range(len(units) - 1, -1, -1):
        if isinstance(units[at].messages[0], HumanMessage):
            return at
    return next((at for at in range(len(units) - 1, -1, -1) if units[at].shown), 0)


def _cut(units: Sequence[Unit], anchor: int, system: Sequence[AnyMessage], limits: Limits, costs: Costs) -> int:
    """Return the cut: units before it are summarized, but for the one that has to be kept."""
    new = [_cost(unit.messages, limits) for unit in units]
    total = sum(new)
    if total >= limits.due:
        keep = limits.keep
    elif limits.counter([*system, *shown(units)]) + costs.now <= limits.most:
        return 0
    else:  # a summary of its size and what is new exceed the limit together
        keep = (limits.max_tokens - costs.next - _cost(system, limits)) // 2 if limits.keep is None else limits.keep
    room = limits.max_tokens - costs.next - _cost(system, limits)
    left = sum(cost if unit.whole else _cost(unit.shown, limits) for unit, cost in zip(units, new, strict=True))
    seen = 0
    for cut in range(1, len(units) + 1):
        unit = units[cut - 1]
        seen += new[cut - 1]
        left -= new[cut - 1] if unit.whole else _cost(unit.shown, limits)
        if cut == anchor + 1:  # further on, the steps of the last turn are summarized too
            if _fits(units[anchor:], system, limits, costs.next if anchor else costs.now):
                return anchor
            continue
        # Down to a size of one's own, whole turns are kept.
        enough = seen >= limits.due if keep is None else total - seen <= keep and _begins_turn(units, cut)
        if cut <= anchor and not enough:
            continue
        # Counters round: what the parts cost is at most a token a message more than what they cost together.
        hopeless = left - (len(units) - cut) > room
        if not hopeless and _fits(_parted(units, anchor, cut)[1], system, limits, costs.next):
            return cut
    return anchor


def _begins_turn(units: Sequence[Unit], at: int) -> bool:
    return at < len(units) and isinstance(units[at].messages[0], HumanMessage)


def _fits(kept: Sequence[Unit], system: Sequence[AnyMessage], limits: Limits, summary: int) -> bool:
    return limits.counter([*system, *shown(kept)]) + summary <= limits.max_tokens


def _cost(messages: Sequence[AnyMessage], limits: Limits) -> int:
    return sum(limits.counter([message]) for message in messages)
