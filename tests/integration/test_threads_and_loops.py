"""One store, many threads, several event loops, all at once.

Blocking calls on the loops are detected while these run (see `tests/conftest.py`).
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore, GetOp, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import StoreClosedError
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings

WAIT = 120.0
SHARED = ("shared",)

Make = Callable[[Path], Any]


def index(dims: int = 16) -> Any:
    """Make an index configuration."""
    return {"dims": dims, "embed": FakeEmbeddings(dims), "fields": ["content"]}


MAKERS: dict[str, Make] = {
    "WarmStore": lambda path: WarmStore(capacity=1000, index=index()),
    "WarmStore on a file": lambda path: WarmStore.open(path / "memory.db", index=index()),
    "WarmStore of 4 on a file": lambda path: WarmStore.open(path / "memory.db", capacity=4, max_namespaces=6),
    "WarmStore on InMemoryStore": lambda path: WarmStore(InMemoryStore(), capacity=8),
    "RoutedStore": lambda path: RoutedStore(path / "memory.db", index=index()),
    "RoutedStore in memory": lambda path: RoutedStore(":memory:"),
}


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Make each of the stores."""
    with MAKERS[request.param](tmp_path) as made:
        yield made


def text_of(owner: str, n: int) -> str:
    """Say something of which each word but one is somebody else's as well."""
    return f"fact {n} of {owner} about dogs"


class Actor:
    """Writes, reads, searches, recalls and deletes; nobody else writes its keys, so it knows what it must find."""

    KEYS = 6

    def __init__(self, name: str, steps: int) -> None:
        self.name = name
        self.steps = steps
        self.random = random.Random(name)
        self.own = ("own", name)
        self.expected: dict[str, str | None] = {str(n): None for n in range(self.KEYS)}

    def script(self) -> Iterator[tuple[str, str, str]]:
        """Yield (action, key, text)."""
        actions = ["put", "put", "put", "get", "get", "delete", "search", "recall", "shared", "batch"]
        for n in range(self.steps):
            yield self.random.choice(actions), str(self.random.randrange(self.KEYS)), text_of(self.name, n)

    def check_get(self, key: str, item: Any) -> None:
        """Find what was written last."""
        assert self.expected[key] == (None if item is None else item.value["content"]), (self.name, key)

    def check_search(self, items: list[Any]) -> None:
        """Find everything that was written, and nothing of anybody else."""
        held = {key: text for key, text in self.expected.items() if text is not None}
        assert held == {item.key: item.value["content"] for item in items}
        assert {self.own} >= {item.namespace for item in items}

    def check_recall(self, items: list[Any]) -> None:
        """Recall nothing that is not there."""
        for item in items:
            assert self.expected[item.key] == item.value["content"]

    def run(self, store: Any) -> None:
        """Act on the calling thread."""
        for action, key, text in self.script():
            if action == "put":
                store.put(self.own, key, {"content": text})
                self.expected[key] = text
            elif action == "get":
                self.check_get(key, store.get(self.own, key))
            elif action == "delete":
                store.delete(self.own, key)
                self.expected[key] = None
            elif action == "search":
                self.check_search(store.search(self.own, query=text, limit=100))
            elif action == "recall":
                recall = getattr(store, "recall", store.recall_long_term)
                self.check_recall(recall(self.own, text).items)
            elif action == "shared":
                store.put(SHARED, key, {"content": text})
                assert store.get(SHARED, key) is not None
            else:
                got, found, _ = store.batch(
                    [GetOp(self.own, key), SearchOp(self.own, limit=100), PutOp(self.own, key, {"content": text})]
                )
                self.check_get(key, got)
                self.check_search(found)
                self.expected[key] = text

    async def arun(self, store: Any) -> None:
        """Act on an event loop."""
        for action, key, text in self.script():
            if action == "put":
                await store.aput(self.own, key, {"content": text})
                self.expected[key] = text
            elif action == "get":
                self.check_get(key, await store.aget(self.own, key))
            elif action == "delete":
                await store.adelete(self.own, key)
                self.expected[key] = None
            elif action == "search":
                self.check_search(await store.asearch(self.own, query=text, limit=100))
            elif action == "recall":
                recall = getattr(store, "arecall", store.arecall_long_term)
                self.check_recall((await recall(self.own, text)).items)
            elif action == "shared":
                await store.aput(SHARED, key, {"content": text})
                assert await store.aget(SHARED, key) is not None
            else:
                ops = [GetOp(self.own, key), SearchOp(self.own, limit=100), PutOp(self.own, key, {"content": text})]
                got, found, _ = await store.abatch(ops)
                self.check_get(key, got)
                self.check_search(found)
                self.expected[key] = text


