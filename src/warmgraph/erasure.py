"""Erasure everywhere: the store with both its tiers, the queue of background jobs, and the checkpoints of threads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from warmgraph.reflection.erasing import JobErasure, erase_from_queue, erase_from_queue_file
from warmgraph.reflection.queue import open_queues
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.erasing import (
    Erasure,
    ErasureReport,
    Intent,
    Part,
    Rebuild,
    Rows,
    StoreRows,
    begin,
    finish,
    look,
    note,
    pending,
)
from warmgraph.store.own_records import JOBS_SUFFIX

__all__ = ["aforget", "aresume_erasures", "forget", "resume_erasures"]

Namespace: TypeAlias = tuple[str, ...]
_PARTS: tuple[Part, ...] = ("jobs", "rows", "disk")


def forget(
    store: BaseStore,
    namespace: Namespace,
    key: str | Collection[str] | None = None,
    *,
    queues: Sequence[str] = (),
    checkpointer: BaseCheckpointSaver[str] | None = None,
    rebuild: Rebuild | None = None,
    rewrite: bool = True,
) -> ErasureReport:
    """Erase a person's memories, or single ones, wherever a copy of them may be.

    Does what `WarmStore.forget` does, on any store, and erases in the background as well: jobs that wait, run or
    failed, in the queue beside the store's file and in those of all executors that are open in this process. What a
    job that runs was about to write is never written.

    Args:
        store: The store. One that is not ours is asked for its items by prefix, and wiped by its method `scrub` if it
            has one.
        namespace: The namespace.
        key: A memory, or some; `None` for everything in the namespace and below it.
        queues: Files of other queues of background jobs.
        checkpointer: Deletes the threads that the memories of the namespace came from; left alone for single memories.
        rebuild: As in `WarmStore.forget`.
        rewrite: As in `WarmStore.forget`.

    Returns:
        What was erased, and what was not.

    Raises:
        InvalidArgumentError: A bad argument; nothing was touched.
        StoreError: A store or queue failed. `resume_erasures` goes on from there, and so does opening the file.

    Example:
        >>> from warmgraph import WarmStore
        >>> store = WarmStore()
        >>> store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
        >>> store.put(("memories", "ana"), "digest", {"content": "Lisbon, peanuts.", "meta": {"sources": ["home"]}})
        >>> report = forget(store, ("memories", "ana"), "home")
        >>> report.memories, report.derived, store.search(("memories", "ana"))
        (1, 1, [])
    """
    return run(_forget(store, Erasure.of(namespace, key, rebuild, rewrite), queues, checkpointer))


async def aforget(
    store: BaseStore,
    namespace: Namespace,
    key: str | Collection[str] | None = None,
    *,
    queues: Sequence[str] = (),
    checkpointer: BaseCheckpointSaver[str] | None = None,
    rebuild: Rebuild | None = None,
    rewrite: bool = True,
) -> ErasureReport:
    """Erase like `forget`, without blocking the event loop."""
    return await arun(_forget(store, Erasure.of(namespace, key, rebuild, rewrite), queues, checkpointer))


def resume_erasures(store: BaseStore, *, queues: Sequence[str] = ()) -> list[ErasureReport]:
    """Complete erasures that were cut short, and return what was left of each."""
    return run(_resume(rows_of(store), queues))


async def aresume_erasures(store: BaseStore, *, queues: Sequence[str] = ()) -> list[ErasureReport]:
    """Resume like `resume_erasures`, without blocking the event loop."""
    return await arun(_resume(rows_of(store), queues))


def rows_of(store: BaseStore) -> Rows:
    """Return what a store holds."""
    rows: Rows | None = getattr(store, "held", None)
    return StoreRows(store) if rows is None else rows


def _forget(
    store: BaseStore, erasure: Erasure, queues: Sequence[str], checkpointer: BaseCheckpointSaver[str] | None
) -> Steps[ErasureReport]:
    rows = rows_of(store)
    yield from _resume(rows, queues)
    intent = yield from begin(rows, erasure, _PARTS)
    origin = yield from look(rows, erasure.namespace, erasure.keys)
    what = JobErasure(
        erasure.namespace,
        None if erasure.keys is None else frozenset(erasure.keys),
        frozenset(origin.texts),
        frozenset(origin.message_ids),
    )
    report = yield from _go_on(rows, intent, what, queues, erasure.rebuild)
    if checkpointer is not None and erasure.keys is None:
        for thread in report.threads:
            yield Io(partial(checkpointer.delete_thread, thread), partial(checkpointer.adelete_thread, thread))
        report = replace(report, threads_deleted=len(report.threads))
    return report


def _resume(rows: Rows, queues: Sequence[str]) -> Steps[list[ErasureReport]]:
    done = []
    for intent in (yield from pending(rows)):
        keys = None if intent.keys is None else frozenset(intent.keys)
        done.append((yield from _go_on(rows, intent, JobErasure(intent.namespace, keys, None), queues, None)))
    return done


def _go_on(
    rows: Rows, intent: Intent, what: JobErasure, queues: Sequence[str], rebuild: Rebuild | None
) -> Steps[ErasureReport]:
    jobs = 0
    if "jobs" in intent.parts:
        jobs = yield from _erase_jobs(rows, what, queues)
        intent = intent.without("jobs")
        yield from note(rows, intent)
    report = yield from finish(rows, intent, rebuild)
    return replace(report, jobs=jobs)


def _erase_jobs(rows: Rows, what: JobErasure, paths: Sequence[str]) -> Steps[int]:
    queues = open_queues()
    jobs = 0
    for queue in queues:
        jobs += yield from erase_from_queue(queue, what)
    path = getattr(rows.store, "path", ":memory:")
    beside = [] if path == ":memory:" else [f"{path}{JOBS_SUFFIX}"]
    for each in dict.fromkeys((*beside, *paths)):
        if not any(queue.is_at(each) for queue in queues):
            jobs += yield from erase_from_queue_file(each, what)
    return jobs
