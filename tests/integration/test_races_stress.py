"""Everything at once on one store, from a seed, with a checker that knows what each read may have seen.

Each key has one writer, who numbers what it writes. A read may see no version older than the last one that was
acknowledged before the read began, and none newer than the last one that was begun before it ended.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore, GetOp, Op, PutOp, Result, SearchOp
from langgraph.store.memory import InMemoryStore

from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings

WAIT = 120.0
THREADS = 16
LOOPS = 3
TASKS = 4  # on each loop
STEPS = 30  # of each writer
NAMESPACES = [("shared", name) for name in "abcde"]

Place = tuple[tuple[str, ...], str]


class Register:
    """What is known of one key: its versions, `None` for a deletion, and how far they were begun and acknowledged."""

    def __init__(self, forgets: bool) -> None:
        self.versions: list[int | None] = [None]
        self.acknowledged = 0
        self._forgets = forgets  # whether the store may evict it for good

    def begin(self, *, deletes: bool) -> int:
        """Enter the next version, and return its number."""
        number = len(self.versions)
        self.versions.append(None if deletes else number)
        return number

    def check(self, since: int, seen: int | None, how: str) -> None:
        """Compare what a read saw with what it may have seen, when it began at version `since`."""
        possible = self.versions[since:]
        assert seen in possible or (seen is None and self._forgets), (how, since, seen, possible)


class Crowd:
    """Registers for all keys of a store, and the ways of reading and writing them."""

    def __init__(self, store: Any, seed: int, *, forgets: bool = False, cancels: bool = True) -> None:
        self.store = store
        self.seed = seed
        self.cancels = cancels
        self.registers: dict[Place, Register] = {}
        self.stop = threading.Event()
        for writer in range(THREADS + LOOPS * TASKS):
            for place in self.places(writer):
                self.registers[place] = Register(forgets)
        self._all = list(self.registers)

    def places(self, writer: int) -> list[Place]:
        """Return the keys of a writer, which lie beside those of others."""
        return [(NAMESPACES[(writer + n) % len(NAMESPACES)], f"{writer}-{n}") for n in range(3)]

    def drawing(self, who: str) -> random.Random:
        """Return what somebody draws from."""
        return random.Random(f"{self.seed} {who}")

    # -- threads ------------------------------------------------------------------------------------------------------

    def act(self, writer: int) -> None:
        """Write one's own keys and read anybody's, on a thread."""
        draw = self.drawing(f"writer {writer}")
        for _ in range(STEPS):
            place = draw.choice(self.places(writer))
            register = self.registers[place]
            deletes = draw.random() < 0.2
            number = register.begin(deletes=deletes)
            if deletes:
                self.store.delete(*place)
            else:
                self.store.put(
                    *place,
                    self.value(place, number),
                    ttl=draw.choice([None, None, 60.0]) if self.store.supports_ttl else None,
                )
            register.acknowledged = number
            self.read(draw)

    def read(self, draw: random.Random) -> None:
        """Read something in some way, and check it."""
        place = draw.choice(self._all)
        before = {each: self.registers[each].acknowledged for each in self._all}
        how = draw.choice(["get", "get", "search", "filter", "batch", "recall", "recall_warm", "recall_long_term"])
        if how == "get":
            self.check(place, before[place], self.store.get(*place), how)
        elif how == "batch":
            got, found = self.store.batch([GetOp(*place), SearchOp(place[0], limit=1000)])
            self.check(place, before[place], got, how)
            self.check_all(place[0], before, found, how)
        elif how in ("search", "filter"):
            options = {"query": f"version of {place[1]}"} if how == "search" else {"filter": {"n": {"$gte": 0}}}
            self.check_all(place[0], before, self.store.search(place[0], limit=1000, **options), how)
        elif hasattr(self.store, how):
            for item in getattr(self.store, how)(place[0], f"version of {place[1]}", limit=5).items:
                self.check((item.namespace, item.key), before[item.namespace, item.key], item, how)

    # -- event loops --------------------------------------------------------------------------------------------------

    async def aact(self, writer: int) -> None:
        """Write one's own keys and read anybody's, on an event loop, losing patience now and then."""
        draw = self.drawing(f"writer {writer}")
        for _ in range(STEPS):
            place = draw.choice(self.places(writer))
            register = self.registers[place]
            deletes = draw.random() < 0.2
            number = register.begin(deletes=deletes)
            value = None if deletes else self.value(place, number)
            write = asyncio.ensure_future(self.store.abatch([PutOp(*place, value)]))
            if self.cancels and draw.random() < 0.3:
                for _ in range(draw.randrange(4)):
                    await asyncio.sleep(0)
                write.cancel()
            try:
                await write
            except asyncio.CancelledError:
                continue  # it may have been done, or may not
            register.acknowledged = number
            await self.aread(draw)

    async def aread(self, draw: random.Random) -> None:
        """Read something in some way, and check it; or lose patience with a recall."""
        place = draw.choice(self._all)
        before = {each: self.registers[each].acknowledged for each in self._all}
        if draw.random() < 0.5 or not hasattr(self.store, "arecall"):
            self.check(place, before[place], await self.store.aget(*place), "aget")
            return
        recall = asyncio.ensure_future(self.store.arecall(place[0], f"version of {place[1]}"))
        if draw.random() < 0.3:
            await asyncio.sleep(0)
            recall.cancel()
        try:
            found = (await recall).items
        except asyncio.CancelledError:
            return
        for item in found:
            self.check((item.namespace, item.key), before[item.namespace, item.key], item, "arecall")

    # -- those who disturb --------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Sweep what expires at once, again and again."""
        n = 0
        while not self.stop.is_set():
            self.store.put(("mortal", str(n % 3)), str(n % 7), {"content": "short"}, ttl=1e-9)
            self.store.sweep_ttl()
            assert self.store.get(("mortal", str(n % 3)), str(n % 7)) is None
            n += 1

    def crowd_out(self) -> None:
        """Write into namespaces of one's own, so that those of others leave RAM and are warmed up again."""
        n = 0
        while not self.stop.is_set():
            self.store.put(("other", str(n % 9)), str(n % 5), {"content": f"elsewhere {n}"})
            n += 1

    # -- checks -------------------------------------------------------------------------------------------------------

    def value(self, place: Place, number: int) -> dict[str, Any]:
        """Make the value of a version, which says whose it is."""
        return {"content": f"version of {place[1]}", "n": number, "place": [list(place[0]), place[1]]}

    def check(self, place: Place, since: int, item: Any, how: str) -> None:
        """Check one item."""
        if item is not None:
            assert [list(place[0]), place[1]] == item.value["place"], how
        self.registers[place].check(since, None if item is None else item.value["n"], how)

    def check_all(self, namespace: tuple[str, ...], before: dict[Place, int], items: list[Any], how: str) -> None:
        """Check all items of a namespace, and those that are missing."""
        found = {(item.namespace, item.key): item for item in items}
        assert len(found) == len(items), how
        for place in self._all:
            if place[0] == namespace:
                self.check(place, before[place], found.get(place), how)

    def run(self) -> None:
        """Let everybody act at once, then find the end that each writer brought about."""

        async def together(loop: int) -> None:
            first = THREADS + loop * TASKS
            await asyncio.gather(*[self.aact(writer) for writer in range(first, first + TASKS)])

        disturbers: list[Callable[[], None]] = [self.crowd_out]
        if self.store.supports_ttl:
            disturbers.append(self.sweep)
        with ThreadPoolExecutor(THREADS + LOOPS + len(disturbers)) as pool:
            actors: list[Future[None]] = [pool.submit(self.act, writer) for writer in range(THREADS)]
            actors += [pool.submit(asyncio.run, together(loop)) for loop in range(LOOPS)]
            others = [pool.submit(disturb) for disturb in disturbers]
            try:
                for actor in actors:
                    actor.result(WAIT)
            finally:
                self.stop.set()
            for other in others:
                other.result(WAIT)
        for place, register in self.registers.items():
            self.check(place, register.acknowledged, self.store.get(*place), "afterwards")
        for namespace in NAMESPACES:
            before = {place: register.acknowledged for place, register in self.registers.items()}
            self.check_all(namespace, before, self.store.search(namespace, limit=1000), "afterwards")
        self.store._check()


