"""Races: every runner gets the same number of turns, and ratios are taken within a lap."""

from __future__ import annotations

from statistics import fmean

from warmgraph.bench.race import Timing, cpu_ratio, race, ratio


def test_every_runner_has_a_turn_in_each_lap() -> None:
    """No lap lacks a runner, and what is timed is what was called, the trial calls left out."""
    called: dict[str, list[int]] = {"one": [], "other": []}

    timings = race({name: numbers.append for name, numbers in called.items()}, laps=4, seconds=60)

    assert ["one", "other"] == list(timings)
    for name, timing in timings.items():
        assert [4, 4] == [len(timing.laps), len(timing.cpu)]
        assert 3 + len(timing.calls) == len(called[name])
        assert list(range(len(called[name]))) == called[name]
        assert 0 < timing.p50 <= timing.p90


def test_which_one_goes_first_changes_from_lap_to_lap() -> None:
    """None always runs in the caches that the same other left behind."""
    order: list[str] = []

    def note(name: str) -> None:
        if not order or order[-1] != name:
            order.append(name)

    race({name: lambda _, name=name: note(name) for name in "abc"}, laps=3, seconds=60)  # type: ignore[misc]

    # Trial calls in order, then three laps; neighbours that are the same were one turn after another.
    assert "abcabcbcacab" == "".join(order)


def test_a_race_without_time_left_still_has_three_laps() -> None:
    """A median of three is the least that says something; a race that may only have two has two."""
    runners = {"one": lambda number: number}

    assert 3 == len(race(runners, laps=100, seconds=0)["one"].laps)
    assert 2 == len(race(runners, laps=2, seconds=0)["one"].laps)


def test_what_stands_for_a_lap_can_be_chosen() -> None:
    """The value of a lap is made of its calls alone."""
    counts: list[int] = []

    def count(spent: object) -> float:
        assert isinstance(spent, list)
        counts.append(len(spent))
        return fmean(spent)

    timing = race({"one": lambda number: number}, laps=3, seconds=60, lap_value=count)["one"]

    assert len(timing.calls) == sum(counts)


def test_ratios_are_taken_lap_by_lap() -> None:
    """A lap in which the machine was slow is slow for both, and leaves the ratio as it is."""
    slower = Timing(laps=[2.0, 20.0, 9.0], cpu=[4.0, 40.0, 40.0])
    faster = Timing(laps=[1.0, 10.0, 3.0], cpu=[1.0, 10.0, 1.0])

    assert 2.0 == ratio(slower, faster)
    assert 4.0 == cpu_ratio(slower, faster)
