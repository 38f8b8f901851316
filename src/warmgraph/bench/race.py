"""Timing several ways to do the same by turns, so that what else the machine does slows all of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, process_time
from typing import TypeAlias

from warmgraph.bench.report import percentile

__all__ = ["Race", "Runner", "Timing", "cpu_ratio", "race", "ratio"]

Runner: TypeAlias = Callable[[int], object]
"""Does the thing once; gets the number of the call, from 0."""

# A turn of one runner. Long enough to get over what the one before left in the caches, short enough that the machine
# is the same for all of them.
_TURN_SECONDS = 0.004
_MOST_CALLS = 200
_LEAST_LAPS = 3


@dataclass(slots=True)
class Timing:
    """Seconds of one runner.

    Args:
        calls: Of each call.
        laps: What stands for each lap: its median or its mean.
        cpu: The mean of each lap in seconds of the processor, all threads of this process together.
    """

    calls: list[float] = field(default_factory=list)
    laps: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """The median call."""
        return percentile(self.calls, 0.5)

    @property
    def p90(self) -> float:
        """The call than which one in ten is slower."""
        return percentile(self.calls, 0.9)

    @property
    def cpu_p50(self) -> float:
        """The median lap, in seconds of the processor a call."""
        return percentile(self.cpu, 0.5)


Race: TypeAlias = Mapping[str, Timing]
"""Timings by the names of the runners; at the same place in `laps`, the same lap."""


def race(
    runners: Mapping[str, Runner],
    *,
    laps: int,
    seconds: float,
    lap_value: Callable[[Sequence[float]], float] = median,
) -> dict[str, Timing]:
    """Run all by turns, each some milliseconds in a lap, and time each call.

    Args:
        runners: By name.
        laps: Laps to run, after one that is not counted.
        seconds: Begin no further lap after this time; three are always run, if that many are asked for.
        lap_value: What stands for a lap: the median call, or the mean where the slow calls are part of the matter, as
            they are for "so many a second".

    Returns:
        The timings, in the order of the runners.
    """
    numbers = dict.fromkeys(runners, 0)
    names = list(runners)

    def turn(name: str, calls: int) -> list[float]:
        run, spent = runners[name], []
        for number in range(numbers[name], numbers[name] + calls):
            began = perf_counter()
            run(number)
            spent.append(perf_counter() - began)
        numbers[name] += calls
        return spent

    timings = {name: Timing() for name in names}
    gc.collect()
    gc.freeze()  # what is loaded by now is not walked by the collector in the middle of a lap
    try:
        calls = {name: _calls_of_a_turn([*turn(name, 1), *turn(name, 2)]) for name in names}
        began = perf_counter()
        for lap in range(laps):
            if lap >= _LEAST_LAPS and perf_counter() - began > seconds:
                break
            # Which one goes first changes from lap to lap: none always pays for what another left behind.
            for place in range(len(names)):
                name = names[(lap + place) % len(names)]
                before = process_time()
                spent = turn(name, calls[name])
                timings[name].cpu.append((process_time() - before) / calls[name])
                timings[name].calls += spent
                timings[name].laps.append(lap_value(spent))
    finally:
        gc.unfreeze()
    return timings


def ratio(slower: Timing, faster: Timing) -> float:
    """Return how many times as long one takes as the other: lap by lap, the median."""
    return percentile([mine / other for mine, other in zip(slower.laps, faster.laps, strict=True)], 0.5)


def cpu_ratio(slower: Timing, faster: Timing) -> float:
    """Return how many times as much of the processor one takes as the other: lap by lap, the median.

    On a busy machine a call of 50 milliseconds is interrupted every time and one of 50 microseconds hardly ever, so
    that taking turns is not enough to slow both alike. The processor's own count leaves the interruptions out.
    """
    return percentile([mine / max(other, 1e-9) for mine, other in zip(slower.cpu, faster.cpu, strict=True)], 0.5)


def _calls_of_a_turn(spent: Sequence[float]) -> int:
    return max(1, min(_MOST_CALLS, round(_TURN_SECONDS / max(min(spent), 1e-9))))
