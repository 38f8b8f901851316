"""The writer: what arrives together is committed together, and nothing is acknowledged before."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, wait
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from warmgraph.errors import StoreClosedError, StoreError
from warmgraph.store.sqlite.writer import MAX_GROUP, GroupCommitWriter

WAIT = 30.0


class Bench:
    """A writer on a table of one column, that notes what it executes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("CREATE TABLE t (x INTEGER UNIQUE)")
        self.statements: list[str] = []
        connection.set_trace_callback(self.statements.append)
        self.writer = GroupCommitWriter(lambda: connection, str(path))
        self.gate = threading.Event()

    def hold(self) -> None:
        """Keep the writer busy, so that what comes next waits in its queue."""
        arrived = threading.Event()

        def wait_at_the_gate() -> None:
            arrived.set()
            assert self.gate.wait(WAIT)

        self.writer.call(wait_at_the_gate)
        assert arrived.wait(WAIT)

    def rows(self) -> list[int]:
        """Read the table through another connection."""
        connection = sqlite3.connect(self.path)
        try:
            return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY x")]
        finally:
            connection.close()

    def commits(self) -> int:
        """Return how many transactions were committed."""
        return self.statements.count("COMMIT")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Make a writer."""
    made = Bench(tmp_path / "t.db")
    yield made
    made.gate.set()
    made.writer.close()


def insert(x: int) -> Callable[[sqlite3.Connection], int]:
    """Return a job that inserts a number, and returns its square."""

    def job(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (x,))
        return x * x

    return job


def test_jobs_that_wait_together_are_one_commit(bench: Bench) -> None:
    """Fifty writes cost one transaction, and each gets its own answer."""
    bench.hold()
    futures = [bench.writer.submit(insert(n)) for n in range(50)]
    bench.gate.set()
    assert [n * n for n in range(50)] == [future.result(WAIT) for future in futures]
    assert 1 == bench.commits()
    assert list(range(50)) == bench.rows()


def insert_all(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[int]:
    """Insert numbers and return their squares."""
    connection.execute(f"INSERT INTO t VALUES {','.join(f'({x})' for x in numbers)}")
    return [x * x for x in numbers]


def test_rows_that_wait_together_are_one_statement(bench: Bench) -> None:
    """Rows of several callers are written by one call; each gets the answers to its own, after the commit."""
    bench.hold()
    seen: list[list[int]] = []
    futures = [bench.writer.submit_rows([n, n + 1], {n, n + 1}, insert_all, seen.append) for n in range(0, 20, 2)]
    bench.gate.set()
    answers = [[n * n, (n + 1) * (n + 1)] for n in range(0, 20, 2)]
    assert answers == [future.result(WAIT) for future in futures]
    assert answers == seen
    assert 1 == sum(each.startswith("INSERT") for each in bench.statements)
    assert 1 == bench.commits()


def test_rows_of_one_key_are_written_one_after_the_other(bench: Bench) -> None:
    """Two callers that write the same row do so in the order in which they came."""
    written: list[list[int]] = []

    def write(connection: sqlite3.Connection, rows: Sequence[int]) -> list[int]:
        written.append(list(rows))
        return list(rows)

    bench.hold()
    futures = [bench.writer.submit_rows([n], {n % 3}, write) for n in range(7)]
    bench.gate.set()
    assert [[n] for n in range(7)] == [future.result(WAIT) for future in futures]
    assert [[0, 1, 2], [3, 4, 5], [6]] == written


def test_rows_that_fail_together_are_tried_one_by_one(bench: Bench) -> None:
    """Whoever brings a row that cannot be written fails alone."""
    bench.hold()
    futures = [bench.writer.submit_rows([x], {at}, insert_all) for at, x in enumerate([1, 2, 1, 3])]
    bench.gate.set()
    assert [[1], [4], [9]] == [futures[at].result(WAIT) for at in (0, 1, 3)]
    with pytest.raises(StoreError, match="UNIQUE"):
        futures[2].result(WAIT)
    assert [1, 2, 3] == bench.rows()


def test_whoever_may_wait_writes_by_itself(bench: Bench) -> None:
    """Where nobody else writes no other thread is woken."""
    threads: list[int] = []

    def write(connection: sqlite3.Connection, rows: Sequence[int]) -> list[int]:
        threads.append(threading.get_ident())
        return insert_all(connection, rows)

    assert [1] == bench.writer.write_rows([1], {1}, write)
    assert [threading.get_ident()] == threads
    with pytest.raises(StoreError, match="UNIQUE"):
        bench.writer.write_rows([1], {1}, write)
    assert [1] == bench.rows()


def test_an_interrupt_while_one_writes_leaves_nothing_half_done(bench: Bench) -> None:
    """The caller gets it; what it wrote is undone, and the writer goes on."""

    def interrupted(connection: sqlite3.Connection, rows: Sequence[int]) -> list[int]:
        insert_all(connection, rows)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.writer.write_rows([1], {1}, interrupted)
    assert [9] == bench.writer.write_rows([3], {3}, insert_all)
    assert [3] == bench.rows()


class InterruptedAfterwards(sqlite3.Connection):
    """A connection on which the program is interrupted while it waits for a commit."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        """Execute, and be interrupted."""
        cursor = super().execute(sql, *arguments)
        if sql == "COMMIT":
            raise KeyboardInterrupt
        return cursor


def test_an_interrupt_during_a_commit_comes_when_what_was_committed_is_applied(tmp_path: Path) -> None:
    """The caller is interrupted, and nobody is told that what is on disk was not written."""
    applied: list[list[int]] = []
    connection = sqlite3.connect(
        tmp_path / "t.db", isolation_level=None, check_same_thread=False, factory=InterruptedAfterwards
    )
    connection.execute("CREATE TABLE t (x INTEGER UNIQUE)")
    writer = GroupCommitWriter(lambda: connection, "t.db")
    with pytest.raises(KeyboardInterrupt):
        writer.write_rows([2], {2}, insert_all, applied.append)
    assert [[4]] == applied
    assert [(2,)] == writer.submit(lambda c: c.execute("SELECT x FROM t").fetchall()).result(WAIT)
    writer.close()


def test_an_interrupt_while_a_group_is_rolled_back_leaves_the_next_one_unharmed(bench: Bench) -> None:
    """A transaction that was left open is ended before another begins."""

    def left_open(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (7)")

    bench.writer.maintain(left_open).result(WAIT)
    assert [9] == bench.writer.write_rows([3], {3}, insert_all)
    assert [3] == bench.rows()


def test_whoever_writes_in_the_middle_of_a_commit_is_told_that_it_cannot_be_waited_for(bench: Bench) -> None:
    """A finalizer that the writing thread runs does not wait for that thread; what it wrote is committed afterwards."""
    later: list[Any] = []
    errors: list[StoreError] = []

    def applied(answer: object) -> None:
        later.append(bench.writer.submit_rows([5], {5}, insert_all))
        for wait_for_it in (later[0].result, partial(bench.writer.write_rows, [6], {6}, insert_all)):
            try:
                wait_for_it()
            except StoreError as error:
                errors.append(error)

    assert [4] == bench.writer.write_rows([2], {2}, insert_all, applied)
    assert 2 * ["cannot be waited for"] == [str(error)[-len("cannot be waited for") :] for error in errors]
    assert [25] == later[0].result(WAIT)
    assert [49] == bench.writer.write_rows([7], {7}, insert_all)
    assert [2, 5, 6, 7] == bench.rows()


def test_whoever_applies_a_write_may_read(bench: Bench) -> None:
    """A read from within `applied` does not wait for the writer, which waits for it; others wait for their turn."""
    seen: list[list[int]] = []

    def look(connection: sqlite3.Connection) -> list[int]:
        return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY x")]

    def applied(answer: object) -> None:
        seen.append(bench.writer.read(look))

    assert 9 == bench.writer.submit(insert(3), applied).result(WAIT)
    assert [16] == bench.writer.write_rows([4], {4}, insert_all, applied)
    assert [[3], [3, 4]] == seen
    assert [3, 4] == bench.writer.read(look)


def test_a_group_is_bounded(bench: Bench) -> None:
    """The first of a long queue need not wait for all of it."""
    bench.hold()
    futures = [bench.writer.submit(insert(n)) for n in range(MAX_GROUP + 10)]
    bench.gate.set()
    wait(futures, WAIT)
    assert 2 == bench.commits()


def test_nothing_is_acknowledged_before_it_is_committed(bench: Bench) -> None:
    """When a future is done another connection sees its row, and `applied` was called."""
    seen: list[tuple[int, list[int]]] = []
    future = bench.writer.submit(insert(3), lambda answer: seen.append((answer, bench.rows())))
    assert 9 == future.result(WAIT)
    assert [(9, [3])] == seen


def test_a_job_that_fails_takes_nothing_with_it(bench: Bench) -> None:
    """Its own statements are undone; its neighbours in the group are committed."""
    bench.hold()

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (100)")
        raise LookupError("changed my mind")

    jobs: list[Callable[[sqlite3.Connection], Any]] = [insert(1), half, insert(1), insert(2)]
    futures = [bench.writer.submit(job) for job in jobs]
    bench.gate.set()
    assert 1 == futures[0].result(WAIT)
    with pytest.raises(LookupError):
        futures[1].result(WAIT)
    with pytest.raises(StoreError, match="UNIQUE"):
        futures[2].result(WAIT)
    assert 4 == futures[3].result(WAIT)
    assert [1, 2] == bench.rows()


def test_a_failed_transaction_fails_all_of_its_jobs(bench: Bench) -> None:
    """When nothing could be committed nobody is told otherwise, and the writer goes on."""
    bench.hold()

    def end_the_transaction(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")
        raise OSError("as SQLite does when the disk is full")

    applied: list[int] = []
    jobs: list[Callable[[sqlite3.Connection], Any]] = [insert(1), end_the_transaction, insert(2)]
    futures = [bench.writer.submit(job, applied.append) for job in jobs]
    bench.gate.set()
    for future in futures:
        with pytest.raises(StoreError):
            future.result(WAIT)
    assert [] == applied == bench.rows()
    assert 9 == bench.writer.submit(insert(3)).result(WAIT)
    assert [3] == bench.rows()


def test_calls_come_after_the_writes_of_their_group(bench: Bench) -> None:
    """A call that was queued between two writes finds both applied, and needs no transaction."""
    bench.hold()
    order: list[str] = []
    bench.writer.submit(insert(1), lambda answer: order.append("first"))
    call = bench.writer.call(lambda: order.append("call"))
    bench.writer.submit(insert(2), lambda answer: order.append("second"))
    bench.gate.set()
    call.result(WAIT)
    assert ["first", "second", "call"] == order
    before = len(bench.statements)
    bench.writer.call(lambda: None).result(WAIT)
    assert before == len(bench.statements)


def test_a_job_that_was_cancelled_in_time_is_not_done(bench: Bench) -> None:
    """Whoever gave up while waiting in the queue wrote nothing."""
    bench.hold()
    futures = [bench.writer.submit(insert(n)) for n in range(3)]
    assert futures[1].cancel()
    bench.gate.set()
    wait(futures, WAIT)
    with pytest.raises(CancelledError):
        futures[1].result()
    assert [0, 2] == bench.rows()


def test_closing_finishes_what_was_submitted(bench: Bench) -> None:
    """What is in the queue is written; what comes later is refused."""
    bench.hold()
    futures = [bench.writer.submit(insert(n)) for n in range(20)]
    closing = threading.Thread(target=bench.writer.close)
    closing.start()
    bench.gate.set()
    closing.join(WAIT)
    assert all(future.done() for future in futures)
    assert list(range(20)) == bench.rows()
    with pytest.raises(StoreClosedError):
        bench.writer.submit(insert(99))
    with pytest.raises(StoreClosedError):
        bench.writer.call(lambda: None)
    bench.writer.close()
