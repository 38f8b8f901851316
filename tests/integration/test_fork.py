"""A process that was forked off a program with an open store, as a pre-forking server does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

PRELUDE = """
import os, sys, threading
from warmgraph import RoutedStore, StoreClosedError, StoreUnavailableError, WarmStore
from warmgraph.embeddings import HashingEmbeddings

path, NS = sys.argv[1], ("memories", "ana")

def fork(work):
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return child

def ended(*children):
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

def keys(store):
    return sorted(item.key for item in store.search(NS, limit=1000))
"""

PRELOADED = """
store = WarmStore.open(path, index={"embed": HashingEmbeddings(16), "fields": ["content"]})
for n in range(20):
    store.put(NS, f"parent-{n}", {"content": f"fact {n}"})
assert store.recall(NS, "fact 3").items

def work(name):
    def serve():
        assert store.get(NS, "parent-3").value["content"] == "fact 3"
        for n in range(50):
            store.put(NS, f"{name}-{n}", {"content": f"{name} says {n}"})
            assert f"{name}-{n}" == store.recall(NS, f"{name} says {n}").items[0].key
        store._check()
        store.close()
    return serve

children = [fork(work(f"child{n}")) for n in range(3)]
for n in range(50):
    store.put(NS, f"more-{n}", {"content": f"parent says {n}"})
assert ended(*children) == [0, 0, 0]
assert len(keys(store)) == 20 + 4 * 50, len(keys(store))
assert store.recall(NS, "child1 says 7").items[0].key == "child1-7"
store._check()
store.close()
"""

LARGE = """
from warmgraph.index import Plan
plan = Plan(codes_from=100, routed_from=300, mapped_from=100, estimated_from=100, nlist=16, batch=8)
store = RoutedStore(path, index={"embed": HashingEmbeddings(16), "fields": ["content"]}, vector_plan=plan)
for n in range(400):
    store.put(NS, f"parent-{n}", {"content": f"fact {n}"})
store.search(NS, query="fact 3")  # and codes are being made

def serve(name):
    def work():
        assert len(store.search(NS, query="fact 3", limit=5)) == 5
        for n in range(20):
            store.put(NS, f"{name}-{n}", {"content": f"{name} says {n}"})
            assert f"{name}-{n}" in {item.key for item in store.search(NS, query=f"{name} says {n}", limit=50)}
        store._check()
        store.close()
    return work

children = [fork(serve(f"child{n}")) for n in range(2)]
assert store._indexes.refits.join(60)
assert ended(*children) == [0, 0]
assert store.stats().refits and not store.stats().failed_refits
assert len(store.search(NS, query="fact 3", limit=1000)) == 440
store._check()
store.close()
"""

BUSY = """
store = RoutedStore(path)
stop, failures = threading.Event(), []

def busy(name):
    try:
        n = 0
        while not stop.is_set():
            store.put(NS, f"{name}-{n}", {"content": f"{name} {n}"})
            assert store.get(NS, f"{name}-{n}") is not None
            store.search(NS, query=f"{name} {n}", limit=3)
            n += 1
        counts[name] = n
    except BaseException as error:
        failures.append(error)

counts = {}
threads = [threading.Thread(target=busy, args=(f"thread{n}",)) for n in range(4)]
for thread in threads:
    thread.start()

def serve():
    for n in range(5):
        store.put(NS, f"child-{os.getpid()}-{n}", {"content": "from a child"})
        assert store.get(NS, f"child-{os.getpid()}-{n}") is not None
    assert len(store.search(NS, query="child", limit=5)) == 5
    store.close()

codes = []
for _ in range(15):
    codes += ended(fork(serve))
stop.set()
for thread in threads:
    thread.join()
assert codes == [0] * 15, codes
assert not failures, failures
expected = 15 * 5 + sum(counts.values())
assert store.stats().items == expected, (store.stats().items, expected)
store._check()
store.close()
"""

OUTLIVED = """
store = WarmStore.open(path)
store.put(NS, "before", {"content": "parent"})
here, there = os.pipe(), os.pipe()

def serve():
    store.put(NS, "first", {"content": "child"})
    os.write(here[1], b"x")
    os.read(there[0], 1)
    for n in range(50):
        store.put(NS, f"child-{n}", {"content": "child"})
    store.close()

child = fork(serve)
os.read(here[0], 1)
store.close()  # the last one of this process: it must not take the log away under the child
with WarmStore.open(path) as again:
    assert keys(again) == ["before", "first"]
os.write(there[1], b"x")
assert ended(child) == [0]
with WarmStore.open(path) as again:
    assert len(keys(again)) == 52
    again._check()
"""

IN_MEMORY = """
file, buffer = RoutedStore(":memory:"), WarmStore()
for store in (file, buffer):
    store.put(NS, "k", {"content": "a dog"})

