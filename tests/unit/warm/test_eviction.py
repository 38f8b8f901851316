"""Eviction policies: one set of rules for all, and what each of them prefers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.errors import InvalidArgumentError
from warmgraph.warm import EvictionPolicy, Fifo, Importance, Lfu, Lru, Sieve, create_policy_factory

POLICIES = ["fifo", "lru", "lfu", "sieve", "importance"]


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> EvictionPolicy:
    """Make each of the policies."""
    return create_policy_factory(request.param)(8)


def unknown(key: str) -> None:
    """Know nothing of any item."""


def evicted(policy: EvictionPolicy) -> Iterator[str]:
    """Evict until nothing is left."""
    while True:
        try:
            victim = policy.victim(unknown)
        except (StopIteration, ValueError, IndexError):
            return
        policy.discard(victim)
        yield victim


def test_every_policy_evicts_each_item_once(policy: EvictionPolicy) -> None:
    """A policy names everything that it was told of, and nothing twice."""
    for key in "abcde":
        policy.add(key)
    policy.add("b")
    policy.touch("c")
    assert sorted("abcde") == sorted(evicted(policy))


def test_no_policy_names_what_was_discarded(policy: EvictionPolicy) -> None:
    """An item that was deleted is no victim; unknown keys are ignored."""
    for key in "abc":
        policy.add(key)
    policy.discard("a")
    policy.discard("unknown")
    policy.touch("unknown")
    assert ["b", "c"] == sorted(evicted(policy))


@given(
    name=st.sampled_from(POLICIES),
    script=st.lists(st.tuples(st.sampled_from(["add", "touch", "discard", "victim"]), st.integers(0, 9)), max_size=80),
)
def test_no_sequence_confuses_a_policy(name: str, script: list[tuple[str, int]]) -> None:
    """Whatever happens, the victim is an item that is held."""
    policy = create_policy_factory(name)(4)
    held: set[str] = set()
    for action, number in script:
        key = str(number)
        if action == "add":
            policy.add(key)
            held.add(key)
        elif action == "touch":
            policy.touch(key)
        elif action == "discard":
            policy.discard(key)
            held.discard(key)
        elif held:
            assert policy.victim(unknown) in held
    assert held == set(evicted(policy))


def test_fifo_goes_by_the_last_write() -> None:
    """Reads do not count, writing again does."""
    policy = Fifo(3)
    for key in "abc":
        policy.add(key)
    policy.touch("a")
    policy.add("b")
    assert ["a", "c", "b"] == list(evicted(policy))


def test_lru_goes_by_the_last_use() -> None:
    """Reads and writes count alike."""
    policy = Lru(3)
    for key in "abc":
        policy.add(key)
    policy.touch("a")
    assert ["b", "c", "a"] == list(evicted(policy))


def test_lfu_goes_by_the_number_of_uses() -> None:
    """The least used goes first; among equals the one used longest ago."""
    policy = Lfu(3)
    for key in "abc":
        policy.add(key)
    for key in "aab":
        policy.touch(key)
    policy.add("d")
    assert ["c", "d", "b", "a"] == list(evicted(policy))


def test_sieve_spares_what_was_read_once() -> None:
    """The hand passes visited items, clears their mark, and goes on from there."""
    policy = Sieve(4)
    for key in "abcd":
        policy.add(key)
    policy.touch("a")
    policy.touch("b")
    assert "c" == policy.victim(unknown)
    policy.discard("c")
    policy.add("e")
    policy.touch("d")
    assert ["e", "a", "b", "d"] == list(evicted(policy))


def test_importance_weighs_age_against_what_matters() -> None:
    """An old item goes before a new one, unless it matters more."""
    policy = Importance(4)
    for key in ("old and dull", "old and weighty", "new 0", "new 1", "new 2", "new 3"):
        policy.add(key)
    weights = {"old and weighty": 1.0}
    assert "old and dull" == policy.victim(lambda key: weights.get(key, 0.0))
    policy.touch("old and dull")
    assert "new 0" == policy.victim(unknown)


def test_importance_that_is_not_known_yet_is_asked_for_again() -> None:
    """Until then an item counts as one of middling importance."""
    policy = Importance(4)
    for key in "abcd":
        policy.add(key)
    assert "a" == policy.victim(unknown)
    assert "b" == policy.victim({"a": 1.0, "b": 0.0}.get)
    assert "b" == policy.victim({"a": 0.0, "c": 0.0}.get)  # what is known is not asked for again
    policy.add("b")
    assert "c" == policy.victim({"b": 1.0}.get)


def test_importance_is_asked_for_once_while_nobody_knows() -> None:
    """One question tells that nobody has asked for words yet; when somebody has, all that waits is weighed."""
    policy = Importance(capacity=8)
    for number in range(64):
        policy.add(str(number))
    asked: list[str] = []
    for _ in range(3):
        assert "0" == policy.victim(lambda key: asked.append(key))
    assert [*map(str, range(64)), "0", "0"] == asked[:66]

    policy.add("new")
    assert "40" == policy.victim({**{str(number): 1.0 for number in range(64)}, "40": 0.0, "new": 1.0}.get)


def test_importance_survives_many_items() -> None:
    """Its arrays grow, and rows that are freed are used again."""
    policy = Importance(10)
    for n in range(100):
        policy.add(str(n))
        if n >= 10:
            policy.discard(policy.victim(lambda key: int(key) / 100))
    assert 10 == len(set(evicted(policy)))


@pytest.mark.parametrize("eviction", ["random", 5, None, lambda capacity: object(), Exception, lambda: Fifo(1)])
def test_what_makes_no_policy_is_refused(eviction: object) -> None:
    """A name that is unknown, or a factory of something else, is an error that names the argument."""
    with pytest.raises(InvalidArgumentError, match="eviction"):
        create_policy_factory(eviction)  # type: ignore[arg-type]