def index() -> Any:
    """Make an index."""
    return {"dims": 8, "embed": FakeEmbeddings(8), "fields": ["content"]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file that holds a good deal already, so that namespaces have to be warmed up."""
    path = tmp_path / "memory.db"
    with RoutedStore(path, synchronous="NORMAL", index=index()) as store:
        store.batch([PutOp(("other", str(n % 9)), f"old{n}", {"content": f"old {n}"}) for n in range(90)])
    return path


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("eviction", ["lru", "sieve"])
def test_a_warm_tier_that_promotes_and_evicts_all_the_time(file: Path, eviction: str, seed: int) -> None:
    """16 threads and 3 loops over a file: warm items are true while they are promoted, evicted, swept and warmed up."""
    options: Any = {"capacity": 4, "max_namespaces": 3, "eviction": eviction, "promote": True, "index": index()}
    with WarmStore.open(file, synchronous="NORMAL", **options) as store:
        Crowd(store, seed).run()
    with RoutedStore(file, index=index()) as store:  # what the file holds is what the tier said
        store._check()


@pytest.mark.parametrize("seed", range(2))
def test_a_warm_tier_that_holds_everything(file: Path, seed: int) -> None:
    """The same, with room for all: reads come from RAM."""
    with WarmStore.open(file, synchronous="NORMAL", capacity=1000) as store:
        Crowd(store, seed).run()


@pytest.mark.parametrize("seed", range(2))
def test_a_routed_store_whose_indexes_come_and_go(file: Path, seed: int) -> None:
    """The same, without a warm tier, and with no room for an index to stay."""
    with RoutedStore(file, synchronous="NORMAL", max_index_bytes=20_000, index=index()) as store:
        Crowd(store, seed).run()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("capacity", [5, 1000])
def test_a_warm_tier_with_nothing_behind_it(capacity: int, seed: int) -> None:
    """The same in RAM alone, where what is evicted is gone and nothing that is older ever comes back."""
    store = WarmStore(capacity=capacity, eviction="lfu", index=index())
    Crowd(store, seed, forgets=capacity == 5).run()


class Locked(BaseStore):
    """LangGraph's in-memory store for one caller at a time: it breaks when it is searched and written at once."""

    def __init__(self) -> None:
        self.inner = InMemoryStore()
        self.lock = threading.Lock()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops."""
        with self.lock:
            return self.inner.batch(ops)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))


@pytest.mark.parametrize("seed", range(2))
def test_a_warm_tier_in_front_of_a_store_of_langgraph(seed: int) -> None:
    """The same in front of somebody else's store, whose cancelled writes nobody can order."""
    store = WarmStore(Locked(), capacity=4, max_namespaces=3, promote=True)
    Crowd(store, seed, cancels=False).run()