def serve():
    for call in (lambda: file.get(NS, "k"), lambda: file.put(NS, "k", {}), lambda: file.search(NS, query="dog")):
        try:
            call()
        except StoreUnavailableError as error:
            assert "forked" in str(error)
        else:
            raise AssertionError("a connection of the parent was used")
    assert buffer.get(NS, "k").value == {"content": "a dog"}
    buffer.put(NS, "mine", {"content": "a cat"})
    assert buffer.recall(NS, "cat").items[0].key == "mine"
    file.close()
    buffer.close()

assert ended(fork(serve)) == [0]
assert file.get(NS, "k").value == {"content": "a dog"}
assert keys(buffer) == ["k"]
file.close()
"""

SWEEPER = """
store = RoutedStore(path, ttl={"default_ttl": 1, "sweep_interval_minutes": 60})
closed = RoutedStore(path)
closed.close()
idle = RoutedStore(path, ttl={"default_ttl": 1})

def serve():
    assert store.ttl_sweeper.running and not idle.ttl_sweeper.running
    assert {"warmgraph-sweeper"} == {thread.name for thread in threading.enumerate()} - {"MainThread"}
    try:
        closed.get(NS, "k")
    except StoreClosedError:
        pass
    grandchild = fork(lambda: (store.put(NS, "grandchild", {}), store.close()))
    assert ended(grandchild) == [0]
    assert keys(store) == ["grandchild"]
    store.close()
    idle.close()

assert ended(fork(serve)) == [0]
assert store.ttl_sweeper.running
store.close()
idle.close()
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(PRELOADED, id="servers-that-fork-share-what-was-opened-before"),
        pytest.param(LARGE, id="codes-and-cells-are-made-anew-in-the-child"),
        pytest.param(BUSY, id="forking-in-the-middle-of-writes-and-reads-harms-nobody"),
        pytest.param(OUTLIVED, id="a-child-outlives-the-store-of-its-parent"),
        pytest.param(IN_MEMORY, id="what-is-in-the-memory-of-the-parent-is-not-shared"),
        pytest.param(SWEEPER, id="a-sweeper-goes-on-and-a-closed-store-stays-closed"),
    ],
)
def test_a_forked_process_uses_the_store_as_its_own(program: str, tmp_path: Path) -> None:
    """The child opens the file anew by itself, sees all, loses nothing, and the parent goes on unharmed."""
    command = [sys.executable, "-W", "ignore", "-c", PRELUDE + program, str(tmp_path / "memory.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert (0, "") == (done.returncode, done.stderr)


def test_a_child_of_a_store_that_never_rests_is_refused(tmp_path: Path) -> None:
    """Where a connection was in use during the fork the child may not touch the file, and says so; the parent may."""
    program = """
from warmgraph.store.sqlite import database
database.FORK_SECONDS = 0.05
store = RoutedStore(path)
store.put(NS, "k", {"content": "a dog"})
inside, go_on = threading.Event(), threading.Event()

def slow(connection):
    inside.set()
    go_on.wait()
    return connection.execute("SELECT count(*) FROM items").fetchone()[0]

counted = []
reader = threading.Thread(target=lambda: counted.append(store._database.read(slow)))
reader.start()
inside.wait()

def serve():
    for call in (lambda: store.get(NS, "k"), lambda: store.put(NS, "k", {})):
        try:
            call()
        except StoreUnavailableError as error:
            assert "was in use" in str(error)
        else:
            raise AssertionError("a connection of the parent was used")
    store.close()

child = fork(serve)
store.put(NS, "more", {"content": "a cat"})
go_on.set()
reader.join()
assert ended(child) == [0]
assert counted == [2], counted  # it had not begun to read
assert keys(store) == ["k", "more"]
store.close()
"""
    command = [sys.executable, "-W", "ignore", "-c", PRELUDE + program, str(tmp_path / "memory.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert (0, "") == (done.returncode, done.stderr)


CALIBRATED = """
from warmgraph.ranking import CalibratedRouter

router = CalibratedRouter()
store = WarmStore.open(path, capacity=5, eviction="fifo", router=router)
words = ["bees", "violin", "sailing", "cheese", "chess", "pottery", "tennis", "opera", "jazz", "ferns"]
for word in words:
    store.put(NS, word, {"content": f"a note on {word}"})

def ask():
    for word in words:
        store.recall(NS, word)
    assert store.finish_checks(30)

def serve():
    ask()
    store.close()

ask()
before = router.stats().recalls
children = [fork(serve) for _ in range(2)]
ask()
assert ended(*children) == [0, 0]
assert router.stats().recalls > before
store.close()
again = CalibratedRouter()
with WarmStore.open(path, router=again) as store:
    store.recall(NS, "bees")
assert again.stats().recalls >= router.stats().recalls
print("done")
"""


def test_a_router_learns_on_in_a_forked_process(tmp_path: Path) -> None:
    """Parent and children compare hits on threads of their own, and what all of them learned is kept."""
    ran = subprocess.run(
        [sys.executable, "-c", PRELUDE + CALIBRATED, str(tmp_path / "memory.db")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (0, "done\n") == (ran.returncode, ran.stdout), ran.stderr
