"""Cases: items expire, on a clock that is moved by hand."""

from __future__ import annotations

from typing import Any

from langgraph.store.base import PutOp

from warmgraph.testing.conformance.client import Client
from warmgraph.testing.conformance.expect import equal, present, raises
from warmgraph.testing.conformance.registry import case
from warmgraph.testing.conformance.setting import Setting

NS = ("t",)


@case("ttl")
def an_item_expires(setting: Setting) -> None:
    """An item that is not read is gone after its time: from get, from search, and from the listing."""
    mortal, clock = setting.mortal(), setting.clock
    mortal.put(NS, "k", {"n": 1})
    clock.advance(minutes=9.9)
    equal({"n": 1}, present(mortal.get(NS, "k", refresh_ttl=False)).value)
    clock.advance(minutes=0.1)
    equal(None, mortal.get(NS, "k"))
    equal([], mortal.search(NS))
    equal([], mortal.search(NS, query="anything"))
    equal([], mortal.list_namespaces())


@case("ttl")
def get_lets_an_item_live_on(setting: Setting) -> None:
    """Each get starts the time anew, unless it says otherwise."""
    mortal, clock = setting.mortal(), setting.clock
    mortal.put(NS, "k", {"n": 1})
    for _ in range(3):
        clock.advance(minutes=9)
        present(mortal.get(NS, "k"))
    clock.advance(minutes=9)
    present(mortal.get(NS, "k", refresh_ttl=False))
    clock.advance(minutes=2)
    equal(None, mortal.get(NS, "k"))


@case("ttl")
def search_lets_what_it_returns_live_on(setting: Setting) -> None:
    """A search starts the time of the items on its page anew, not of the others."""
    _search_refreshes(setting, limit=1)


@case("ttl")
def a_filtered_search_lets_only_what_matches_live_on(setting: Setting) -> None:
    """What a filter leaves out is not refreshed."""
    _search_refreshes(setting, filter={"wanted": True})


@case("ttl", "words")
def a_ranked_search_lets_what_it_returns_live_on(setting: Setting) -> None:
    """A search with a query does as one without."""
    _search_refreshes(setting, query="words", limit=1)


@case("ttl")
def a_write_starts_the_time_anew(setting: Setting) -> None:
    """Writing an item again lets it live for its whole time, and keeps when it was created."""
    mortal, clock = setting.mortal(), setting.clock
    mortal.put(NS, "k", {"n": 1})
    first = present(mortal.get(NS, "k"))
    clock.advance(minutes=9)
    mortal.put(NS, "k", {"n": 2})
    clock.advance(minutes=9)
    second = present(mortal.get(NS, "k"))
    equal((first.created_at, {"n": 2}), (second.created_at, second.value))


@case("ttl")
def what_is_written_after_it_expired_is_new(setting: Setting) -> None:
    """An item that had expired does not lend its creation time to the next of its name."""
    mortal, clock = setting.mortal(), setting.clock
    mortal.put(NS, "k", {"n": 1})
    clock.advance(minutes=11)
    mortal.put(NS, "k", {"n": 2})
    item = present(mortal.get(NS, "k"))
    equal(clock.now(), item.created_at)


@case("ttl")
def each_item_may_have_its_own_time(setting: Setting) -> None:
    """`ttl` of a put overrides the default; None is for ever."""
    mortal, clock = setting.mortal(), setting.clock
    mortal.put(NS, "short", {}, ttl=1)
    mortal.put(NS, "default", {})
    mortal.put(NS, "for ever", {}, ttl=None)
    clock.advance(minutes=2)
    equal({"default", "for ever"}, set(mortal.keys(NS, refresh_ttl=False)))
    clock.advance(minutes=9)
    equal(["for ever"], mortal.keys(NS))
    clock.advance(days=10_000)
    equal(["for ever"], mortal.keys(NS))


@case("ttl")
def a_sweep_deletes_what_has_expired(setting: Setting) -> None:
    """`sweep_ttl` counts what it deletes, and finds nothing a second time."""
    mortal, clock = setting.mortal(), setting.clock
    for n in range(5):
        mortal.put(NS, f"short{n}", {}, ttl=1)
    mortal.put(NS, "long", {}, ttl=100)
    equal(0, _sweep(mortal))
    clock.advance(minutes=2)
    equal(5, _sweep(mortal))
    equal(0, _sweep(mortal))
    equal(["long"], mortal.keys(NS))


