"""The acceptance statements 16 and 17: endings, processes, loops."""

from __future__ import annotations

import asyncio
import copy
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langgraph.config import get_store
from langgraph.graph import MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore

from tests.unit.reflection.conftest import WAIT, Make, Seen, contents, said, whose
from warmgraph.errors import ExecutorClosedError, JobLeftError
from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.testing import ManualClock

# ------------------------------------------------------------------------------------------------ 16


def test_parity_16_cancelled_jobs_never_run(make: Make, seen: Seen) -> None:
    """`cancel_futures` gives up what has not begun; what runs ends; a submit afterwards raises."""
    executor = make(seen)
    seen.gate.clear()
    running = executor.submit(said("a"), whose("ana", "1"))
    assert seen.begun.acquire(timeout=WAIT)
    pending = [executor.submit(said("b"), whose(user, "1"), after_seconds=60) for user in ("ana", "bob")]
    assert not executor.shutdown(wait=False, cancel_futures=True)
    assert [True, True] == [future.cancelled() for future in pending]
    assert 2 == executor.stats().cancelled
    assert not executor.shutdown(timeout=0)
    seen.gate.set()
    assert executor.shutdown(timeout=WAIT)
    assert 1 == running.result(WAIT)
    assert [["a"]] == [contents(payload) for payload in seen.payloads]
    with pytest.raises(ExecutorClosedError):
        executor.submit(said("c"), whose("ana"))


def test_parity_16_a_future_can_be_cancelled(make: Make, seen: Seen, clock: ManualClock) -> None:
    """A job that nobody waits for any more is not run; one that somebody still waits for is."""
    executor = make(seen)
    given_up = executor.submit(said("a"), whose("ana", "1"), after_seconds=5)
    assert given_up.cancel()
    both = [executor.submit(said(text), whose("bob", "1"), after_seconds=5) for text in "bc"]
    assert both[0].cancel()
    clock.advance(seconds=5)
    executor.wake()
    assert 2 == both[1].result(WAIT)
    assert executor.shutdown(timeout=WAIT)
    assert [["b", "c"]] == [contents(payload) for payload in seen.payloads]
    assert 1 == executor.stats().cancelled


def test_parity_16_pending_jobs_are_drained_or_persisted(make: Make, seen: Seen, tmp_path: Path) -> None:
    """By choice `shutdown` runs what waits, or leaves it for the next who opens the file."""
    drained = make(seen)
    with drained:
        done = drained.submit(said("a"), whose("ana", "1"), after_seconds=3600)
    assert 1 == done.result(0)
    kept = make(seen, queue=tmp_path / "jobs.db")
    with kept:
        left = kept.submit(said("b"), whose("ana", "1"), after_seconds=3600)
    with pytest.raises(JobLeftError):
        left.result(0)
    with make(seen, queue=tmp_path / "jobs.db", pending="drain"):
        pass
    assert [["a"], ["b"]] == [contents(payload) for payload in seen.payloads]


SCRIPT = """
import sys, time
from warmgraph import ReflectionExecutor
def reflect(payload):
    print(payload["text"], flush=True)
executor = ReflectionExecutor(reflect, ("all",), queue=sys.argv[1], pending=sys.argv[2])
if len(sys.argv) > 3:
    executor.submit({"text": sys.argv[3]}, after_seconds=3600)
"""


