"""What cases say of a store. Not `assert`, which says nothing in an installed package, and less under `python -O`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["close", "equal", "holds", "present", "raises"]

T = TypeVar("T")
TOLERANCE = 1e-3  # of scores: what single precision and another order of summation may do


def equal(expected: object, actual: object) -> None:
    """Expect a value."""
    if not expected == actual:
        raise AssertionError(f"expected {_short(expected)}, got {_short(actual)}")


def close(expected: Any, actual: Any) -> None:
    """Expect a score, or scores by key, up to rounding."""
    if isinstance(expected, Mapping):
        equal(set(expected), set(actual))
        pairs: Sequence[tuple[Any, Any]] = [(expected[key], actual[key]) for key in expected]
    else:
        pairs = [(expected, actual)]
    if any(score is None or not abs(wanted - score) <= TOLERANCE for wanted, score in pairs):
        raise AssertionError(f"expected about {_short(expected)}, got {_short(actual)}")


def holds(condition: bool, expected: str) -> None:
    """Expect something that is said in words."""
    if not condition:
        raise AssertionError(f"expected {expected}")


def present(value: T | None) -> T:
    """Expect that there is something, and return it."""
    if value is None:
        raise AssertionError("expected an item, got None")
    return value


@contextmanager
def raises(kinds: type[Exception] | tuple[type[Exception], ...], match: str = "") -> Iterator[None]:
    """Expect an error of a kind, with a message that matches a pattern."""
    try:
        yield
    except kinds as error:
        if not re.search(match, str(error)):
            raise AssertionError(f"expected an error that says {match!r}, got {error!r}") from error
    else:
        names = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
        raise AssertionError(f"expected {names}, but nothing was raised")


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 300 else f"{shown[:300]}..."
