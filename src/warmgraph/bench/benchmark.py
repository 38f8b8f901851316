"""What a benchmark is."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass

from warmgraph.bench.report import Report

__all__ = ["Benchmark", "at_least_one"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A measurement that can be repeated: `warmgraph bench NAME`.

    Modules that define one import nothing heavy at their top: all of them are imported to print the help.

    Args:
        name: Its name on the command line.
        summary: One line for the list of benchmarks.
        description: What is measured, and how, for its help.
        configure: Adds its arguments.
        run: Measures. It may tell of its progress through the function that it gets, a line at a time.
    """

    name: str
    summary: str
    description: str
    configure: Callable[[ArgumentParser], None]
    run: Callable[[Namespace, Callable[[str], None]], Report]


def at_least_one(text: str) -> int:
    """Take a whole number from the command line: the `type` of an argument that counts something.

    Raises:
        ArgumentTypeError: It is no whole number, or below 1.

    Example:
        >>> at_least_one("20")
        20
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return number
