"""What one comparison of stores found, and whether it clears its bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warmgraph.bench.race import Timing, cpu_ratio, ratio
from warmgraph.bench.report import Table

__all__ = ["Bar", "Outcome", "bars_table", "judged"]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a comparison has to show.

    Args:
        ours: Name of a timing.
        peer: Name of the timing it is compared with, or `None` for a bar in seconds.
        least: At least this many times as fast as the peer.
        most: At most this many times as long as the peer takes; or at most so many seconds.
    """

    ours: str
    peer: str | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One comparison.

    Args:
        name: Its key in the file of figures.
        title: What every runner did.
        timings: By the name of the runner, of each call.
        bars: What has to hold.
        items: Items that one call writes, by which its time is divided.
        waits: Whether the calls wait for the disk. Where they do not, bars are judged by the time on the wall or on
            the processor, whichever is less favourable.
    """

    name: str
    title: str
    timings: Mapping[str, Timing]
    bars: Sequence[Bar] = ()
    items: int = 1
    waits: bool = False

    @property
    def microseconds(self) -> dict[str, tuple[float, float]]:
        """The median and the 90th percentile of each runner, in microseconds an item."""
        scale = 1e6 / self.items
        return {name: (timing.p50 * scale, timing.p90 * scale) for name, timing in self.timings.items()}

    def table(self) -> Table:
        """Return the timings as a table. The first runner is what the others are compared with."""
        first = next(iter(self.timings.values()))
        rows = [
            [
                name,
                _number(p50),
                _number(p90),
                f"{ratio(self.timings[name], first):.2f}",
                _number(self.timings[name].cpu_p50 * 1e6 / self.items),
                f"{cpu_ratio(self.timings[name], first):.2f}",
            ]
            for name, (p50, p90) in self.microseconds.items()
        ]
        unit = "us" if self.items == 1 else "us an item"
        return Table([unit, "p50", "p90", "x the first", "processor", "x the first"], rows, title=self.title)

    def to_json(self) -> dict[str, Any]:
        """Return what goes to the file of figures."""
        return {
            name: {
                "p50_us": p50,
                "p90_us": p90,
                "processor_us": self.timings[name].cpu_p50 * 1e6 / self.items,
                "calls": len(self.timings[name].calls),
            }
            for name, (p50, p90) in self.microseconds.items()
        }


def judged(outcomes: Sequence[Outcome], *, apply: bool) -> list[dict[str, Any]]:
    """Compare with the bars.

    Args:
        outcomes: What was measured.
        apply: Whether the bars apply; else there is no verdict.

    Returns:
        For each bar what was compared, the ratio (or seconds) found, the bar, and the verdict: "met", "missed", or
        "not judged" where it does not apply or the peer is missing. "measured" is what is judged; "on_the_wall" the
        same by the clock alone.
    """
    found = []
    for outcome in outcomes:
        for bar in outcome.bars:
            on_the_wall, measured = _measured(outcome, bar)
            limit = bar.least if bar.least is not None else bar.most
            assert limit is not None
            missed = measured < limit if bar.least is not None else measured > limit
            found.append(
                {
                    "comparison": outcome.name,
                    "ours": bar.ours,
                    "peer": bar.peer,
                    "measured": measured,
                    "on_the_wall": on_the_wall,
                    "unit": "s" if bar.peer is None else "x as fast" if bar.least is not None else "x as long",
                    "bar": f"{'>=' if bar.least is not None else '<='} {limit:g}",
                    "verdict": "not judged" if not apply or math.isnan(measured) else "missed" if missed else "met",
                }
            )
    return found


def bars_table(verdicts: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Table:
    """Return verdicts as a table.

    Args:
        verdicts: As `judged` returns them.
        titles: Of the comparisons, by name.
    """
    rows = [
        [
            titles[verdict["comparison"]],
            f"{verdict['ours']} / {verdict['peer']}" if verdict["peer"] else verdict["ours"],
            "-" if math.isnan(verdict["on_the_wall"]) else f"{verdict['on_the_wall']:.2f}",
            "-" if math.isnan(verdict["measured"]) else f"{verdict['measured']:.2f} {verdict['unit']}",
            verdict["bar"],
            verdict["verdict"],
        ]
        for verdict in verdicts
    ]
    return Table(["", "ours / peer", "wall", "judged", "bar", "verdict"], rows, title="Bars")


def _measured(outcome: Outcome, bar: Bar) -> tuple[float, float]:
    """Return what a bar is about, by the clock on the wall, and by what counts."""
    ours = outcome.timings.get(bar.ours)
    peer = None if bar.peer is None else outcome.timings.get(bar.peer)
    if ours is None or (bar.peer is not None and peer is None):
        return math.nan, math.nan
    if peer is None:
        return ours.p50, ours.p50
    slower, faster = (peer, ours) if bar.least is not None else (ours, peer)
    wall = ratio(slower, faster)
    if outcome.waits:
        return wall, wall
    return wall, (min if bar.least is not None else max)(wall, cpu_ratio(slower, faster))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
