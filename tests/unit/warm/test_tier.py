"""The warm tier: bounds, and what its listener hears."""

from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from warmgraph.warm import Fifo, Importance, ImportanceOf, Lru, PolicyFactory, WarmItem, WarmTier

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
A, B, C = ("a",), ("b",), ("c",)


class Notes:
    """Keeps the set of warm items by what it hears, as the indexes do."""

    def __init__(self) -> None:
        self.warm: set[tuple[tuple[str, ...], str]] = set()
        self.gone: list[str] = []

    def warmed(self, namespace: tuple[str, ...], key: str) -> None:
        """Note it."""
        self.warm.add((namespace, key))

    def cooled(self, namespace: tuple[str, ...], key: str, *, gone: bool) -> None:
        """Note it."""
        self.warm.discard((namespace, key))
        self.gone += [key] * gone

    def dropped(self, namespace: tuple[str, ...]) -> None:
        """Note it."""
        self.warm = {place for place in self.warm if place[0] != namespace}

    def importance(self, namespace: tuple[str, ...], key: str) -> float:
        """Find all alike."""
        return 0.5


def item(size: int = 10, ttl: float | None = None, expires: float = float("inf")) -> WarmItem:
    """Make an item."""
    return WarmItem({"size": size}, NOW, NOW, size, ttl, expires)


def tier(
    *, capacity: int = 3, max_namespaces: int = 10, max_bytes: int = 1000, policy: PolicyFactory = Lru
) -> tuple[WarmTier, Notes]:
    """Make a tier."""
    notes = Notes()
    return WarmTier(notes, policy, capacity=capacity, max_namespaces=max_namespaces, max_bytes=max_bytes), notes


def held(tier: WarmTier) -> set[tuple[tuple[str, ...], str]]:
    """Return all that is warm."""
    return {(namespace, key) for namespace in tier.namespaces() for key in tier.warm_keys(namespace)}


def test_a_full_namespace_evicts_from_itself_alone() -> None:
    """One tenant never evicts another's items by their number."""
    warm, notes = tier(capacity=2)
    warm.put(B, "b", item())
    for key in "1234":
        warm.put(A, key, item())
    assert {(B, "b"), (A, "3"), (A, "4")} == held(warm) == notes.warm
    assert ["1", "2"] == notes.gone
    assert 2 == warm.evictions


def test_a_read_counts_as_use_of_item_and_namespace() -> None:
    """What is read stays, with its namespace."""
    warm, _ = tier(capacity=2, max_namespaces=2)
    warm.put(A, "1", item())
    warm.put(A, "2", item())
    warm.get(A, "1", 0)
    warm.put(A, "3", item())
    assert {"1", "3"} == set(warm.warm_keys(A))
    warm.put(B, "1", item())
    warm.get(A, "1", 0)
    warm.put(C, "1", item())
    assert [A, C] == warm.namespaces()


def test_too_many_namespaces_drop_the_least_recently_used() -> None:
    """Namespaces in RAM are bounded in number."""
    warm, notes = tier(max_namespaces=2)
    for namespace in (A, B, C):
        warm.put(namespace, "k", item())
    assert [B, C] == warm.namespaces()
    assert {(B, "k"), (C, "k")} == notes.warm


def test_too_many_bytes_drop_the_least_recently_used() -> None:
    """Bytes are bounded over all namespaces, and the newest item stays."""
    warm, notes = tier(max_bytes=100)
    warm.put(A, "1", item(60))
    warm.put(B, "1", item(60))
    assert {(B, "1")} == held(warm) == notes.warm
    warm.put(B, "2", item(60))
    assert {(B, "2")} == held(warm)
    assert 60 == warm.bytes