def script(*arguments: str) -> str:
    """Run a script that forgets `shutdown`, and return what it printed."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=90).stdout


def test_parity_16_a_script_that_forgets_shutdown_ends(tmp_path: Path) -> None:
    """Its jobs are drained or persisted, by choice."""
    path = str(tmp_path / "jobs.db")
    assert "at once\n" == script(":memory:", "drain", "at once")
    assert "" == script(path, "persist", "later")
    assert "later\n" == script(path, "drain")


# ------------------------------------------------------------------------------------------------ 17


def test_parity_17_a_due_job_does_not_wait_for_delayed_ones(make: Make, seen: Seen) -> None:
    """It starts while a thousand others, submitted before, are delayed."""
    executor = make(seen, synchronous="NORMAL")
    for n in range(1_000):
        executor.submit(said(str(n)), whose("ana", str(n)), after_seconds=3600)
    assert 1 == executor.submit(said("now"), whose("bob")).result(WAIT)
    assert [["now"]] == [contents(payload) for payload in seen.payloads]


def test_parity_17_concurrency_is_what_was_asked_for(make: Make, seen: Seen) -> None:
    """So many jobs run at once, and no more."""
    executor = make(seen, concurrency=3)
    seen.gate.clear()
    futures = [executor.submit(said("a"), whose("ana")) for _ in range(5)]
    for _ in range(3):
        assert seen.begun.acquire(timeout=WAIT)
    assert ["running"] * 3 + ["scheduled"] * 2 == sorted(job.state for job in executor.jobs())
    seen.gate.set()
    assert [1] * 5 == [future.result(WAIT) for future in futures]


def test_parity_17_config_and_payload_are_neither_mutated_nor_aliased(make: Make, clock: ManualClock) -> None:
    """A reflector may change what it gets, and a caller what he gave, and neither sees the other."""
    got: list[Any] = []

    def reflect(payload: Any, config: Any) -> None:
        got.append(([*payload["messages"]], config["configurable"]["tone"]["kind"]))
        payload["messages"].clear()
        config["configurable"]["tone"]["kind"] = "rude"

    executor = make(RunnableLambda(reflect))
    payload, config = said("a"), whose("ana", "1")
    config["configurable"]["tone"] = {"kind": "polite"}
    before = copy.deepcopy((payload, config))
    future = executor.submit(payload, config, after_seconds=5)
    assert before == (payload, config)
    payload["messages"].append("b")
    config["configurable"]["tone"]["kind"] = "other"
    clock.advance(seconds=5)
    executor.wake()
    future.result(WAIT)
    assert [(said("a")["messages"], "polite")] == got
    assert "other" == config["configurable"]["tone"]["kind"]


def test_parity_17_a_failed_attempt_has_written_nothing(make: Make, clock: ManualClock) -> None:
    """Writes are applied when the job is done, as a whole: an attempt that fails after the first leaves no trace."""
    store = InMemoryStore()
    attempts: list[int] = []

    def reflect(payload: Any) -> None:
        mine = get_store()
        attempts.append(1)
        mine.put(("memories", "ana"), f"attempt {len(attempts)}", {"content": "x"})
        assert 1 == len(mine.search(("memories",)))
        if len(attempts) == 1:
            raise OSError("half way")

    executor = make(reflect, store=store, backoff=0)
    executor.invoke(said("a"), whose("ana"))
    assert ["attempt 2"] == [item.key for item in store.search(("memories",))]


def test_parity_17_async_reflectors_and_stores_work_from_any_loop(make: Make) -> None:
    """A graph that can only be awaited runs for sync callers and for several event loops at once."""
    store = InMemoryStore()

    async def node(state: Any) -> Any:
        await get_store().aput(("memories", "ana"), state["messages"][-1].content, {"content": "x"})
        return {}

    graph = StateGraph(MessagesState).add_node("node", node).set_entry_point("node").compile()
    executor = make(graph, store=store)

    async def ask(text: str) -> Any:
        return await executor.ainvoke(said(text), whose("ana"))

    executor.invoke(said("sync"), whose("ana"))
    threads = [threading.Thread(target=asyncio.run, args=(ask(f"loop {n}"),)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert ["loop 0", "loop 1", "loop 2", "sync"] == sorted(item.key for item in store.search(("memories",)))


def test_parity_17_callbacks_reach_the_reflector(make: Make, seen: Seen) -> None:
    """Those of the caller's config are there when the job runs."""
    started: list[Any] = []

    class Handler(BaseCallbackHandler):
        def on_chain_start(self, *args: Any, **kwargs: Any) -> None:
            started.append(kwargs.get("name"))

    executor = make(RunnableLambda(seen, name="reflect"))
    config: Any = {**whose("ana"), "callbacks": [Handler()]}
    executor.invoke(said("a"), config)
    assert "reflect" in started


def test_parity_17_executors_of_one_file_run_what_they_submitted(
    make: Make, seen: Seen, tmp_path: Path, clock: ManualClock
) -> None:
    """Each job is run once, and whoever waits for it hears of it; what one left, the other runs."""
    both = [make(seen, queue=tmp_path / "jobs.db", concurrency=1) for _ in range(2)]
    futures = [both[n % 2].submit(said(str(n)), whose("ana")) for n in range(10)]
    assert [1] * 10 == [future.result(WAIT) for future in futures]
    joined = [executor.submit(said("x"), whose("ana", "1"), after_seconds=5) for executor in both]
    left = both[0].submit(said("left"), whose("ana", "2"), after_seconds=5)
    assert both[0].shutdown(timeout=WAIT)
    with pytest.raises(JobLeftError):
        left.result(0)
    clock.advance(seconds=5)
    both[1].pending = "drain"
    assert both[1].shutdown(timeout=WAIT)
    assert 1 == joined[1].result(0)
    texts = [text for payload in seen.payloads for text in contents(payload)]
    assert sorted([*map(str, range(10)), "x", "left"]) == sorted(texts)


def test_parity_17_a_future_hears_of_a_job_that_another_executor_ran(
    make: Make, seen: Seen, tmp_path: Path, clock: ManualClock
) -> None:
    """A job belongs to who joined it last; the other one learns that it is over."""
    both = [make(seen, queue=tmp_path / "jobs.db") for _ in range(2)]
    first, second = (executor.submit(said("x"), whose("ana", "1"), after_seconds=5) for executor in both)
    clock.advance(seconds=5)
    both[1].wake()
    assert (1, None) == (second.result(WAIT), first.result(WAIT))


def test_a_reflector_without_namespace_is_refused(seen: Seen) -> None:
    """Jobs of everybody would meet."""
    with pytest.raises(ValueError, match="namespace"):
        LocalReflectionExecutor(seen)
