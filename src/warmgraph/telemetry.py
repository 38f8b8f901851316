"""Spans for OpenTelemetry, where the program has it; nothing where not.

A span has a name, a duration, and attributes that are numbers, flags or names of ours: no text of a memory, no id of a
user, and of an error its type alone, for messages quote.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeAlias

__all__ = ["Attribute", "Span", "is_traced", "span"]

Attribute: TypeAlias = bool | int | float | str
_MODULE = "opentelemetry.trace"


class Span:
    """A span that is being recorded, or would be."""

    __slots__ = ("_recorded",)

    def __init__(self, recorded: Any = None) -> None:
        self._recorded = recorded

    @property
    def recording(self) -> bool:
        """Whether anybody will see it."""
        return self._recorded is not None and bool(self._recorded.is_recording())

    def set(self, **attributes: Attribute | None) -> None:
        """Set attributes, under `warmgraph.`; those that are `None` are left out."""
        if self.recording:
            for name, value in attributes.items():
                if value is not None:
                    self._recorded.set_attribute(f"warmgraph.{name}", value)


_NOTHING = nullcontext(Span())


def is_traced() -> bool:
    """Whether anybody may receive spans.

    That OpenTelemetry is imported says little: LangSmith, which LangGraph brings, does so wherever it is installed.
    """
    trace = sys.modules.get(_MODULE)
    return trace is not None and not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def span(name: str, *, current: bool = True, **attributes: Attribute | None) -> AbstractContextManager[Span]:
    """Record a span around a block of code.

    Where nobody configured a provider of tracers nothing would receive it, and this costs a lookup.

    Args:
        name: Its name, under `warmgraph.`.
        current: Whether spans that begin within are its children; `False` in generators, which end in other contexts.
        attributes: Its first attributes.

    Example:
        >>> with span("recall", limit=10) as recorded:
        ...     recorded.set(items=3)
    """
    return _recorded(sys.modules[_MODULE], name, current, attributes) if is_traced() else _NOTHING


@contextmanager
def _recorded(trace: Any, name: str, current: bool, attributes: dict[str, Attribute | None]) -> Iterator[Span]:
    recorded = trace.get_tracer("warmgraph").start_span(f"warmgraph.{name}")
    found = Span(recorded)
    found.set(**attributes)
    try:
        if current and found.recording:
            with trace.use_span(recorded, record_exception=False, set_status_on_exception=False):
                yield found
        else:
            yield found
    except BaseException as error:
        if found.recording and isinstance(error, Exception):
            found.set(error=type(error).__name__)
            recorded.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        recorded.end()
