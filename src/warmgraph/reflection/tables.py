"""The table of jobs, and each step of a job's life as one piece of a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from warmgraph.reflection.jobs import ReflectionJob

__all__ = [
    "Claimed",
    "Combine",
    "NewJob",
    "bury",
    "cancel",
    "claim",
    "ended_elsewhere",
    "enqueue",
    "finish",
    "list_jobs",
    "microseconds",
    "next_due",
    "prepare",
    "put_back",
    "record_effects",
    "recover",
    "release",
    "renew",
    "revive",
]

# From what a job was submitted with and what came for the same thread later to what the one job is to run with.
Combine: TypeAlias = Callable[[bytes, bytes], bytes]

_VERSION = 1
_APPLICATION = 0x77674A51  # "wgJQ"
_SCHEMA = """
create table jobs (
  id integer primary key autoincrement,
  key text not null unique,
  queue text not null,
  namespace text not null,
  thread text,
  state text not null check (state in ('scheduled', 'running', 'applying', 'dead')),
  due integer not null,
  created integer not null,
  submits integer not null,
  attempts integer not null,
  submission blob not null,
  effects blob,
  error text,
  submitter text,
  owner text,
  lease integer
);
create unique index one_scheduled on jobs (queue, namespace, thread) where state = 'scheduled' and thread is not null;
create index by_thread on jobs (queue, namespace, thread, state);
create index by_due on jobs (queue, state, due);
create index by_submitter on jobs (queue, submitter);
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Who submitted a job waits for it, so it is theirs while they live: only they can say what came of it.
_OURS = "(job.submitter is null or job.submitter = ?)"
# Of one thread one job runs at a time, in the order in which they came.
_FREE = """
not exists (
  select 1 from jobs other
  where other.queue = job.queue and other.namespace = job.namespace and other.thread = job.thread
    and other.id <> job.id
    and (other.state = 'running' or (other.state = 'applying' and job.state = 'scheduled'))
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is submitted. Times are in microseconds since 1970."""

    key: str
    queue: str
    submitter: str
    namespace: tuple[str, ...]
    thread: str | None
    due: int
    now: int
    submission: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A job that its owner has begun; `effects` are there when only these are left to be applied."""

    id: int
    key: str
    namespace: tuple[str, ...]
    thread: str | None
    attempts: int
    submission: bytes
    effects: bytes | None


def microseconds(time: datetime) -> int:
    """Return a time as the table has it."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def prepare(connection: sqlite3.Connection) -> None:
    """Make the table in a new file; raise `sqlite3.DatabaseError` for a file that is something else."""
    if connection.execute("pragma application_id").fetchone()[0] != _APPLICATION:
        if connection.execute("select count(*) from sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError("the file is no queue of jobs")
        connection.execute("begin immediate")
        try:
            # Another process may have made it meanwhile.
            if connection.execute("pragma application_id").fetchone()[0] != _APPLICATION:
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"pragma application_id = {_APPLICATION}")
                connection.execute(f"pragma user_version = {_VERSION}")
        finally:
            connection.execute("commit")
    if (version := connection.execute("pragma user_version").fetchone()[0]) != _VERSION:
        raise sqlite3.DatabaseError(f"the queue is of version {version}, not {_VERSION}")


