"""The newest messages of a thread that fit, with no tool call torn from its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.messages.utils import count_tokens_approximately

from warmgraph.errors import InvalidArgumentError
from warmgraph.short_term.plan import TokenCounter
from warmgraph.short_term.units import Unit, shown, split_units

__all__ = ["RollingWindow"]


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """Keeps the newest messages of a thread, without a model: what is older is left out.

    A leading system message and the last human message always stay. A call of tools stays or goes together with its
    results, and neither is shown without the other. Needs no ids and keeps no state.

    Args:
        max_tokens: What the messages may cost; `None` for any cost.
        max_messages: How many there may be, the system message not counted; `None` for any number.
        token_counter: Counts the tokens of a list of messages.
        start_on_human: Whether the window begins with a human message, which some providers demand.

    Raises:
        InvalidArgumentError: A limit is less than 1.

    Example:
        >>> from langchain_core.messages import AIMessage
        >>> thread = [HumanMessage("Hi!"), AIMessage("Hello!"), HumanMessage("Bye!"), AIMessage("Good-bye!")]
        >>> [message.content for message in RollingWindow(max_messages=3)(thread)]
        ['Bye!', 'Good-bye!']
    """

    max_tokens: int | None = None
    max_messages: int | None = None
    token_counter: TokenCounter = count_tokens_approximately
    start_on_human: bool = True

    def __post_init__(self) -> None:
        for name in ("max_tokens", "max_messages"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise InvalidArgumentError(name, expected="an integer >= 1, or None", got=limit)

    def __call__(self, messages: Sequence[AnyMessage]) -> list[AnyMessage]:
        """Return the window onto a thread, which is not changed."""
        system = list(messages[:1]) if messages and isinstance(messages[0], SystemMessage) else []
        units = [unit for unit in split_units(messages[len(system) :]) if unit.shown]
        humans = [at for at, unit in enumerate(units) if isinstance(unit.messages[0], HumanMessage)]
        if not humans:
            return [*system, *self._newest(units, system, [])]
        last = humans[-1]
        pinned = list(units[last].shown)
        if not self._fits(system, shown(units[last:])):
            return [*system, *pinned, *self._newest(units[last + 1 :], system, pinned)]
        begin = last
        while begin and self._fits(system, shown(units[begin - 1 :])):
            begin -= 1
        if self.start_on_human:
            begin = next(at for at in humans if at >= begin)
        return [*system, *shown(units[begin:])]

    def _newest(
        self, units: Sequence[Unit], system: Sequence[AnyMessage], pinned: Sequence[AnyMessage]
    ) -> list[AnyMessage]:
        begin = len(units)
        while begin and self._fits(system, [*pinned, *shown(units[begin - 1 :])]):
            begin -= 1
        return shown(units[begin:])

    def _fits(self, system: Sequence[AnyMessage], messages: Sequence[AnyMessage]) -> bool:
        if self.max_messages is not None and len(messages) > self.max_messages:
            return False
        return self.max_tokens is None or self.token_counter([*system, *messages]) <= self.max_tokens
