"""Charts of what a benchmark found, the same bytes for the same figures."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from warmgraph.errors import InvalidArgumentError, MissingDependencyError

__all__ = ["Panel", "check_chart", "write_chart"]

_OURS, _PEERS = "#c2410c", "#94a3b8"
_INCHES_A_BAR = 0.27
_FORMATS = (".svg", ".png")


@dataclass(frozen=True, slots=True)
class Panel:
    """One group of bars.

    Args:
        title: Above it.
        unit: Of the numbers.
        bars: A number for each label, from top to bottom; more than 0 where the scale is logarithmic.
        ours: The labels that are set off from the others.
        log: Whether the scale is logarithmic; shares are better drawn on one that begins at 0.
    """

    title: str
    unit: str
    bars: Mapping[str, float]
    ours: Sequence[str] = ()
    log: bool = True


def check_chart(path: Path) -> None:
    """Find out whether a chart can be written, before an hour is spent on what it shows.

    Raises:
        InvalidArgumentError: The name ends in no format that is known.
        MissingDependencyError: matplotlib is not installed.
    """
    if path.suffix not in _FORMATS:
        raise InvalidArgumentError("path", expected=f"a name that ends in {' or '.join(_FORMATS)}", got=str(path))
    if find_spec("matplotlib") is None:
        raise MissingDependencyError("matplotlib", extra="bench")


def write_chart(path: Path, title: str, panels: Sequence[Panel], note: str = "") -> None:
    """Draw panels below each other, without a date or anything else that changes from one drawing to the next.

    Args:
        path: The file, .svg or .png; its directory is made if it is missing.
        title: Above all.
        panels: From top to bottom, in two columns.
        note: Below all.

    Raises:
        As `check_chart`; OSError, if the file cannot be written.
    """
    check_chart(path)
    matplotlib: Any = importlib.import_module("matplotlib")
    figure_class: Any = importlib.import_module("matplotlib.figure").Figure
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = min(2, len(panels))
    lines = [panels[at : at + columns] for at in range(0, len(panels), columns)]
    heights = [max(len(panel.bars) for panel in line) + 3.2 for line in lines]
    # Ids within an SVG are hashes of this salt, which is random otherwise; text stays text.
    style = {"svg.hashsalt": "warmgraph", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 8}
    with matplotlib.rc_context(style):
        figure = figure_class(figsize=(6.2 * columns, _INCHES_A_BAR * sum(heights) + 0.6), layout="constrained")
        figure.suptitle(title, fontsize=11)
        if note:
            figure.supxlabel(note, fontsize=7)
        grid = figure.subplots(len(lines), columns, squeeze=False, height_ratios=heights)
        for line, axes_of_line in zip(lines, grid, strict=True):
            for axes in axes_of_line[len(line) :]:
                axes.set_axis_off()
            for panel, axes in zip(line, axes_of_line, strict=False):
                _draw(axes, panel)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})


def _draw(axes: Any, panel: Panel) -> None:
    labels, numbers = list(panel.bars), list(panel.bars.values())
    colours = [_OURS if label in panel.ours else _PEERS for label in labels]
    drawn = axes.barh(range(len(labels)), numbers, color=colours, height=0.72)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    if panel.log:
        axes.set_xscale("log")
        axes.minorticks_off()  # they were four fifths of the file
        axes.set_xlim(min(numbers) / 3, max(numbers) * 6)
    else:
        axes.set_xlim(0, max(numbers) * 1.15)
    axes.set_title(panel.title, loc="left", fontsize=9)
    axes.set_xlabel(panel.unit, fontsize=7)
    axes.bar_label(drawn, [_number(number) for number in numbers], padding=3, fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