def enqueue(
    connection: sqlite3.Connection, job: NewJob, combine: Combine, max_delay: int | None = None
) -> tuple[int, bool]:
    """Schedule a job, or let it join the one that is scheduled for its thread.

    Args:
        connection: In a transaction, as for all steps here.
        job: The job.
        combine: Makes one submission of two.
        max_delay: How long after its first submit a job starts at the latest, in microseconds.

    Returns:
        The number of the job, and whether it was there before.
    """
    place = json.dumps(job.namespace)
    found = None
    if job.thread is not None:
        found = connection.execute(
            "select id, created, submission from jobs "
            "where queue = ? and namespace = ? and thread = ? and state = 'scheduled'",
            (job.queue, place, job.thread),
        ).fetchone()
    if found is None:
        cursor = connection.execute(
            "insert into jobs (key, queue, namespace, thread, state, due, created, submits, attempts, submission, "
            "submitter) values (?, ?, ?, ?, 'scheduled', ?, ?, 1, 0, ?, ?)",
            (job.key, job.queue, place, job.thread, job.due, job.now, job.submission, job.submitter),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid, False
    number, created, submission = found
    due = job.due if max_delay is None else max(job.now, min(job.due, created + max_delay))
    connection.execute(
        "update jobs set due = ?, submits = submits + 1, submission = ?, submitter = ? where id = ?",
        (due, combine(submission, job.submission), job.submitter, number),
    )
    return number, True


def claim(
    connection: sqlite3.Connection, queue: str, owner: str, now: int, lease: int, limit: int, *, early: bool = False
) -> list[Claimed]:
    """Begin up to `limit` jobs that are due, the longest due first; with `early` those that are not due as well.

    A job that somebody else submitted is left to them, unless it has been due for as long as a lease.
    """
    rows = connection.execute(
        "select id, key, namespace, thread, attempts, submission, effects from jobs job "
        "where queue = ? and state in ('scheduled', 'applying') "
        f"and ((({_OURS}) and (? or due <= ?)) or due < ?) and {_FREE} order by due, id limit ?",
        (queue, owner, early, now, 2 * now - lease, limit),
    ).fetchall()
    claimed = []
    for number, key, place, thread, attempts, submission, effects in rows:
        connection.execute(
            "update jobs set state = 'running', attempts = attempts + 1, owner = ?, lease = ? where id = ?",
            (owner, lease, number),
        )
        claimed.append(
            Claimed(
                id=number,
                key=key,
                namespace=tuple(json.loads(place)),
                thread=thread,
                attempts=attempts + 1,
                submission=submission,
                effects=effects,
            )
        )
    return claimed


def next_due(connection: sqlite3.Connection, queue: str, owner: str) -> int | None:
    """Return when the owner's next job is due that no other job of its thread holds up."""
    due = connection.execute(
        f"select min(due) from jobs job where queue = ? and state in ('scheduled', 'applying') and {_OURS} and {_FREE}",
        (queue, owner),
    ).fetchone()[0]
    return None if due is None else int(due)


def renew(connection: sqlite3.Connection, owner: str, lease: int) -> None:
    """Say that the owner lives, and how long others are to believe it."""
    connection.execute("update jobs set lease = ? where owner = ? and state = 'running'", (lease, owner))


def recover(
    connection: sqlite3.Connection, queue: str, now: int, is_gone: Callable[[str], bool], me: str, combine: Combine
) -> list[int]:
    """Put back the jobs of owners that are gone, or that have not renewed their lease, and return their numbers."""
    rows = connection.execute(
        "select id, owner, lease from jobs where queue = ? and state = 'running'", (queue,)
    ).fetchall()
    lost = [number for number, owner, lease in rows if owner != me and (lease < now or is_gone(owner))]
    for number in lost:
        put_back(connection, number, None, now, None, combine)
    submitters = connection.execute(
        "select distinct submitter from jobs where queue = ? and submitter is not null and submitter <> ?", (queue, me)
    ).fetchall()
    for (submitter,) in submitters:
        if is_gone(submitter):
            release(connection, submitter)
    return lost


def release(connection: sqlite3.Connection, submitter: str) -> None:
    """Let anybody run what somebody submitted who has ended."""
    connection.execute("update jobs set submitter = null where submitter = ?", (submitter,))


def ended_elsewhere(connection: sqlite3.Connection, numbers: list[int]) -> dict[int, str | None]:
    """Return which of these jobs are over, with the error of those that are dead."""
    over: dict[int, str | None] = {}
    for number in numbers:
        row = connection.execute("select state, error from jobs where id = ?", (number,)).fetchone()
        if row is None or row[0] == "dead":
            over[number] = None if row is None else row[1]
    return over


def record_effects(connection: sqlite3.Connection, number: int, owner: str, effects: bytes) -> bool:
    """Note what a job is going to write. From here on it is never run again, only its writes are.

    Returns:
        Whether the owner still has the job; if not, it must not write anything.
    """
    cursor = connection.execute(
        "update jobs set effects = ? where id = ? and owner = ? and state = 'running'", (effects, number, owner)
    )
    return cursor.rowcount == 1


def finish(connection: sqlite3.Connection, number: int, owner: str) -> bool:
    """Remove a job that is done; return whether it was still the owner's."""
    cursor = connection.execute("delete from jobs where id = ? and owner = ?", (number, owner))
    return cursor.rowcount == 1


def put_back(
    connection: sqlite3.Connection, number: int, owner: str | None, due: int, error: str | None, combine: Combine
) -> int | None:
    """Schedule a running job anew; it joins what was submitted for its thread meanwhile.

    Returns:
        The number of the job that now stands for it; `None` when it is no longer the owner's.
    """
    row = connection.execute(
        "select queue, namespace, thread, submission, effects, submits, attempts, created, owner, error "
        "from jobs where id = ? and state in ('running', 'dead')",
        (number,),
    ).fetchone()
    if row is None or (owner is not None and row[8] != owner):
        return None
    queue, place, thread, submission, effects, submits, attempts, created, _, error_before = row
    newer = None
    if effects is None and thread is not None:
        newer = connection.execute(
            "select id, submission from jobs where queue = ? and namespace = ? and thread = ? and state = 'scheduled'",
            (queue, place, thread),
        ).fetchone()
    if newer is None:
        connection.execute(
            "update jobs set state = ?, due = ?, error = ?, owner = null, lease = null where id = ?",
            ("scheduled" if effects is None else "applying", due, error or error_before, number),
        )
        return number
    connection.execute("delete from jobs where id = ?", (number,))
    connection.execute(
        "update jobs set submission = ?, submits = submits + ?, attempts = ?, created = ?, error = ? where id = ?",
        (combine(submission, newer[1]), submits, attempts, created, error or error_before, newer[0]),
    )
    return int(newer[0])


def bury(connection: sqlite3.Connection, number: int, owner: str, error: str) -> bool:
    """Keep a job that failed for the last time; return whether it was still the owner's."""
    cursor = connection.execute(
        "update jobs set state = 'dead', error = ?, owner = null, lease = null where id = ? and owner = ?",
        (error, number, owner),
    )
    return cursor.rowcount == 1


def revive(connection: sqlite3.Connection, queue: str, now: int, numbers: list[int] | None, combine: Combine) -> int:
    """Schedule dead jobs anew, all of them or those with these numbers; return how many."""
    dead = connection.execute("select id from jobs where queue = ? and state = 'dead' order by id", (queue,)).fetchall()
    chosen = [number for (number,) in dead if numbers is None or number in numbers]
    for number in chosen:
        connection.execute("update jobs set attempts = 0, submitter = null where id = ?", (number,))
        put_back(connection, number, None, now, None, combine)
    return len(chosen)


def cancel(connection: sqlite3.Connection, numbers: list[int]) -> list[int]:
    """Remove those of the jobs that have not begun, and return their numbers."""
    removed = []
    for number in numbers:
        if connection.execute("delete from jobs where id = ? and state = 'scheduled'", (number,)).rowcount:
            removed.append(number)
    return removed


def list_jobs(connection: sqlite3.Connection, queue: str) -> list[ReflectionJob]:
    """Return all jobs that are not done, in the order in which they are due."""
    rows: list[Any] = connection.execute(
        "select id, key, namespace, thread, state, due, created, submits, attempts, error from jobs "
        "where queue = ? order by due, id",
        (queue,),
    ).fetchall()
    return [
        ReflectionJob(
            id=row[0],
            key=row[1],
            namespace=tuple(json.loads(row[2])),
            thread_id=row[3],
            state=row[4],
            due=_EPOCH + timedelta(microseconds=row[5]),
            created=_EPOCH + timedelta(microseconds=row[6]),
            submits=row[7],
            attempts=row[8],
            error=row[9],
        )
        for row in rows
    ]