def test_everybody_finds_what_they_wrote(store: Any) -> None:
    """16 threads and 3 event loops of 6 tasks: no write is lost, none is seen by the wrong reader."""
    threads = [Actor(f"thread{n}", 25) for n in range(16)]
    loops = [[Actor(f"loop{n}-{m}", 12) for m in range(6)] for n in range(3)]

    async def together(actors: list[Actor]) -> None:
        await asyncio.gather(*[actor.arun(store) for actor in actors])

    with ThreadPoolExecutor(len(threads) + len(loops)) as pool:
        futures = [pool.submit(actor.run, store) for actor in threads]
        futures += [pool.submit(asyncio.run, together(actors)) for actors in loops]
        for future in futures:
            future.result(WAIT)
    for actor in [*threads, *(actor for actors in loops for actor in actors)]:
        actor.check_search(store.search(actor.own, limit=100))
        for key in actor.expected:
            actor.check_get(key, store.get(actor.own, key))
    store._check()


def test_first_touches_writes_and_deletions_at_once(tmp_path: Path) -> None:
    """A file that was opened anew is recalled from, written to and deleted from by all at the same moment."""
    users = [("memories", str(n)) for n in range(6)]
    with WarmStore.open(tmp_path / "memory.db") as store:
        store.batch([PutOp(user, str(n), {"content": f"old {n}"}) for user in users for n in range(20)])
    for round_ in range(4):
        with WarmStore.open(tmp_path / "memory.db", capacity=12, eviction="lru") as store:
            start = threading.Barrier(12)

            def act(n: int, store: WarmStore = store, start: Any = start, round_: int = round_) -> None:
                start.wait(WAIT)
                user = users[n % 6]
                if n < 6:
                    store.recall(user, "old 3")
                    store.put(user, f"new{round_}", {"content": f"new {round_}"})
                else:
                    store.put(user, str(round_), {"content": f"changed {round_}"})
                    store.delete(user, str(19 - round_))
                    store.recall(user, "changed")

            with ThreadPoolExecutor(12) as pool:
                for future in [pool.submit(act, n) for n in range(12)]:
                    future.result(WAIT)
            store._check()
            for user in users:
                assert {"content": f"changed {round_}"} == (store.get(user, str(round_)) or pytest.fail("lost")).value
                assert {"content": f"new {round_}"} == (store.get(user, f"new{round_}") or pytest.fail("lost")).value
                assert store.get(user, str(19 - round_)) is None
                assert f"new{round_}" in [item.key for item in store.recall(user, f"new {round_}", limit=30).items]


def test_eviction_under_way_loses_no_answer(tmp_path: Path) -> None:
    """While one half of the threads pushes items out, the other half reads them by key, by search, by recall."""
    with WarmStore.open(tmp_path / "memory.db", capacity=3, max_namespaces=2, eviction="sieve") as store:
        stable = [(("stable", str(n % 3)), str(n)) for n in range(12)]
        store.batch([PutOp(namespace, key, {"content": f"stable {key}"}) for namespace, key in stable])
        stop = threading.Event()

        def push(n: int) -> None:
            for m in range(60):
                store.put(("stable", str(m % 3)), f"x{n}", {"content": f"pushing {n} {m}"})
                store.put(("other", str(n)), "x", {"content": "elsewhere"})

        def read() -> int:
            reads = 0
            while not stop.is_set():
                for namespace, key in stable:
                    assert {"content": f"stable {key}"} == (store.get(namespace, key) or pytest.fail("lost")).value
                    found = store.recall_long_term(namespace, f"stable {key}").items
                    assert key in [item.key for item in found]
                    reads += 1
            return reads

        with ThreadPoolExecutor(8) as pool:
            readers = [pool.submit(read) for _ in range(4)]
            for pusher in [pool.submit(push, n) for n in range(4)]:
                pusher.result(WAIT)
            stop.set()
            assert all(reader.result(WAIT) >= 0 for reader in readers)
        store._check()


def test_sweeping_disturbs_nobody(tmp_path: Path) -> None:
    """Expired items are swept while others are written, renewed and read."""
    with WarmStore.open(tmp_path / "memory.db", ttl={"default_ttl": 1e-7}) as store:
        stop = threading.Event()

        def sweep() -> int:
            swept = 0
            while not stop.is_set():
                swept += store.sweep_ttl()
            return swept + store.sweep_ttl()

        def write(n: int) -> None:
            for m in range(40):
                store.put(("m", str(n)), f"mortal{m}", {"content": "short"})
                store.put(("m", str(n)), f"kept{m}", {"content": f"kept {m}"}, ttl=None)
                assert store.get(("m", str(n)), f"kept{m}") is not None

        with ThreadPoolExecutor(6) as pool:
            sweeper = pool.submit(sweep)
            for writer in [pool.submit(write, n) for n in range(4)]:
                writer.result(WAIT)
            stop.set()
            assert sweeper.result(WAIT) > 0
        for n in range(4):
            assert {f"kept{m}" for m in range(40)} == {item.key for item in store.search(("m", str(n)), limit=1000)}
        store._check()


