"""Erasure from a queue of background jobs: waiting, running and dead ones, and what they were about to write."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

from langchain_core.messages import BaseMessage
from langgraph.store.base import BaseStore

from warmgraph.reflection import tables
from warmgraph.reflection.outbox import dump_writes, load_writes
from warmgraph.reflection.queue import JobQueue
from warmgraph.reflection.submissions import Submission, merge_payloads
from warmgraph.steps import Io, Steps, run
from warmgraph.store.erasing import finish, pending
from warmgraph.store.own_records import is_about
from warmgraph.store.sqlite.held_rows import HeldRows

__all__ = ["JobErasure", "complete_job_erasures", "erase_from_queue", "erase_from_queue_file"]

Namespace: TypeAlias = tuple[str, ...]
_POINTER = frozenset(("namespace", "thread_id", "up_to"))


@dataclass(frozen=True, slots=True)
class JobErasure:
    """What is erased from a queue.

    Args:
        namespace: Whose jobs.
        keys: Which memories; `None` for everything in the namespace and below it.
        texts: What these say; `None` where nobody knows any more, and every payload is suspect.
        message_ids: The messages that they were.
    """

    namespace: Namespace
    keys: frozenset[str] | None = None
    texts: frozenset[str] | None = frozenset()
    message_ids: frozenset[str] = frozenset()


def erase_from_queue(queue: JobQueue, erasure: JobErasure) -> Steps[int]:
    """Erase from a queue that is open, and return how many jobs are gone or were cut.

    A job that runs is taken from its owner, so that nothing of what it was about to write is ever written. Where only
    some memories go, it is scheduled anew without them.
    """
    changed: int = yield Io(lambda: queue.run(lambda connection: _erase(connection, erasure)))
    yield Io(lambda: queue.maintain(_wipe).result())
    return changed


def erase_from_queue_file(path: str, erasure: JobErasure) -> Steps[int]:
    """Erase from the file of a queue, which others may have open; 0 where there is none."""
    if not os.path.exists(path):
        return 0
    queue: JobQueue = yield Io(lambda: JobQueue(path))  # its owner is new, and claims nothing
    try:
        changed = yield from erase_from_queue(queue, erasure)
    finally:
        yield Io(queue.close)
    return changed


def complete_job_erasures(queue: JobQueue, store: BaseStore | None) -> None:
    """Complete erasures that were cut short, in a queue that is being opened: none of its jobs may run before.

    Args:
        queue: The queue.
        store: The store beside which it lies, where the intents are.
    """
    rows = getattr(store, "held", None)
    if isinstance(rows, HeldRows):
        run(_complete(queue, rows))


def _complete(queue: JobQueue, rows: HeldRows) -> Steps[None]:
    for intent in (yield from pending(rows)):
        if "jobs" in intent.parts:
            keys = None if intent.keys is None else frozenset(intent.keys)
            yield from erase_from_queue(queue, JobErasure(intent.namespace, keys, None))
            yield from finish(rows, intent.without("jobs"))


def _erase(connection: sqlite3.Connection, erasure: JobErasure) -> int:
    connection.execute("PRAGMA secure_delete = ON")
    changed = 0
    rows = connection.execute("select id, namespace, state, submission, effects from jobs order by id").fetchall()
    for number, place, state, submission, effects in rows:
        namespace = tuple(json.loads(place))
        if erasure.keys is None:
            if namespace[: len(erasure.namespace)] == erasure.namespace:
                connection.execute("delete from jobs where id = ?", (number,))
                changed += 1
        elif namespace == erasure.namespace:
            changed += _cut(connection, number, state, submission, effects, erasure)
    return changed


def _cut(
    connection: sqlite3.Connection, number: int, state: str, submission: bytes, effects: bytes | None, what: JobErasure
) -> bool:
    """Take single memories out of a job; whether that changed it."""
    kept = _without(submission, what)
    if kept is None:  # nothing is left to be done
        connection.execute("delete from jobs where id = ?", (number,))
        return True
    writes = None if effects is None else load_writes(effects)
    left = None if writes is None else [each for each in writes if not _is_written(each, what)]
    fewer = left is not None and writes is not None and len(left) < len(writes)
    if fewer and left is not None:
        connection.execute("update jobs set effects = ? where id = ?", (dump_writes(left), number))
    if kept != submission:
        connection.execute("update jobs set submission = ? where id = ?", (kept, number))
    connection.execute("update jobs set error = null where id = ? and error is not null", (number,))  # it may quote
    if state == "running":  # it may have read what is being erased, and is about to write what it made of that
        _take_away(connection, number)
    return fewer or kept != submission or state == "running"


def _take_away(connection: sqlite3.Connection, number: int) -> None:
    """Schedule a running job anew, under another number: its owner may claim that, but not end this run with it."""
    (due,) = connection.execute("select due from jobs where id = ?", (number,)).fetchone()
    if tables.put_back(connection, number, None, due, None, _joined) == number:
        (last,) = connection.execute("select seq from sqlite_sequence where name = 'jobs'").fetchone()
        fresh = (last + 1, str(uuid4()), number)
        connection.execute("update jobs set id = ?, key = ? where id = ?", fresh)


def _without(written: bytes, what: JobErasure) -> bytes | None:
    """Return a submission without the messages that are erased; `None` when none of it can be kept."""
    submission = Submission.loads(written)
    payload = submission.payload
    if not _is_suspect(payload, what):
        return written
    if what.texts is None or not isinstance(payload, Mapping) or not isinstance(payload.get("messages"), list):
        return None
    messages = [each for each in payload["messages"] if not _is_said(each, what)]
    cut = {**payload, "messages": messages}
    if not messages or _is_suspect(cut, what):
        return None
    return Submission(cut, submission.config, submission.context).dumps()


def _is_suspect(payload: Any, what: JobErasure) -> bool:
    if isinstance(payload, Mapping) and payload.keys() <= _POINTER:
        return False
    if what.texts is None:
        return True
    return _mentions(payload, (*what.texts, *(what.keys or ()), *what.message_ids))


def _is_said(message: Any, what: JobErasure) -> bool:
    number = message.id if isinstance(message, BaseMessage) else None
    return number in what.message_ids or _mentions(message, (*(what.texts or ()), *(what.keys or ())))


def _is_written(write: Any, what: JobErasure) -> bool:
    place = tuple(write.namespace)
    if place == what.namespace and write.key in (what.keys or ()):
        return True
    ours = place[: len(what.namespace)] == what.namespace or is_about(place, what.namespace)
    return ours and (what.texts is None or _mentions(write.value, (*what.texts, *(what.keys or ()))))


def _mentions(value: Any, needles: Collection[str]) -> bool:
    """Whether a value of any shape holds one of some texts."""
    if isinstance(value, str):
        return any(needle in value for needle in needles)
    if isinstance(value, BaseMessage):
        return _mentions(value.model_dump(), needles)
    if isinstance(value, Mapping):
        return any(_mentions(each, needles) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return any(_mentions(each, needles) for each in value)
    return False


def _joined(older: bytes, newer: bytes) -> bytes:
    before, after = Submission.loads(older), Submission.loads(newer)
    return Submission(merge_payloads(before.payload, after.payload), after.config, after.context).dumps()


def _wipe(connection: sqlite3.Connection) -> None:
    """Rewrite the file without what is gone, and cut its log to nothing."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
