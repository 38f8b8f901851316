"""Times to live, on a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.store.base import PutOp

from tests.conformance.clients import Client
from warmgraph.errors import InvalidArgumentError
from warmgraph.testing import ManualClock

NS = ("t",)


@pytest.fixture
def mortal(make: Callable[..., Client], clock: ManualClock) -> Client:
    """Make a store whose items live for 10 minutes, and from then on for 10 more when they are read."""
    return make(ttl={"default_ttl": 10, "refresh_on_read": True}, clock=clock)


def sweep(client: Client) -> int:
    """Sweep, and return how many items were deleted."""
    swept: int = client.store.sweep_ttl()  # type: ignore[attr-defined]
    return swept


def test_an_item_expires(mortal: Client, clock: ManualClock) -> None:
    """An item that is not read is gone after its time: from get, from search, and from the listing."""
    mortal.put(NS, "k", {"n": 1})
    clock.advance(minutes=9.9)
    assert {"n": 1} == (mortal.get(NS, "k", refresh_ttl=False) or pytest.fail("expired early")).value
    clock.advance(minutes=0.1)
    assert mortal.get(NS, "k") is None
    assert [] == mortal.search(NS)
    assert [] == mortal.search(NS, query="anything")
    assert [] == mortal.list_namespaces()


def test_get_lets_an_item_live_on(mortal: Client, clock: ManualClock) -> None:
    """Each get starts the time anew, unless it says otherwise."""
    mortal.put(NS, "k", {"n": 1})
    for _ in range(3):
        clock.advance(minutes=9)
        assert mortal.get(NS, "k") is not None
    clock.advance(minutes=9)
    assert mortal.get(NS, "k", refresh_ttl=False) is not None
    clock.advance(minutes=2)
    assert mortal.get(NS, "k") is None


@pytest.mark.parametrize("query", [None, "words"])
def test_search_lets_what_it_returns_live_on(mortal: Client, clock: ManualClock, query: str | None) -> None:
    """A search starts the time of the items on its page anew, not of the others."""
    mortal.put(NS, "other", {"text": "peanuts"})
    mortal.put(NS, "found", {"text": "some words"})
    clock.advance(minutes=9)
    assert ["found"] == mortal.keys(NS, query=query, limit=1)
    clock.advance(minutes=9)
    assert ["found"] == mortal.keys(NS, query=query, limit=1, refresh_ttl=False)
    assert mortal.get(NS, "other") is None
    clock.advance(minutes=2)
    assert [] == mortal.search(NS, query=query)


def test_a_write_starts_the_time_anew(mortal: Client, clock: ManualClock) -> None:
    """Writing an item again lets it live for its whole time, and keeps when it was created."""
    mortal.put(NS, "k", {"n": 1})
    first = mortal.get(NS, "k")
    clock.advance(minutes=9)
    mortal.put(NS, "k", {"n": 2})
    clock.advance(minutes=9)
    second = mortal.get(NS, "k")
    assert first is not None
    assert second is not None
    assert (first.created_at, {"n": 2}) == (second.created_at, second.value)


def test_what_is_written_after_it_expired_is_new(mortal: Client, clock: ManualClock) -> None:
    """An item that had expired does not lend its creation time to the next of its name."""
    mortal.put(NS, "k", {"n": 1})
    clock.advance(minutes=11)
    mortal.put(NS, "k", {"n": 2})
    item = mortal.get(NS, "k")
    assert item is not None
    assert clock.now() == item.created_at


def test_each_item_may_have_its_own_time(mortal: Client, clock: ManualClock) -> None:
    """`ttl` of a put overrides the default; None is for ever."""
    mortal.put(NS, "short", {}, ttl=1)
    mortal.put(NS, "default", {})
    mortal.put(NS, "for ever", {}, ttl=None)
    clock.advance(minutes=2)
    assert {"default", "for ever"} == set(mortal.keys(NS, refresh_ttl=False))
    clock.advance(minutes=9)
    assert ["for ever"] == mortal.keys(NS)
    clock.advance(days=10_000)
    assert ["for ever"] == mortal.keys(NS)


def test_a_sweep_deletes_what_has_expired(mortal: Client, clock: ManualClock) -> None:
    """`sweep_ttl` counts what it deletes, and finds nothing a second time."""
    for n in range(5):
        mortal.put(NS, f"short{n}", {}, ttl=1)
    mortal.put(NS, "long", {}, ttl=100)
    assert 0 == sweep(mortal)
    clock.advance(minutes=2)
    assert 5 == sweep(mortal)
    assert 0 == sweep(mortal)
    assert ["long"] == mortal.keys(NS)


def test_an_expired_item_is_not_brought_back(mortal: Client, clock: ManualClock) -> None:
    """Reading an item too late does not refresh it."""
    mortal.put(NS, "k", {})
    clock.advance(minutes=10)
    assert mortal.get(NS, "k", refresh_ttl=True) is None
    assert [] == mortal.search(NS, refresh_ttl=True)
    assert mortal.get(NS, "k") is None
    assert 1 == sweep(mortal)


def test_reads_do_not_refresh_where_the_store_says_so(make: Callable[..., Client], clock: ManualClock) -> None:
    """`refresh_on_read=False` is the default of all reads; a read may still ask for it."""
    store = make(ttl={"default_ttl": 10, "refresh_on_read": False}, clock=clock)
    store.put(NS, "a", {})
    store.put(NS, "b", {})
    clock.advance(minutes=9)
    assert store.get(NS, "a") is not None
    assert ["b", "a"] == store.keys(NS)
    assert store.get(NS, "b", refresh_ttl=True) is not None
    clock.advance(minutes=2)
    assert ["b"] == store.keys(NS)


def test_pages_are_counted_without_what_has_expired(mortal: Client, clock: ManualClock) -> None:
    """An expired item takes no place on a page."""
    for key in ("a", "expired", "b", "c"):
        mortal.put(NS, key, {}, ttl=1 if key == "expired" else 10)
    clock.advance(minutes=2)
    assert ["c", "b"] == mortal.keys(NS, limit=2)
    assert ["a"] == mortal.keys(NS, limit=2, offset=2)


def test_without_a_configuration_items_may_expire_as_well(make: Callable[..., Client], clock: ManualClock) -> None:
    """A store without `ttl` takes times of single items, and refreshes them on reading."""
    store = make(clock=clock)
    store.put(NS, "k", {}, ttl=1 / 60)
    clock.advance(seconds=0.9)
    assert store.get(NS, "k") is not None
    clock.advance(seconds=0.9)
    assert store.get(NS, "k") is not None
    clock.advance(seconds=1)
    assert store.get(NS, "k") is None


def test_a_very_long_time_is_for_ever(make: Callable[..., Client], clock: ManualClock) -> None:
    """Times beyond all calendars are taken."""
    store = make(clock=clock)
    store.put(NS, "k", {"n": 1}, ttl=1e300)
    store.put(NS, "short", {}, ttl=1)
    assert {"n": 1} == store.value(NS, "k")
    clock.advance(days=100_000)
    assert ["k"] == store.keys(NS)


def test_a_bad_time_is_refused(make: Callable[..., Client]) -> None:
    """A time that is no number of minutes is an error that names the argument, and nothing is written."""
    store = make()
    times: list[Any] = [-1, float("nan"), float("inf"), "5", True]
    for ttl in times:
        with pytest.raises(InvalidArgumentError, match="ttl"):
            store.run([PutOp(NS, "k", {}, None, ttl)])
    assert store.get(NS, "k") is None
