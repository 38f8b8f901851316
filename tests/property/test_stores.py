"""The stores against a plain dict, called at random while time goes by."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from langgraph.store.base import GetOp, Op, PutOp

from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ManualClock

Namespace = tuple[str, ...]

NAMESPACES = st.sampled_from([("a",), ("a", "b"), ("a", "b", "c"), ("ab",), ("b",)])
PREFIXES = NAMESPACES | st.just(())
KEYS = st.sampled_from(["1", "2", "3"])
TEXTS = st.sampled_from(["red dog", "blue dog", "red cat", "bird", ""])
NUMBERS = st.integers(0, 3)
TTLS = st.none() | st.sampled_from([1.0, 5.0])


class Item:
    """What a model knows of an item."""

    def __init__(self, value: dict[str, Any], created: float, written: int, ttl: float | None, expires: float) -> None:
        self.value = value
        self.created = created
        self.written = written
        self.ttl = ttl
        self.expires = expires


class AgainstADict(RuleBasedStateMachine):
    """Random calls, with time going by: the store says what a dict of items would."""

    kind = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.model: dict[tuple[Namespace, str], Item] = {}
        self.writes = 0
        self.directory = tempfile.TemporaryDirectory()
        self.store: Any = None

    @initialize()
    def open(self) -> None:
        """Make the store, or open its file again."""
        file = Path(self.directory.name) / "memory.db"
        if self.kind == "memory":
            self.store = self.store or WarmStore(clock=self.clock)
        elif self.kind == "routed":
            self.store = RoutedStore(file, clock=self.clock, synchronous="NORMAL")
        else:
            bounds: dict[str, Any] = {"capacity": 2, "max_namespaces": 2} if self.kind == "tiny" else {}
            self.store = WarmStore.open(file, clock=self.clock, synchronous="NORMAL", **bounds)

    def teardown(self) -> None:
        """Close it."""
        if self.store is not None:
            self.store._check()
            self.store.close()
        self.directory.cleanup()

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now().timestamp()

    def living(self, prefix: Namespace = ()) -> dict[tuple[Namespace, str], Item]:
        """Return what has not expired, under a prefix."""
        return {
            place: item
            for place, item in self.model.items()
            if item.expires > self.now and place[0][: len(prefix)] == prefix
        }

    def write(self, place: tuple[Namespace, str], value: dict[str, Any] | None, ttl: float | None) -> None:
        """Write into the model."""
        old = self.living().get(place)
        self.writes += 1
        if value is None:
            self.model.pop(place, None)
        else:
            expires = math.inf if ttl is None else self.now + ttl * 60
            self.model[place] = Item(value, old.created if old else self.now, self.writes, ttl, expires)

    def renew(self, place: tuple[Namespace, str]) -> None:
        """Let an item live on."""
        item = self.model[place]
        if item.ttl is not None:
            item.expires = max(item.expires, self.now + item.ttl * 60)

    @rule(namespace=NAMESPACES, key=KEYS, text=TEXTS, number=NUMBERS, ttl=TTLS)
    def put(self, namespace: Namespace, key: str, text: str, number: int, ttl: float | None) -> None:
        """Write an item."""
        value = {"content": text, "n": number}
        self.store.put(namespace, key, value, ttl=ttl)
        self.write((namespace, key), value, ttl)

    @rule(namespace=NAMESPACES, key=KEYS)
    def delete(self, namespace: Namespace, key: str) -> None:
        """Delete an item, or nothing."""
        self.store.delete(namespace, key)
        self.write((namespace, key), None, None)

    @rule(namespace=NAMESPACES, key=KEYS, refresh=st.booleans())
    def get(self, namespace: Namespace, key: str, refresh: bool) -> None:
        """Read an item."""
        found = self.store.get(namespace, key, refresh_ttl=refresh)
        expected = self.living().get((namespace, key))
        assert (None if expected is None else expected.value) == (None if found is None else found.value)
        if expected is not None:
            assert expected.created == found.created_at.timestamp()
            if refresh:
                self.renew((namespace, key))

    @rule(
        prefix=PREFIXES,
        number=st.none() | NUMBERS,
        limit=st.integers(0, 4),
        offset=st.integers(0, 3),
        refresh=st.booleans(),
    )
    def search(self, prefix: Namespace, number: int | None, limit: int, offset: int, refresh: bool) -> None:
        """Search without a query: the newest first."""
        filter = None if number is None else {"n": {"$gte": number}}
        found = self.store.search(prefix, filter=filter, limit=limit, offset=offset, refresh_ttl=refresh)
        matching = [
            (item.written, place) for place, item in self.living(prefix).items() if item.value["n"] >= (number or 0)
        ]
        expected = [place for _, place in sorted(matching, reverse=True)][offset : offset + limit]
        assert expected == [(item.namespace, item.key) for item in found]
        assert [self.model[place].value for place in expected] == [item.value for item in found]
        for place in expected if refresh else ():
            self.renew(place)

    @rule(prefix=PREFIXES, text=TEXTS.filter(bool))
    def ranked(self, prefix: Namespace, text: str) -> None:
        """Search with a query: all of them, best first."""
        found = self.store.search(prefix, query=text, limit=100, refresh_ttl=False)
        assert set(self.living(prefix)) == {(item.namespace, item.key) for item in found}
        assert [self.model[item.namespace, item.key].value for item in found] == [item.value for item in found]
        scores = [item.score for item in found]
        assert sorted(scores, reverse=True) == scores
        if any(item.value["content"] == text for item in self.living(prefix).values()):
            assert set(text.split()) & set(found[0].value["content"].split())

    @rule(namespace=NAMESPACES, text=TEXTS.filter(bool))
    def recall(self, namespace: Namespace, text: str) -> None:
        """Recall: whatever shares a word, of one namespace, in whichever tier."""
        recall = getattr(self.store, "recall", self.store.recall_long_term)
        found = recall(namespace, text, limit=100).items
        words = set(text.split())
        living = {place[1]: item for place, item in self.living(namespace).items() if place[0] == namespace}
        for item in found:
            assert living[item.key].value == item.value
            assert words & set(item.value["content"].split())
            self.renew((namespace, item.key))
        said = [item.value["content"] for item in found]
        numbered = [(item.value["content"], item.value["n"]) for item in found]
        assert len(set(numbered)) == len(numbered)  # of items with the same words one stands for all
        if self.kind != "tiny":  # there, a hit may leave out what is cold
            texts = {item.value["content"] for item in living.values()}
            assert {text for text in texts if words & set(text.split())} == set(said)

    @rule(prefix=PREFIXES, depth=st.none() | st.integers(1, 3))
    def list_namespaces(self, prefix: Namespace, depth: int | None) -> None:
        """List the namespaces that hold something."""
        expected = sorted({place[0][:depth] for place in self.living(prefix)})
        assert expected == self.store.list_namespaces(prefix=prefix or None, max_depth=depth)

    @rule(writes=st.lists(st.tuples(NAMESPACES, KEYS, st.none() | NUMBERS), max_size=5), namespace=NAMESPACES, key=KEYS)
    def batch(self, writes: list[tuple[Namespace, str, int | None]], namespace: Namespace, key: str) -> None:
        """Write several items and read one, which sees the state before."""
        values = [None if n is None else {"content": "red dog", "n": n} for _, _, n in writes]
        puts: list[Op] = [PutOp(w[0], w[1], value) for w, value in zip(writes, values, strict=True)]
        *_, found = self.store.batch([*puts, GetOp(namespace, key, False)])
        expected = self.living().get((namespace, key))
        assert (None if expected is None else expected.value) == (None if found is None else found.value)
        last = {(w[0], w[1]): value for w, value in zip(writes, values, strict=True)}
        order = {(w[0], w[1]): at for at, w in enumerate(writes)}
        for place in sorted(last, key=lambda each: order[each]):
            self.write(place, last[place], None)

    @rule(minutes=st.sampled_from([0.5, 2.0, 6.0]))
    def wait(self, minutes: float) -> None:
        """Let time go by."""
        self.clock.advance(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        """Sweep: exactly what has expired goes."""
        expired = [place for place, item in self.model.items() if item.expires <= self.now]
        swept = self.store.sweep_ttl()
        assert len(expired) == swept or self.kind == "memory"
        for place in expired:
            del self.model[place]

    @precondition(lambda self: self.kind != "memory")
    @rule()
    def reopen(self) -> None:
        """Close the file and open it again."""
        self.store.close()
        self.open()

    @invariant()
    def check(self) -> None:
        """Find tiers, indexes and rows in agreement."""
        if self.store is not None:
            self.store._check()


class RoutedAgainstADict(AgainstADict):
    kind = "routed"


class TinyWarmAgainstADict(AgainstADict):
    kind = "tiny"


class AmpleWarmAgainstADict(AgainstADict):
    kind = "ample"


BRIEF = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
TestMemory = AgainstADict.TestCase
TestRouted = RoutedAgainstADict.TestCase
TestTinyWarm = TinyWarmAgainstADict.TestCase
TestAmpleWarm = AmpleWarmAgainstADict.TestCase
TestMemory.settings = TestRouted.settings = TestTinyWarm.settings = TestAmpleWarm.settings = BRIEF