def test_an_event_loop_waits_for_commits_without_threads(tmp_path: Path) -> None:
    """A hundred writes at once are a few commits, and go through while every thread of the loop is taken."""

    async def write_all(store: WarmStore) -> None:
        loop = asyncio.get_running_loop()
        release = threading.Event()
        pool = ThreadPoolExecutor(1)
        loop.set_default_executor(pool)
        blocked = loop.run_in_executor(None, release.wait, WAIT)
        await asyncio.gather(*[store.aput(("m", str(n % 5)), str(n), {"content": f"fact {n}"}) for n in range(100)])
        items = await asyncio.gather(*[store.aget(("m", str(n % 5)), str(n)) for n in range(100)])
        assert [f"fact {n}" for n in range(100)] == [item.value["content"] for item in items if item is not None]
        release.set()
        assert await blocked

    with WarmStore.open(tmp_path / "memory.db") as store:
        store.get(("m", "0"), "0")  # looks at the file once, from here
        asyncio.run(write_all(store))
        assert 100 == len(store.search(("m",), limit=1000))


def test_ram_only_batches_never_leave_the_loop() -> None:
    """What needs no disk is answered inline: no thread is ever made."""

    async def use(store: WarmStore) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(_NoExecutor(1))
        await store.aput(("m",), "k", {"content": "a dog"})
        assert await store.aget(("m",), "k") is not None
        assert 1 == len(await store.asearch(("m",), query="dog"))
        assert ["k"] == [item.key for item in (await store.arecall(("m",), "dog")).items]
        assert [("m",)] == await store.alist_namespaces()
        assert 0 == await store.asweep_ttl()

    asyncio.run(use(WarmStore()))


class _NoExecutor(ThreadPoolExecutor):
    """An executor that refuses to work."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Refuse, but for the loop's own shutdown."""
        raise AssertionError(f"a thread was asked for: {fn}")


@pytest.mark.parametrize("kind", ["WarmStore on a file", "RoutedStore"])
def test_closing_while_work_is_under_way_loses_nothing(kind: str, tmp_path: Path) -> None:
    """Everything that was acknowledged before or during `close` is there afterwards; the rest failed clearly."""
    store = MAKERS[kind](tmp_path)
    acknowledged: list[tuple[str, str]] = []
    started = threading.Barrier(9)

    def write(n: int) -> int:
        started.wait(WAIT)
        for m in range(10_000):
            try:
                store.put(("m", str(n)), str(m), {"content": f"fact {m}"})
            except StoreClosedError:
                return m
            acknowledged.append((str(n), str(m)))
        raise AssertionError("never closed")

    async def awrite(n: int) -> int:
        for m in range(10_000):
            try:
                await store.aput(("m", str(n)), str(m), {"content": f"fact {m}"})
            except StoreClosedError:
                return m
            acknowledged.append((str(n), str(m)))
        raise AssertionError("never closed")

    def loop(n: int) -> int:
        started.wait(WAIT)
        return asyncio.run(awrite(n))

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(write if n < 6 else loop, n) for n in range(8)]
        started.wait(WAIT)
        while len(acknowledged) < 40:
            store.get(("m", "0"), "0")
        store.close()
        assert all(future.result(WAIT) >= 0 for future in futures)
    with MAKERS[kind](tmp_path) as reopened:
        for n, m in acknowledged:
            assert reopened.get(("m", n), m) is not None
        for namespace in reopened.list_namespaces():
            reopened.recall_long_term(namespace, "fact")
        reopened._check()


def test_no_blocking_call_reaches_a_loop(tmp_path: Path) -> None:
    """Every async method of every store keeps the disk, the commit and the embedding away from the loop."""

    async def use(store: Any) -> None:
        namespace = ("m", "ana")
        for n in range(3):
            await store.aput(namespace, str(n), {"content": f"dog {n}"}, ttl=10)
        await store.aget(namespace, "0")
        await store.aget(namespace, "missing")
        await store.asearch(namespace, query="dog")
        await store.asearch(("m",), filter={"content": "dog 1"})
        await store.alist_namespaces(prefix=("m",))
        for name in ("arecall", "arecall_warm", "arecall_long_term"):
            if hasattr(store, name):
                await getattr(store, name)(namespace, "dog")
        await store.adelete(namespace, "1")
        await store.asweep_ttl()
        await store.abatch([GetOp(namespace, "0"), SearchOp(("m",), query="dog"), PutOp(namespace, "9", {})])
        await store.aclose()

    def embed(texts: list[str]) -> list[list[float]]:
        with open(__file__, "rb") as source:  # a model that reads its weights
            assert source.read(1)
        assert threading.current_thread() is not loop_thread
        return [[1.0, 0.0] for _ in texts]

    loop_thread = threading.current_thread()
    config: Any = {"dims": 2, "embed": embed, "fields": ["content"]}
    behind = RoutedStore(tmp_path / "c.db", index=config)
    stores: list[BaseStore] = [
        WarmStore(index=config),
        WarmStore.open(tmp_path / "a.db", index=config),
        RoutedStore(tmp_path / "b.db", index=config),
        RoutedStore(":memory:", index=config),
        WarmStore(behind, capacity=1),
        behind,
    ]
    for store in stores:
        asyncio.run(use(store))