def test_an_item_larger_than_the_tier_drives_nobody_out() -> None:
    """What cannot be kept is not kept, and everything else stays."""
    warm, notes = tier(max_bytes=100)
    warm.put(A, "1", item(40))
    warm.put(B, "1", item(40))
    warm.put(B, "1", item(101))
    assert {(A, "1")} == held(warm) == notes.warm
    assert ["1"] == notes.gone
    warm._check()


def test_writing_again_counts_the_new_size() -> None:
    """Bytes follow the items."""
    warm, _ = tier()
    warm.put(A, "1", item(50))
    warm.put(A, "1", item(20))
    assert 20 == warm.bytes
    warm.discard(A, "1")
    assert 0 == warm.bytes
    assert [] == warm.namespaces()


def test_an_expired_item_is_not_warm() -> None:
    """An item is there until the moment of its expiry, and may then be cleared away."""
    warm, notes = tier()
    warm.put(A, "1", item(expires=10))
    warm.put(A, "2", item())
    assert warm.get(A, "1", 9.9) is not None
    assert warm.get(A, "1", 10) is None
    assert 0 == warm.expire(10, B)
    assert 1 == warm.expire(10, A)
    assert 0 == warm.expire(10)
    assert {(A, "2")} == held(warm) == notes.warm
    assert 0 == warm.evictions


def test_a_renewed_item_lives_for_its_whole_time() -> None:
    """Renewing moves the expiry away, never closer, and only where there is one."""
    warm, _ = tier()
    warm.put(A, "1", item(ttl=1, expires=100))
    warm.put(A, "2", item())
    assert 100 == warm.renew(A, "1", 0)
    assert 130 == warm.renew(A, "1", 70)
    assert warm.renew(A, "2", 70) is None
    assert warm.renew(B, "1", 70) is None


def test_an_expiry_that_hardly_moves_is_left_alone() -> None:
    """Only a renewal that adds half of the time to live is worth writing down."""
    warm, _ = tier()
    warm.put(A, "1", item(ttl=10, expires=600))
    warm.put(A, "2", item())
    assert {} == warm.to_renew(A, ["1", "2", "3"], 300)
    assert {"1": 600} == warm.to_renew(A, ["1", "2", "3"], 301)
    assert {} == warm.to_renew(B, ["1"], 301)


def test_what_a_write_touches_is_not_warm_until_it_landed() -> None:
    """Between its beginning and its end a write hides the old value."""
    warm, notes = tier()
    warm.put(A, "1", item(1))
    flight = warm.begin(A, ["1"], write=True)
    assert warm.get(A, "1", 0) is None
    assert set() == notes.warm
    assert warm.land(A, "1", flight["1"], item(2), write=True)
    found = warm.get(A, "1", 0)
    assert found is not None
    assert 2 == found.size


def test_a_failed_write_leaves_nothing_warm() -> None:
    """Nobody knows what the long-term tier holds after it."""
    warm, _ = tier()
    warm.put(A, "1", item())
    flight = warm.begin(A, ["1"], write=True)
    warm.land(A, "1", flight["1"], None, write=True)
    assert set() == held(warm)
    assert [] == warm.namespaces()


def test_somebody_elses_write_makes_an_item_cold() -> None:
    """What is warm goes, and what is on its way does not arrive; its neighbours do."""
    warm, _ = tier()
    warm.put(A, "1", item())
    flight = warm.begin(A, ["1", "2"], write=False)
    warm.overtake(A, "1")
    assert not warm.land(A, "1", flight["1"], item(), write=False)
    assert warm.land(A, "2", flight["2"], item(), write=False)
    assert {(A, "2")} == held(warm)
    flight = warm.begin(A, ["3"], write=False)
    warm.overtake_all()
    assert not warm.land(A, "3", flight["3"], item(), write=False)
    assert set() == held(warm)


