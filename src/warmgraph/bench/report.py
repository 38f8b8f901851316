"""What a benchmark found: tables for people, figures for files."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unicodedata import combining, east_asian_width

__all__ = ["Report", "Table", "display_width", "environment", "percentile", "write_json"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text: the first column to the left, all others to the right.

    Args:
        columns: Headings.
        rows: Cells, as they are shown.
        title: A line above.
        note: Lines below.

    Example:
        >>> print(Table(["graph", "ms"], [["bare", "1.20"], ["memory", "1.41"]], title="One turn").render())
        One turn
          graph     ms
          ------  ----
          bare    1.20
          memory  1.41
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    note: str = ""

    def render(self) -> str:
        """Return the table as lines of text, without a line break at its end."""
        widths = [max(map(display_width, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        lines = [self.title] if self.title else []
        for cells in (self.columns, ["-" * width for width in widths], *self.rows):
            padded = [
                f"{cell}{' ' * (width - display_width(cell))}"
                if at == 0
                else f"{' ' * (width - display_width(cell))}{cell}"
                for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append(f"  {'  '.join(padded)}".rstrip())
        lines += [f"  {line}" for line in self.note.splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one benchmark.

    Args:
        name: Name of the benchmark.
        settings: What it was run with; enough to run it again.
        figures: What it measured. Keys name the unit (`..._ms`, `..._ratio`).
        tables: The same for people.
        conclusion: One line that says what came out.
    """

    name: str
    settings: Mapping[str, Any]
    figures: Mapping[str, Any]
    tables: Sequence[Table] = ()
    conclusion: str = ""

    def render(self) -> str:
        """Return the report as text."""
        parts = [table.render() for table in self.tables]
        return "\n\n".join([*parts, self.conclusion] if self.conclusion else parts)

    def to_json(self) -> dict[str, Any]:
        """Return what is written to a file: settings, environment and figures."""
        return {
            "benchmark": self.name,
            "settings": dict(self.settings),
            "environment": environment(),
            "figures": dict(self.figures),
        }


def environment() -> dict[str, Any]:
    """Return what a figure depends on besides the code: versions and cores, and nothing that names a machine.

    Example:
        >>> sorted(environment())
        ['cores', 'langchain-core', 'langgraph', 'machine', 'numpy', 'python', 'system', 'warmgraph']
    """
    packages = ("warmgraph", "langgraph", "langchain-core", "numpy")
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        **{package: version(package) for package in packages},
    }


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures to a file, readable and with floats cut to what a measurement means.

    Args:
        path: The file; its directory is made if it is missing.
        figures: What JSON can hold.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(figures), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of all values lies, interpolated; NaN of none.

    Args:
        values: In any order.
        share: In [0, 1]; .5 is the median.

    Example:
        >>> percentile([4.0, 1.0, 2.0, 3.0], 0.5)
        2.5
    """
    if not values:
        return math.nan
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (place - below)


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    Example:
        >>> [display_width(text) for text in ("Tomé", "住在", "e\u0301")]
        [4, 4, 1]
    """
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