@case("ttl")
def an_expired_item_is_not_brought_back(setting: Setting) -> None:
    """Reading an item too late does not refresh it."""
    mortal, clock = setting.mortal(), setting.clock
    mortal.put(NS, "k", {})
    clock.advance(minutes=10)
    equal(None, mortal.get(NS, "k", refresh_ttl=True))
    equal([], mortal.search(NS, refresh_ttl=True))
    equal(None, mortal.get(NS, "k"))
    equal(1, _sweep(mortal))


@case("ttl")
def reads_do_not_refresh_where_the_store_says_so(setting: Setting) -> None:
    """`refresh_on_read=False` is the default of all reads; a read may still ask for it."""
    clock = setting.clock
    store = setting.store(ttl={"default_ttl": 10, "refresh_on_read": False}, clock=clock)
    store.put(NS, "a", {})
    store.put(NS, "b", {})
    clock.advance(minutes=9)
    present(store.get(NS, "a"))
    equal(["b", "a"], store.keys(NS))
    present(store.get(NS, "b", refresh_ttl=True))
    clock.advance(minutes=2)
    equal(["b"], store.keys(NS))


@case("ttl")
def pages_are_counted_without_what_has_expired(setting: Setting) -> None:
    """An expired item takes no place on a page."""
    mortal, clock = setting.mortal(), setting.clock
    for key in ("a", "expired", "b", "c"):
        mortal.put(NS, key, {}, ttl=1 if key == "expired" else 10)
    clock.advance(minutes=2)
    equal(["c", "b"], mortal.keys(NS, limit=2))
    equal(["a"], mortal.keys(NS, limit=2, offset=2))


@case("ttl")
def without_a_configuration_items_may_expire_as_well(setting: Setting) -> None:
    """A store without `ttl` takes times of single items, and refreshes them on reading."""
    clock = setting.clock
    store = setting.store(clock=clock)
    store.put(NS, "k", {}, ttl=1 / 60)
    clock.advance(seconds=0.9)
    present(store.get(NS, "k"))
    clock.advance(seconds=0.9)
    present(store.get(NS, "k"))
    clock.advance(seconds=1)
    equal(None, store.get(NS, "k"))


@case("ttl")
def a_very_long_time_is_for_ever(setting: Setting) -> None:
    """Times beyond all calendars are taken."""
    clock = setting.clock
    store = setting.store(clock=clock)
    store.put(NS, "k", {"n": 1}, ttl=1e300)
    store.put(NS, "short", {}, ttl=1)
    equal({"n": 1}, store.value(NS, "k"))
    clock.advance(days=100_000)
    equal(["k"], store.keys(NS))


@case("ttl")
def a_bad_time_is_refused(setting: Setting) -> None:
    """A time that is no number of minutes is an error that names the argument, and nothing is written."""
    store = setting.store()
    times: list[Any] = [-1, float("nan"), float("inf"), "5", True]
    for ttl in times:
        with raises(ValueError):
            store.run([PutOp(NS, "k", {}, None, ttl)])
    equal(None, store.get(NS, "k"))


@case("ttl", "index")
def pages_of_a_ranking_are_counted_without_what_has_expired(setting: Setting) -> None:
    """An expired item has no place in a ranking, though it would be the first."""
    clock = setting.clock
    store = setting.indexed(ttl={"default_ttl": 10, "refresh_on_read": False}, clock=clock)
    for key in ("a", "best", "b", "c"):
        store.put(NS, key, {"text": key}, ttl=1 if key == "best" else 10)
    clock.advance(minutes=2)
    pages = [store.keys(NS, query="best", limit=2, offset=offset) for offset in (0, 2)]
    equal([2, 1], [len(page) for page in pages])
    equal({"a", "b", "c"}, {key for page in pages for key in page})


def _search_refreshes(setting: Setting, **options: Any) -> None:
    mortal, clock = setting.mortal(), setting.clock
    mortal.put(NS, "other", {"text": "peanuts", "wanted": False})
    mortal.put(NS, "found", {"text": "some words", "wanted": True})
    clock.advance(minutes=9)
    equal(["found"], mortal.keys(NS, **options))
    clock.advance(minutes=9)
    equal(["found"], mortal.keys(NS, **options, refresh_ttl=False))
    equal(None, mortal.get(NS, "other"))
    clock.advance(minutes=2)
    equal([], mortal.search(NS, **options))


def _sweep(client: Client) -> int:
    """Sweep, and return how many items were deleted."""
    swept: int = client.store.sweep_ttl()  # type: ignore[attr-defined]
    return swept
