"""The acceptance statements 14 and 15: which jobs join, and what failures do."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from tests.unit.reflection.conftest import WAIT, Make, Seen, contents, said, whose
from warmgraph.errors import UnresolvedNamespaceError
from warmgraph.reflection import JobEvent
from warmgraph.testing import ManualClock

# ------------------------------------------------------------------------------------------------ 14


def test_parity_14_jobs_without_a_thread_never_meet(make: Make, seen: Seen, clock: ManualClock) -> None:
    """Five submits for five users, and two more of one user, run seven times."""
    executor = make(seen)
    users = [*"abcde", "a", "a"]
    futures = [executor.submit(said(user), whose(user), after_seconds=5) for user in users]
    clock.advance(seconds=5)
    executor.wake()
    assert [1] * 7 == [future.result(WAIT) for future in futures]
    assert sorted(users) == sorted(text for payload in seen.payloads for text in contents(payload))


def test_parity_14_submits_of_one_thread_run_once_with_everything(make: Make, seen: Seen, clock: ManualClock) -> None:
    """The delay begins anew with each submit, and the one run covers what was said in all of them."""
    executor = make(seen)
    futures = []
    for n in range(4):
        futures.append(executor.submit(said(f"turn {n}"), whose("ana", "1"), after_seconds=10))
        clock.advance(seconds=9)
        executor.wake()
    assert [("scheduled", 4, 0)] == [(job.state, job.submits, job.attempts) for job in executor.jobs()]
    clock.advance(seconds=1)
    executor.wake()
    assert [4] * 4 == [future.result(WAIT) for future in futures]
    assert [[f"turn {n}" for n in range(4)]] == [contents(payload) for payload in seen.payloads]
    stats = executor.stats()
    assert (4, 3, 1, 1) == (stats.submitted, stats.coalesced, stats.started, stats.succeeded)


def test_parity_14_the_key_is_namespace_and_thread(make: Make, seen: Seen) -> None:
    """Two users with a thread of the same name are two jobs."""
    executor = make(seen)
    for user in ("ana", "bob"):
        executor.submit(said(user), whose(user, "1"), after_seconds=5)
    assert {("memories", "ana"), ("memories", "bob")} == {job.namespace for job in executor.jobs()}


def test_parity_14_the_latest_payload_by_choice(make: Make, seen: Seen, clock: ManualClock) -> None:
    """`payloads="latest"` runs with the last one, and a function of two with what it makes of them."""
    latest = make(seen, payloads="latest")
    longest = make(seen, payloads=lambda older, newer: max(older, newer, key=lambda each: len(each["messages"])))
    for executor in (latest, longest):
        futures = [
            executor.submit(said(*texts), whose("ana", "1"), after_seconds=5) for texts in (("a", "b", "c"), ("d",))
        ]
        clock.advance(seconds=5)
        executor.wake()
        for future in futures:
            future.result(WAIT)
    assert [["d"], ["a", "b", "c"]] == [contents(payload) for payload in seen.payloads]


def test_parity_14_what_comes_while_a_job_runs_is_run_after_it(make: Make, seen: Seen) -> None:
    """Jobs of one thread never run side by side, and none is lost."""
    executor = make(seen)
    seen.gate.clear()
    first = executor.submit(said("a"), whose("ana", "1"))
    assert seen.begun.acquire(timeout=WAIT)
    second = executor.submit(said("b"), whose("ana", "1"))
    third = executor.submit(said("c"), whose("ana", "1"))
    beside = executor.submit(said("d"), whose("ana", "2"))
    assert seen.begun.acquire(timeout=WAIT)
    assert [["a"], ["d"]] == [contents(payload) for payload in seen.payloads]
    seen.gate.set()
    assert [1, 2, 2, 1] == [future.result(WAIT) for future in (first, second, third, beside)]


def test_parity_14_a_thread_that_never_falls_silent_is_reflected_on(make: Make, seen: Seen, clock: ManualClock) -> None:
    """With `max_delay` the first submit bounds how long the job waits."""
    executor = make(seen, max_delay=25)
    futures = []
    for n in range(3):
        futures.append(executor.submit(said(str(n)), whose("ana", "1"), after_seconds=10))
        clock.advance(seconds=9)
    executor.wake()
    assert [3] * 3 == [future.result(WAIT) for future in futures]


def test_parity_14_without_a_user_nothing_is_submitted(make: Make, seen: Seen) -> None:
    """A namespace that nobody fills in is an error, and never a shared default."""
    executor = make(seen)
    with pytest.raises(UnresolvedNamespaceError):
        executor.submit(said("a"), {})
    assert [] == executor.jobs()


def test_parity_14_a_thousand_submits_over_fifty_threads(make: Make, clock: ManualClock) -> None:
    """With delays at random, from several threads at once: each conversation has all that was said, each once."""
    heard: dict[str, list[str]] = {}

    def reflect(payload: Any, config: Any) -> None:
        heard.setdefault(config["configurable"]["thread_id"], []).extend(contents(payload))

    executor = make(RunnableLambda(reflect), synchronous="NORMAL")
    choose = random.Random(5)
    plan = [(str(n % 50), str(n), choose.choice([0, 0.5, 5, 60])) for n in range(1_000)]

    def submit(part: int) -> None:
        for thread, text, delay in plan:
            if int(thread) % 4 == part:
                executor.submit(said(text), whose("ana", thread), after_seconds=delay)

    threads = [threading.Thread(target=submit, args=(part,)) for part in range(4)]
    for each in threads:
        each.start()
    for _ in range(20):
        clock.advance(seconds=3)
        executor.wake()
    for each in threads:
        each.join(WAIT)
    assert executor.shutdown(timeout=WAIT)
    expected: dict[str, list[str]] = {}
    for thread, text, _ in plan:
        expected.setdefault(thread, []).append(text)
    assert expected == heard
    assert 1_000 == executor.stats().submitted == executor.stats().coalesced + executor.stats().succeeded


# ------------------------------------------------------------------------------------------------ 15


class OddError(BaseException):
    """An error that no `except Exception` sees."""


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize(
    "error",
    [ValueError("x"), SystemExit(3), KeyboardInterrupt(), OddError(), asyncio.CancelledError(), StopIteration()],
)
def test_parity_15_no_error_stops_the_worker(
    awaited: bool, error: BaseException, make: Make, seen: Seen, clock: ManualClock
) -> None:
    """Whatever a job raises, it is retried after its backoff, and the next job runs."""

    async def wait(payload: Any) -> Any:
        return seen(payload)

    events: list[JobEvent] = []
    executor = make(wait if awaited else seen, concurrency=1, backoff=60, listener=events.append)
    seen.errors = [error]
    failing = executor.submit(said("a"), whose("ana", "1"))
    assert 1 == executor.submit(said("b"), whose("bob")).result(WAIT)
    assert [("scheduled", 1)] == [(job.state, job.attempts) for job in executor.jobs()]
    clock.advance(seconds=60)
    executor.wake()
    assert 1 == failing.result(WAIT)
    assert 1 == [event["type"] for event in events].count("retried")


def test_parity_15_failures_back_off_and_end_as_dead_letters(make: Make, seen: Seen, clock: ManualClock) -> None:
    """Waits double; the last failure is kept with its error, raised to who waits, and can be tried again."""
    events: list[JobEvent] = []
    told = threading.Semaphore(0)

    def listen(event: JobEvent) -> None:
        events.append(event)
        if event["type"] in ("retried", "dead"):
            told.release()

    executor = make(seen, max_attempts=3, backoff=10, listener=listen)
    seen.errors = [OSError("one"), OSError("two"), OSError("three")]
    future = executor.submit(said("a"), whose("ana", "1"))
    waits = []
    for _ in range(2):
        assert told.acquire(timeout=WAIT)
        [job] = executor.jobs("scheduled")
        waits.append((job.due - clock.now()).total_seconds())
        clock.advance(seconds=waits[-1])
        executor.wake()
    assert told.acquire(timeout=WAIT)
    assert [10, 20] == waits
    with pytest.raises(OSError, match="three"):
        future.result(WAIT)
    assert [("dead", 3, "OSError: three")] == [(job.state, job.attempts, job.error) for job in executor.jobs()]
    assert 1 == executor.retry_dead()
    executor.shutdown(timeout=WAIT)
    assert ["a"] == contents(seen.payloads[3])
    assert "succeeded" == events[-1]["type"]


def test_parity_15_a_failed_job_joins_what_came_meanwhile(make: Make, seen: Seen, clock: ManualClock) -> None:
    """It is not run twice for the same words, and loses none."""
    executor = make(seen, backoff=60)
    seen.gate.clear()
    seen.errors = [OSError("first")]
    first = executor.submit(said("a"), whose("ana", "1"))
    assert seen.begun.acquire(timeout=WAIT)
    second = executor.submit(said("b"), whose("ana", "1"), after_seconds=5)
    seen.gate.set()
    executor.submit(said("x"), whose("bob")).result(WAIT)
    clock.advance(seconds=5)
    executor.wake()
    assert [2, 2] == [first.result(WAIT), second.result(WAIT)]
    assert [["a"], ["x"], ["a", "b"]] == [contents(payload) for payload in seen.payloads]


def test_parity_15_a_listener_that_fails_is_no_failure_of_the_job(make: Make, seen: Seen) -> None:
    """What watches does not disturb."""

    def listen(event: JobEvent) -> None:
        raise ValueError("no")

    assert 1 == make(seen, listener=listen).invoke(said("a"), whose("ana"))