def test_a_namespace_is_bounded_by_bytes_of_its_own() -> None:
    """Its items are evicted beyond; those of others are not, and what alone is too large is never warm."""
    warm = WarmTier(Notes(), Fifo, capacity=10, max_namespaces=10, max_bytes=100, max_namespace_bytes=25)
    warm.put(B, "other", item(20))
    for key in "123":
        warm.put(A, key, item(10))
    assert {"2", "3"} == set(warm.warm_keys(A))
    warm.put(A, "too large", item(26))
    assert {"2", "3"} == set(warm.warm_keys(A))
    assert ["other"] == warm.warm_keys(B)
    warm._check()


def test_a_resident_namespace_stays_when_it_is_empty() -> None:
    """That the best of a namespace was loaded is remembered, even if that was nothing."""
    warm, _ = tier()
    assert not warm.resident(A)
    warm.open(A)
    assert warm.resident(A)
    warm.put(A, "1", item())
    warm.discard(A, "1")
    assert warm.resident(A)
    warm.drop(A)
    assert not warm.resident(A)


def test_what_is_loaded_is_as_old_as_its_write() -> None:
    """Not its loading but its write says how recent an item is, and what is written meanwhile is newer."""
    warm, _ = tier(capacity=3)
    for key in ("written", "loaded", "meanwhile"):
        warm.put(A, key, item())
    warm.open(A, ["loaded", "gone", "written"])
    for new, oldest in (("1", "loaded"), ("2", "written"), ("3", "meanwhile")):
        warm.put(A, new, item())
        assert oldest not in warm.warm_keys(A)
    warm._check()


def test_only_what_is_kept_stays() -> None:
    """The others are evicted, and counted; keys that are not warm are nobody's business."""
    warm, _ = tier()
    for key in "123":
        warm.put(A, key, item())
    warm.keep(A, ["2", "unknown"])
    assert (["2"], 2) == (warm.warm_keys(A), warm.evictions)
    warm.keep(B, ["2"])
    warm._check()


def test_a_policy_says_what_importance_weighs() -> None:
    """Nothing, for one that does not say, whether it has items or not."""
    for policy, weight in ((Fifo, 0.0), (Importance, 0.5)):
        warm, _ = tier(policy=policy)
        assert weight == warm.importance_weight(A)
        warm.put(A, "1", item())
        assert weight == warm.importance_weight(A)


class Forgetful(Fifo):
    """A policy with a fault: it names a stranger, again and again."""

    def victim(self, importance: ImportanceOf) -> str:
        """Name what nobody holds."""
        return "stranger"


def test_a_faulty_policy_cannot_hang_the_tier() -> None:
    """A policy that names what is not there loses its say: the oldest item goes."""
    warm, _ = tier(capacity=2, policy=Forgetful)
    for key in "123":
        warm.put(A, key, item())
    assert {"2", "3"} == set(warm.warm_keys(A))
    warm._check()


KEYS = st.sampled_from("123456")
SPACES = st.sampled_from([A, B, C])


@given(
    st.lists(st.tuples(st.sampled_from(["put", "get", "drop", "discard", "begin", "land"]), SPACES, KEYS), max_size=60)
)
def test_bounds_hold_and_the_listener_knows_what_is_warm(script: list[tuple[str, tuple[str, ...], str]]) -> None:
    """Whatever happens, the tier keeps its bounds, and what was heard is what is held."""
    warm, notes = tier(capacity=2, max_namespaces=2, max_bytes=35)
    flights: list[tuple[tuple[str, ...], str, int]] = []
    for action, namespace, key in script:
        if action == "put":
            warm.put(namespace, key, item(int(key) * 7))
        elif action == "get":
            warm.get(namespace, key, 0)
        elif action == "drop":
            warm.drop(namespace)
        elif action == "discard":
            warm.discard(namespace, key)
        elif action == "begin":
            flights.append((namespace, key, warm.begin(namespace, [key], write=True)[key]))
        elif flights:
            where, what, generation = flights.pop(0)
            warm.land(where, what, generation, item(5), write=True)
        warm._check()
        assert held(warm) == notes.warm
