"""Operations that overtake each other on their way between the tiers."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.warm import Flights


def test_an_operation_alone_may_keep_its_value() -> None:
    """A read or a write that met nobody is believed."""
    flights = Flights()
    for write in (False, True):
        generation = flights.enter("k", write=write)
        assert flights.leave("k", generation, write=write)


def test_two_reads_may_both_keep_their_value() -> None:
    """Reads do not disturb each other."""
    flights = Flights()
    first, second = flights.enter("k", write=False), flights.enter("k", write=False)
    assert flights.leave("k", first, write=False)
    assert flights.leave("k", second, write=False)


@pytest.mark.parametrize("read_first", [True, False])
@pytest.mark.parametrize("read_lands_first", [True, False])
def test_a_read_beside_a_write_is_not_believed(read_first: bool, read_lands_first: bool) -> None:
    """Whichever began and whichever ended first, the read may have seen the old value; the write is right."""
    flights = Flights()
    order = (False, True) if read_first else (True, False)
    generations = {write: flights.enter("k", write=write) for write in order}
    landing = (False, True) if read_lands_first else (True, False)
    kept = {write: flights.leave("k", generations[write], write=write) for write in landing}
    assert {False: False, True: True} == kept


@pytest.mark.parametrize("first_lands_first", [True, False])
def test_of_two_writes_at_once_neither_is_believed(first_lands_first: bool) -> None:
    """Nobody knows which of two writes came last in the long-term tier."""
    flights = Flights()
    generations = [flights.enter("k", write=True) for _ in range(2)]
    order = (0, 1) if first_lands_first else (1, 0)
    assert [False, False] == [flights.leave("k", generations[n], write=True) for n in order]


def test_a_write_after_others_have_landed_is_believed() -> None:
    """What is over does not count."""
    flights = Flights()
    first, second = flights.enter("k", write=True), flights.enter("k", write=True)
    flights.leave("k", first, write=True)
    flights.leave("k", second, write=True)
    third = flights.enter("k", write=True)
    assert flights.leave("k", third, write=True)


def test_keys_are_independent() -> None:
    """A write of one key does not touch another."""
    flights = Flights()
    read = flights.enter("a", write=False)
    write = flights.enter("b", write=True)
    assert flights.leave("a", read, write=False)
    assert flights.leave("b", write, write=True)


def test_somebody_elses_write_overtakes_everything() -> None:
    """Neither reads nor writes that are under way are believed when another process wrote the key."""
    for write, everything in product((False, True), (False, True)):
        flights = Flights()
        generation = flights.enter("k", write=write)
        flights.overtake_all() if everything else flights.overtake("k")
        assert not flights.leave("k", generation, write=write)
    flights.overtake("nothing under way")


class Operation:
    """A read or a write on its way: it begins, it is done in the long-term tier, it lands."""

    def __init__(self, flights: Flights, write: bool, value: int) -> None:
        self.write = write
        self.value = value  # of a write: what it writes; of a read: what it saw
        self.generation = flights.enter("k", write=write)
        self.done = False


@given(st.lists(st.tuples(st.sampled_from(["read", "write", "do", "land"]), st.integers(0, 4)), max_size=40))
def test_what_is_kept_is_what_the_long_term_tier_holds(script: list[tuple[str, int]]) -> None:
    """Under any interleaving of reads and writes of one key, nothing stale is warm when all have landed."""
    flights = Flights()
    long_term, warm = 0, None
    under_way: list[Operation] = []
    script = [*script, *[("do", n) for n in range(40)], *[("land", 0)] * 40]
    for step, (action, number) in enumerate(script, start=1):
        waiting = [each for each in under_way if each.done == (action == "land")]
        if action in ("read", "write"):
            under_way.append(Operation(flights, action == "write", step))
            warm = None if action == "write" else warm
        elif action == "do" and waiting:
            operation = waiting[number % len(waiting)]
            operation.done = True
            if operation.write:
                long_term = operation.value
            else:
                operation.value = long_term
        elif action == "land" and waiting:
            operation = waiting[number % len(waiting)]
            under_way.remove(operation)
            if flights.leave("k", operation.generation, write=operation.write):
                warm = operation.value
            elif operation.write:
                warm = None
    assert [] == under_way
    assert warm in (None, long_term)
    assert 0 == len(flights)
