"""The chart of how the cost of a search grows with the number of vectors."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from warmgraph.errors import MissingDependencyError

__all__ = ["draw_growth"]


def draw_growth(path: Path, found: Sequence[Mapping[str, Any]], power: float, figures: Mapping[str, Any]) -> None:
    """Draw median search times over the number of vectors, both logarithmic; the peers that were compared beside ours.

    Args:
        path: The file, .svg or .png; its directory is made if it is missing.
        found: The part growth.
        power: Its exponent.
        figures: All figures; comparisons among them give the peers' points.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OSError: The file cannot be written.
    """
    if find_spec("matplotlib") is None:
        raise MissingDependencyError("matplotlib", extra="bench")
    matplotlib: Any = importlib.import_module("matplotlib")
    figure_class: Any = importlib.import_module("matplotlib.figure").Figure
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": "warmgraph", "svg.fonttype": "none", "font.size": 8}):
        figure = figure_class(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        for name, points in _peers(figures).items():
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, linewidth=0.8, color="#94a3b8")
            axes.annotate(name, points[-1], xytext=(4, 0), textcoords="offset points", fontsize=7, color="#475569")
        sizes, times = [each["items"] for each in found], [each["p50_us"] for each in found]
        axes.plot(sizes, times, marker="o", linewidth=1.8, color="#c2410c", label=f"RoutedIndex, N^{power:.2f}")
        for each in found:
            axes.annotate(
                f"{each['recall']:.3f}",
                (each["items"], each["p50_us"]),
                xytext=(0, -11),
                textcoords="offset points",
                ha="center",
                fontsize=7,
                color="#c2410c",
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("vectors")
        axes.set_ylabel("median search, microseconds")
        axes.set_title("What a search costs; below each point of ours its recall@k", loc="left", fontsize=9)
        axes.legend(frameon=False, loc="upper left")
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})


def _peers(figures: Mapping[str, Any]) -> dict[str, list[tuple[int, float]]]:
    points: dict[str, list[tuple[int, float]]] = {}
    for key, outcomes in figures.items():
        if key.startswith("compare_"):
            for outcome in outcomes:
                if "warmgraph" not in outcome["name"]:
                    point = (int(key.removeprefix("compare_")), outcome["p50_us"])
                    points.setdefault(outcome["name"], []).append(point)
    return points
