"""Figures of the guide: read from the results of the benchmarks, each with where it stands there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from warmgraph.cli.failures import CommandError

__all__ = ["WRITTEN_AS", "Results", "bars"]

Shown: TypeAlias = Callable[[float], str]


class Results:
    """The result files of benchmarks.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Any] = {}

    def value(self, file: str, *path: str | int) -> float:
        """Return a figure.

        Args:
            file: The result file, without its ending.
            path: Where in its figures.

        Raises:
            CommandError: It is not there: the command that measures it is named.
        """
        found = self._file(file)["figures"]
        for step in path:
            try:
                found = found[int(step)] if isinstance(found, list) else found[step]
            except (KeyError, IndexError, TypeError, ValueError):
                where = "/".join(map(str, path))
                message = f"{self._folder / file}.json has no figure {where}: measure it anew, with `make results`"
                raise CommandError(message) from None
        return float(found)

    def has(self, file: str, *path: str | int) -> bool:
        """Whether there is a figure."""
        try:
            self.value(file, *path)
        except CommandError:
            return False
        return True

    def names(self, file: str, *path: str | int) -> list[str]:
        """Return the names of what is listed at a place, in its order."""
        found = self._file(file)["figures"]
        for step in path:
            found = found[step]
        return [str(each["name"]) for each in found]

    def show(self, how: str, file: str, *path: str | int) -> str:
        """Return a figure as HTML that says where it comes from.

        Args:
            how: How it is written: a key of `WRITTEN_AS`.
            file: As in `value`.
            path: As in `value`.
        """
        value = self.value(file, *path)
        source = escape(f"{file}.json#{'/'.join(map(str, path))}", quote=True)
        return f'<data value="{value!r}" title="{source}">{escape(WRITTEN_AS[how](value))}</data>'

    def setting(self, file: str, name: str) -> Any:
        """Return what a benchmark was run with."""
        found = self._file(file)
        return found.get("settings", {}).get(name)

    def environment(self, file: str) -> str:
        """Return where something was measured, in words."""
        found = self._file(file)["environment"]
        return f"Python {found['python']}, {found['system']} on {found['machine']}, {found['cores']} cores"

    def _file(self, name: str) -> Any:
        if name not in self._files:
            path = self._folder / f"{name}.json"
            try:
                self._files[name] = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise CommandError(f"{path}: no results of a benchmark: measure them with `make results`") from error
        return self._files[name]


def bars(results: Results, how: str, rows: Sequence[tuple[str, bool, tuple[str | int, ...]]], caption: str) -> str:
    """Return a chart of bars.

    Args:
        results: The results.
        how: Writes a figure.
        rows: Of each bar its label, whether it is ours, and file and path of its figure.
        caption: What is compared.

    Raises:
        CommandError: A figure is missing.
    """
    largest = max(results.value(str(path[0]), *path[1:]) for _, _, path in rows)
    lines = []
    for label, ours, (file, *path) in rows:
        value = results.value(str(file), *path)
        width = max(100 * value / largest, 0.4)
        lines.append(
            f'<li class="{"ours" if ours else "peer"}"><span class="label">{escape(label)}</span>'
            f'<span class="track"><span class="bar" style="width:{width:.2f}%"></span></span>'
            f'<span class="number">{results.show(how, str(file), *path)}</span></li>'
        )
    return f'<figure class="bars"><figcaption>{caption}</figcaption><ol>{"".join(lines)}</ol></figure>'


def _microseconds(value: float) -> str:
    """Write microseconds for people.

    >>> _microseconds(55.7), _microseconds(11_168.9)
    ('56 µs', '11.2 ms')
    """
    return f"{value:.0f} µs" if value < 1_000 else f"{value / 1_000:.1f} ms"


def _milliseconds(value: float) -> str:
    """Write milliseconds for people.

    >>> _milliseconds(0.3467), _milliseconds(7.36)
    ('0.35 ms', '7.4 ms')
    """
    return f"{value:.2f} ms" if value < 1 else f"{value:.1f} ms"


def _seconds(value: float) -> str:
    """Write seconds for people.

    >>> _seconds(0.0042), _seconds(0.31), _seconds(12.4)
    ('4.2 ms', '0.31 s', '12 s')
    """
    if value < 0.1:
        return f"{1_000 * value:.1f} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


WRITTEN_AS: Mapping[str, Shown] = MappingProxyType(
    {
        "bytes": "{:,.0f}".format,
        "gigabytes": lambda value: f"{value / 1e9:,.1f} GB",
        "megabytes": lambda value: f"{value / 1e6:,.0f} MB",
        "microseconds": _microseconds,
        "milliseconds": _milliseconds,
        "seconds": _seconds,
        "share": "{:.0%}".format,
        "tokens": "{:,.0f}".format,
    }
)
"""The ways in which figures are written."""
