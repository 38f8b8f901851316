"""A store that forgets, under each eviction policy: what it holds is true, and the same by every way of reading."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from langgraph.store.base import GetOp, Op, PutOp

from warmgraph.store import WarmStore
from warmgraph.testing import FakeEmbeddings, ManualClock

Namespace = tuple[str, ...]

NAMESPACES = st.sampled_from([("a",), ("a", "b"), ("ab",), ("b",)])
KEYS = st.sampled_from("12345")
TEXTS = st.sampled_from(["red dog", "blue dog", "red cat", "bird"])
POLICIES = st.sampled_from(["fifo", "lru", "lfu", "sieve", "importance"])
CAPACITY = 3


class Forgetful(RuleBasedStateMachine):
    """Nothing stands behind the warm tier, so what is evicted is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.written: dict[tuple[Namespace, str], dict[str, Any]] = {}
        self.mortal: dict[tuple[Namespace, str], float] = {}
        self.store: Any = None

    @initialize(policy=POLICIES, embeds=st.booleans(), max_bytes=st.sampled_from([1500, 1 << 20]))
    def open(self, policy: str, embeds: bool, max_bytes: int) -> None:
        """Make a small store."""
        index: Any = {"dims": 4, "embed": FakeEmbeddings(4), "fields": ["content"]} if embeds else None
        self.store = WarmStore(
            capacity=CAPACITY, max_namespaces=3, max_bytes=max_bytes, eviction=policy, index=index, clock=self.clock
        )

    def held(self, namespace: Namespace) -> dict[str, Any]:
        """Read what a namespace holds, key by key, as no use of it."""
        found = {}
        for key in "12345":
            item = self.store.get(namespace, key, refresh_ttl=False)
            if item is not None:
                found[key] = item.value
        return found

    @rule(namespace=NAMESPACES, key=KEYS, text=TEXTS, n=st.integers(0, 3), ttl=st.none() | st.just(5.0))
    def put(self, namespace: Namespace, key: str, text: str, n: int, ttl: float | None) -> None:
        """Write an item, which is there afterwards."""
        value = {"content": text, "n": n}
        self.store.put(namespace, key, value, ttl=ttl)
        self.note(namespace, key, value, ttl)
        assert value == self.store.get(namespace, key).value

    @rule(namespace=NAMESPACES, keys=st.lists(KEYS, min_size=1, max_size=5), text=TEXTS)
    def put_many(self, namespace: Namespace, keys: list[str], text: str) -> None:
        """Write more in a batch than there is room for: its last item is there afterwards."""
        puts: list[Op] = [PutOp(namespace, key, {"content": text, "n": n}) for n, key in enumerate(keys)]
        self.store.batch([*puts, GetOp(namespace, keys[0])])
        for n, key in enumerate(keys):
            self.note(namespace, key, {"content": text, "n": n}, None)
        assert self.written[namespace, keys[-1]] == self.store.get(namespace, keys[-1]).value

    def note(self, namespace: Namespace, key: str, value: dict[str, Any], ttl: float | None) -> None:
        """Remember what was written."""
        self.written[namespace, key] = value
        self.mortal.pop((namespace, key), None)
        if ttl is not None:
            self.mortal[namespace, key] = self.clock.now().timestamp() + ttl * 60

    @rule(namespace=NAMESPACES, key=KEYS)
    def delete(self, namespace: Namespace, key: str) -> None:
        """Delete an item, which is gone afterwards."""
        self.store.delete(namespace, key)
        self.written.pop((namespace, key), None)
        assert self.store.get(namespace, key) is None

    @rule(prefix=NAMESPACES | st.just(()), text=st.none() | TEXTS)
    def search(self, prefix: Namespace, text: str | None) -> None:
        """Search: all that is held under the prefix."""
        places = [space for space in [("a",), ("a", "b"), ("ab",), ("b",)] if space[: len(prefix)] == prefix]
        expected = {(space, key): value for space in places for key, value in self.held(space).items()}
        found = self.store.search(prefix, query=text, limit=100, refresh_ttl=False)
        assert expected == {(item.namespace, item.key): item.value for item in found}
        assert sorted({space for space, _ in expected}) == self.store.list_namespaces(prefix=prefix or None)

    @rule(namespace=NAMESPACES, text=TEXTS)
    def recall(self, namespace: Namespace, text: str) -> None:
        """Recall: nothing but what is held, and from either tier the same, for there is only one."""
        held = self.held(namespace)
        answers = [recall(namespace, text, limit=100).items for recall in (self.store.recall_warm, self.store.recall)]
        for items in answers:
            assert {item.key: item.value for item in items}.items() <= held.items()
        words = [{word for item in items for word in item.value["content"].split()} for items in answers]
        assert words[0] == words[1]

    @rule(minutes=st.sampled_from([1.0, 6.0]))
    def wait(self, minutes: float) -> None:
        """Let time go by."""
        self.clock.advance(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        """Sweep: afterwards there is nothing more to sweep."""
        self.store.sweep_ttl()
        assert 0 == self.store.sweep_ttl()

    @invariant()
    def all_that_is_held_is_true_and_within_bounds(self) -> None:
        """Find what was written last, or nothing; never too much, never what has expired and was not read since."""
        if self.store is None:
            return
        self.store._check()
        held = {(item.namespace, item.key): item.value for item in self.store.search((), limit=1000, refresh_ttl=False)}
        assert held.items() <= self.written.items()
        spaces = [space for space, _ in held]
        assert all(spaces.count(space) <= CAPACITY for space in spaces)
        assert len(set(spaces)) <= 3
        assert self.store.stats().bytes <= 1 << 20


TestForgetful = Forgetful.TestCase
TestForgetful.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
