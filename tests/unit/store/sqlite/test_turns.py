"""Who performs what is queued: one of those that wait for it, and never at the expense of the others."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from warmgraph.errors import StoreClosedError, StoreError, StoreUnavailableError
from warmgraph.store.sqlite import writer as module
from warmgraph.store.sqlite.writer import GroupCommitWriter

WAIT = 30.0
Write = Callable[[sqlite3.Connection, Sequence[int]], list[int]]


class Connection(sqlite3.Connection):
    """A connection that counts its commits, and may be made to fail."""

    commits = 0
    failing: BaseException | None = None

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        """Execute a statement."""
        if sql == "COMMIT":
            if self.failing is not None:
                error, self.failing = self.failing, None
                raise error
            self.commits += 1
        return super().execute(sql, *arguments)


class Bench:
    """A writer on a table of one column, and threads that write by it at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = self.connect()
        self.connection.execute("CREATE TABLE t (x INTEGER UNIQUE)")
        self.pool = ThreadPoolExecutor(8)
        self.gate = threading.Event()
        self.performers: list[int] = []  # of each call of `insert`
        self.failed: list[int] = []
        self.writer = GroupCommitWriter(self.connect, str(path))

    def connect(self) -> Connection:
        """Open the connection that writes; the same one again after a rest of the writer."""
        made = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, factory=Connection)
        made.execute("PRAGMA journal_mode = WAL")
        self.connection = made
        return made

    def insert(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> list[int]:
        """Insert numbers and return their squares."""
        self.performers.append(threading.get_ident())
        connection.executemany("INSERT INTO t VALUES (?)", [(x,) for x in numbers])
        return [x * x for x in numbers]

    def write(self, x: int, write: Write | None = None, key: object = None) -> list[int]:
        """Write a number on the calling thread."""
        keys = {x if key is None else key}
        return self.writer.write_rows([x], keys, write or self.insert, failed=lambda: self.failed.append(x))

    def queue(self, numbers: Sequence[int], write: Write | None = None) -> list[Future[list[int]]]:
        """Let threads write numbers that wait for their turn in this order."""
        futures = []
        for x in numbers:
            before = len(self.writer._jobs)
            futures.append(self.pool.submit(self.write, x, write, ("key", x, before)))
            self.await_jobs(before + 1)
        return futures

    def await_jobs(self, count: int) -> None:
        """Return when so many jobs are queued."""
        pause = threading.Event()
        while len(self.writer._jobs) < count:
            pause.wait(0.001)

    def hold(self) -> Future[list[int]]:
        """Let a thread be in the middle of writing 0 until the gate is opened."""
        arrived = threading.Event()

        def wait_at_the_gate(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[int]:
            arrived.set()
            assert self.gate.wait(WAIT)
            return self.insert(connection, numbers)

        held = self.pool.submit(self.write, 0, wait_at_the_gate)
        assert arrived.wait(WAIT)
        return held

    def rows(self) -> list[int]:
        """Read the table through another connection."""
        connection = sqlite3.connect(self.path)
        try:
            return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY x")]
        finally:
            connection.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Make a writer."""
    made = Bench(tmp_path / "t.db")
    yield made
    made.gate.set()
    made.pool.shutdown()
    made.writer.close()


def test_the_first_of_those_that_wait_writes_for_all_of_them(bench: Bench) -> None:
    """What gathers during a commit is the next one, by one call, on a thread that would have had to wait anyway."""
    held = bench.hold()
    futures = bench.queue([1, 2, 3])
    bench.gate.set()
    assert [[0], [1], [4], [9]] == [future.result(WAIT) for future in (held, *futures)]
    assert 2 == bench.connection.commits
    assert 2 == len(bench.performers)
    assert bench.writer._thread.ident not in bench.performers
    assert [0, 1, 2, 3] == bench.rows()


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_one_that_fails_amid_a_group_fails_alone(bench: Bench, bad: int) -> None:
    """Be it the one that writes for all, or another: the error is its own, and the others are committed."""
    bench.write(bad)
    held = bench.hold()
    futures = dict(zip([1, 2, 3], bench.queue([1, 2, 3]), strict=True))
    bench.gate.set()
    held.result(WAIT)
    with pytest.raises(StoreError, match="UNIQUE"):
        futures.pop(bad).result(WAIT)
    assert [[x * x] for x in futures] == [future.result(WAIT) for future in futures.values()]
    assert [bad] == bench.failed
    assert [0, 1, 2, 3] == bench.rows()


def test_a_failed_commit_fails_all_that_it_was_for(bench: Bench) -> None:
    """Nobody is told that it was written, each hears of it once, and who comes later is not concerned."""
    held = bench.hold()
    futures = bench.queue([1, 2, 3])
    bench.connection.failing = sqlite3.OperationalError("disk I/O error")
    bench.gate.set()
    with pytest.raises(StoreError, match="disk I/O error"):
        held.result(WAIT)
    assert [[1], [4], [9]] == [future.result(WAIT) for future in futures]
    bench.connection.failing = sqlite3.OperationalError("disk I/O error")
    with pytest.raises(StoreError, match="disk I/O error"):
        bench.write(4)
    assert [0, 4] == bench.failed
    assert [1, 2, 3] == bench.rows()


def test_an_interrupt_of_the_one_that_writes_is_told_to_others_as_a_failure(bench: Bench) -> None:
    """It alone is interrupted; the others learn that nothing was written, and the next one goes on."""
    held = bench.hold()
    futures = bench.queue([1, 2, 3])
    # The first group ends here; what interrupts comes with the commit of the second.
    original = bench.writer._groups._before

    def before() -> None:
        bench.connection.failing = KeyboardInterrupt()
        bench.writer._groups._before = original

    bench.writer._groups._before = before
    bench.gate.set()
    held.result(WAIT)
    with pytest.raises(KeyboardInterrupt):
        futures[0].result(WAIT)
    for future in futures[1:]:
        with pytest.raises(StoreUnavailableError, match="was interrupted"):
            future.result(WAIT)
    assert [1, 2, 3] == sorted(bench.failed)
    assert [16] == bench.write(4)
    assert [0, 4] == bench.rows()


def test_the_main_thread_writes_for_nobody_else(bench: Bench) -> None:
    """Interrupts reach the main thread only: what others wait for is done by the writer's own, or by one of them."""
    held = bench.hold()
    later: list[Future[list[int]]] = []

    def follow() -> None:
        bench.await_jobs(1)
        later.extend(bench.queue([2, 3]))
        bench.gate.set()

    following = threading.Thread(target=follow)
    following.start()
    assert [1] == bench.write(1)
    following.join(WAIT)
    assert [[0], [4], [9]] == [future.result(WAIT) for future in (held, *later)]
    assert threading.get_ident() not in bench.performers
    assert bench.writer._thread.ident in bench.performers
    assert [0, 1, 2, 3] == bench.rows()


def test_whoever_is_interrupted_while_it_waits_leaves_the_writing_to_others(bench: Bench) -> None:
    """The main thread is released at once; what it queued is written all the same, and nobody hears that it failed."""
    held = bench.hold()
    later: list[Future[list[int]]] = []

    def interrupt() -> None:
        bench.await_jobs(1)
        later.extend(bench.queue([2]))
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        bench.write(1)
    interrupting.join(WAIT)
    bench.gate.set()
    assert [[0], [4]] == [future.result(WAIT) for future in (held, *later)]
    assert [] == bench.failed
    assert [0, 1, 2] == bench.rows()


def test_closing_lets_those_that_wait_finish(bench: Bench) -> None:
    """Threads that queued before are answered; who comes afterwards is refused, and told that it failed."""
    held = bench.hold()
    futures = bench.queue([1, 2, 3])
    closing = threading.Thread(target=bench.writer.close)
    closing.start()
    while not bench.writer._closed:
        closing.join(0.001)
    with pytest.raises(StoreClosedError):
        bench.write(4)
    bench.gate.set()
    closing.join(WAIT)
    assert not closing.is_alive()
    assert [[0], [1], [4], [9]] == [future.result(WAIT) for future in (held, *futures)]
    assert [4] == bench.failed
    assert [0, 1, 2, 3] == bench.rows()
    assert bench.writer.rest(WAIT)
    bench.writer.resume()


def test_a_rest_comes_between_two_groups(bench: Bench) -> None:
    """Whoever forks waits for the group under way only; those that queued go on afterwards, on a new connection."""
    first = bench.connection
    held = bench.hold()
    futures = bench.queue([1, 2])
    rested = bench.pool.submit(bench.writer.rest, WAIT)
    pause = threading.Event()
    while bench.writer._resting is None:
        pause.wait(0.001)
    bench.gate.set()
    assert rested.result(WAIT)
    assert [0] == held.result(WAIT)
    assert [0] == bench.rows()
    assert not any(future.done() for future in futures)
    bench.writer.resume()
    assert [[1], [4]] == [future.result(WAIT) for future in futures]
    assert first is not bench.connection
    assert [0, 1, 2] == bench.rows()


def test_a_rest_that_takes_too_long_is_given_up(bench: Bench) -> None:
    """The group under way goes on, and so do those behind it."""
    held = bench.hold()
    futures = bench.queue([1])
    assert not bench.writer.rest(0)
    bench.gate.set()
    assert [[0], [1]] == [future.result(WAIT) for future in (held, *futures)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_child_forked_in_the_midst_of_a_group_is_told_to_open_anew(bench: Bench) -> None:
    """It has a copy of the queue, and none of the threads that wait in it."""
    held = bench.hold()
    futures = bench.queue([1])
    child = os.fork()
    if child == 0:
        try:
            bench.writer.write_rows([9], {9}, bench.insert)
        except StoreUnavailableError:
            os._exit(0)
        os._exit(1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    bench.gate.set()
    assert [[0], [1]] == [future.result(WAIT) for future in (held, *futures)]
    assert [0, 1] == bench.rows()


def test_threads_that_come_back_are_written_together_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is the first to come back waits for the others, and their next writes are one commit, too."""
    monkeypatch.setattr(module, "NEWCOMER_SECONDS", WAIT)
    held = bench.hold()
    futures = bench.queue([1, 2, 3])
    bench.gate.set()
    assert [0] == held.result(WAIT)
    futures.append(bench.pool.submit(bench.write, 4))  # the fourth of those that were there
    assert [[1], [4], [9], [16]] == [future.result(WAIT) for future in futures]
    assert 2 == bench.connection.commits
    again = [bench.pool.submit(bench.write, x) for x in (5, 6, 7, 8)]
    assert [[25], [36], [49], [64]] == [future.result(WAIT) for future in again]
    assert 3 == bench.connection.commits


def test_whoever_does_not_come_back_is_not_waited_for_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once in vain, then not for a while: a thread that writes alone goes on as if it had never been crowded."""
    monkeypatch.setattr(module, "NEWCOMER_SECONDS", 0.0)
    held = bench.hold()
    futures = bench.queue([1, 2, 3])
    bench.gate.set()
    for future in (held, *futures):
        future.result(WAIT)
    assert [16] == bench.pool.submit(bench.write, 4).result(WAIT)
    assert (1, 0) == (bench.writer._expected, bench.writer._skips)
    monkeypatch.setattr(module, "NEWCOMER_SECONDS", WAIT)
    assert [25] == bench.pool.submit(bench.write, 5).result(WAIT)


def test_futures_and_threads_that_wait_share_a_commit(bench: Bench) -> None:
    """An event loop's write that is first in the queue is done by the writer's own thread, with those behind it."""
    held = bench.hold()
    future = bench.writer.submit_rows([1], {1}, bench.insert)
    futures = bench.queue([2, 3])
    bench.gate.set()
    assert [[0], [1], [4], [9]] == [each.result(WAIT) for each in (held, future, *futures)]
    assert 2 == bench.connection.commits
    assert bench.writer._thread.ident == bench.performers[-1]


def test_a_call_runs_on_the_thread_after_what_was_written_meanwhile(bench: Bench) -> None:
    """Nobody who writes has to wait for the maintenance of somebody else."""
    held = bench.hold()
    done: list[bool] = []
    callers: list[int] = []
    futures = bench.queue([1])

    def maintain() -> None:
        callers.append(threading.get_ident())
        done.extend(future.result(WAIT) is not None for future in futures)

    call = bench.writer.call(maintain)
    futures += bench.queue([2])
    bench.gate.set()
    call.result(WAIT)
    assert [0] == held.result(WAIT)
    assert [True, True] == done
    assert [bench.writer._thread.ident] == callers
    assert bench.writer._thread.ident not in bench.performers
    assert 2 == bench.connection.commits
