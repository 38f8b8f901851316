"""Several processes on one file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import tests.store_worker
from warmgraph.store import RoutedStore, WarmStore

NS = ["memories", "ana"]
PLACE = ("memories", "ana")


class Worker:
    """A process with a store of its own."""

    def __init__(self, path: Path, kind: str) -> None:
        program = str(tests.store_worker.__file__)
        self._process = subprocess.Popen(
            [sys.executable, program, str(path), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert "ready" == self._answer()

    def __call__(self, *command: Any) -> Any:
        """Do something there, and return what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=60)
        assert 0 == self._process.returncode

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the file."""
    return tmp_path / "memory.db"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[[str], Worker]]:
    """Start processes on the file."""
    started: list[Worker] = []

    def start_one(kind: str) -> Worker:
        started.append(Worker(path, kind))
        return started[-1]

    yield start_one
    for worker in started:
        worker.close()


@pytest.mark.parametrize("kind", ["routed", "warm"])
def test_what_one_process_committed_the_other_reads_next(path: Path, start: Callable[[str], Worker], kind: str) -> None:
    """Puts, overwrites and deletions are seen by the next get, search, recall and listing, in both directions."""
    worker = start(kind)
    with WarmStore.open(path) if kind == "warm" else RoutedStore(path) as store:

        def recalled(query: str) -> list[str]:
            recall = store.recall if isinstance(store, WarmStore) else store.recall_long_term
            return [item.key for item in recall(PLACE, query).items]

        assert [] == recalled("dog") == worker("recall", NS, "dog")
        store.put(PLACE, "k", {"content": "a dog"})
        assert "a dog" == worker("get", NS, "k")
        assert ["k"] == worker("search", NS, "dog") == worker("recall", NS, "dog")
        for n in range(5):
            worker("put", NS, "k", f"a cat {n}")
            item = store.get(PLACE, "k")
            assert item is not None
            assert f"a cat {n}" == item.value["content"]
            assert ["k"] == recalled("cat") == [item.key for item in store.search(PLACE, query="cat")]
            assert [] == recalled("dog")
            store.put(PLACE, "k", {"content": f"a dog {n}"})
            assert f"a dog {n}" == worker("get", NS, "k")
            assert ["k"] == worker("recall", NS, "dog")
            assert [] == worker("recall", NS, "cat")
        worker("put", ["memories", "bob"], "new", "a bird")
        assert [PLACE, ("memories", "bob")] == store.list_namespaces()
        worker("delete", NS, "k")
        assert store.get(PLACE, "k") is None
        assert [] == recalled("dog") == [item.key for item in store.search(PLACE, query="dog")]
        assert [("memories", "bob")] == store.list_namespaces()
        assert "done" == worker("check")
        store._check()


def test_a_reader_never_sees_less_than_what_was_committed(path: Path, start: Callable[[str], Worker]) -> None:
    """Two processes write in turn, one renews, sweeps and compacts: a third reads each write as soon as it returned."""
    writers = [start("routed"), start("warm")]
    with WarmStore.open(path) as reader:
        for n in range(40):
            writer, other = writers[n % 2], writers[(n + 1) % 2]
            writer("put", NS, "shared", f"fact number{n}")
            writer("put", NS, f"own{n}", f"another tale number{n}")
            other("mortal", NS, f"mortal{n}", "expires at once")
            item = reader.get(PLACE, "shared")
            assert item is not None
            assert f"fact number{n}" == item.value["content"] == other("get", NS, "shared")
            assert {"shared", f"own{n}"} == {each.key for each in reader.recall(PLACE, f"number{n}").items}
            assert n + 2 == len(reader.search(PLACE, limit=1000))
            if n % 10 == 9:
                assert 10 == other("sweep")
                assert "done" == writer("compact")
                assert reader.get(PLACE, "shared") is not None
        assert ["done", "done"] == [writer("check") for writer in writers]
        reader._check()


def test_another_model_is_put_in_use_beneath_readers(path: Path, start: Callable[[str], Worker]) -> None:
    """A process embeds everything anew while another one searches: it finds all items at any time."""
    reader = start("routed with vectors")
    for n in range(30):
        reader("put", NS, str(n), "x" * n)
    with RoutedStore(path, index=tests.store_worker.OTHER_INDEX) as mender:
        found = [len(reader("search", NS, "x"))]
        mender.reembed(batch=5, progress=lambda count: found.append(len(reader("search", NS, "x"))))
        found.append(len(reader("search", NS, "x")))
        assert {30} == set(found)
        assert "done" == reader("put", NS, "later", "written with the old model")
        assert {"later"} == set(reader("search", NS, "model")[:1])
        assert 1 == mender.reembed().embedded
        assert "done" == reader("check")
        mender._check()


def test_two_writers_and_a_reader_lose_nothing(path: Path, start: Callable[[str], Worker]) -> None:
    """Three processes write at once, into one namespace; every write of every process is there in all of them."""
    workers = [start("routed"), start("warm")]
    with WarmStore.open(path) as store:
        with ThreadPoolExecutor(3) as pool:
            futures = [pool.submit(worker, "fill", NS, 60, f"w{n}-") for n, worker in enumerate(workers)]
            for n in range(60):
                store.put(PLACE, f"own{n}", {"content": f"own fact {n}"})
                store.recall(PLACE, "fact")
            assert ["done", "done"] == [future.result(120) for future in futures]
        expected = {f"{who}{n}" for who in ("w0-", "w1-", "own") for n in range(60)}
        assert expected == {item.key for item in store.search(PLACE, limit=1000)}
        assert expected == {item.key for item in store.search(PLACE, query="fact", limit=1000)}
        for worker in workers:
            assert ["w1-7"] == worker("recall", NS, "w1 7")[:1]
            assert "done" == worker("check")
        store._check()
