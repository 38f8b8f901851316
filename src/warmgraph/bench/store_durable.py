"""Writing to disk, one by one, in batches, and from many threads; opening what was written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import fmean
from typing import Any

from langgraph.store.base import BaseStore

from warmgraph.bench.race import Runner, race
from warmgraph.bench.store_corpus import LABEL, Corpus, Scale
from warmgraph.bench.store_outcome import Bar, Outcome
from warmgraph.bench.store_peers import POSTGRES, ROUTED, SQLITE, SQLITE_PLAIN, Peers
from warmgraph.store import RoutedStore, WarmStore

__all__ = ["reopening", "writes"]

_EACH = 4
"""Puts of a thread in a round."""

_TEXTS = 5_000


def writes(peers: Peers, scale: Scale, bars: tuple[float, float, float]) -> list[Outcome]:
    """Compare durable writes: each call has returned when its items are on disk.

    Args:
        peers: Opens the stores.
        scale: How much to measure.
        bars: How many times as many a second as `SqliteStore` writes: one by one, in batches, from several threads.
    """
    # One that cannot store vectors has less to write: where there is no other, that is to our disadvantage.
    sqlite = SQLITE if SQLITE not in peers.missing else SQLITE_PLAIN
    corpus = Corpus(_TEXTS, 1, scale.dims)
    found: list[Outcome] = []
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(scale.writers))

        def compare(
            key: str, title: str, items: int, writer: Callable[[BaseStore, Corpus], Runner], bar: float
        ) -> None:
            with ExitStack() as stores:
                runners = {
                    name: writer(stores.enter_context(peers.open(name, corpus, capacity=_TEXTS, ready=True)), corpus)
                    for name in (ROUTED, SQLITE, SQLITE_PLAIN, POSTGRES)
                    if name not in peers.missing
                }
                timings = race(runners, laps=scale.laps, seconds=scale.seconds, lap_value=fmean)
            found.append(Outcome(key, title, timings, [Bar(ROUTED, sqlite, least=bar)], items, waits=True))

        compare("write_single", "durable put, one by one", 1, _single, bars[0])
        compare(
            "write_batch",
            f"durable puts, batches of {scale.batch}",
            scale.batch,
            lambda store, corpus: _batches(store, corpus, scale.batch),
            bars[1],
        )
        compare(
            "write_concurrent",
            f"durable puts, {scale.writers} threads at once",
            scale.writers * _EACH,
            lambda store, corpus: _concurrent(store, corpus, pool, scale.writers),
            bars[2],
        )
    return found


def reopening(peers: Peers, scale: Scale, bar: float) -> Outcome:
    """Time opening a file with one large namespace, until the first search answers.

    Args:
        peers: Names the file.
        scale: How much to measure.
        bar: Seconds.
    """
    namespace, limit = (LABEL, "reopened"), 10
    corpus = Corpus(scale.reopened, 1, scale.dims)
    index: Any = corpus.index()
    path = peers.path()
    with RoutedStore(path, index=index) as store:
        for start in range(0, scale.reopened, 1_000):
            store.batch(corpus.puts(namespace, range(start, min(start + 1_000, scale.reopened))))

    def routed(number: int) -> None:
        with RoutedStore(path, index=index) as store:
            store.search(namespace, query=corpus.queries[0], limit=limit)

    def warm(number: int) -> None:
        with WarmStore.open(path, index=index) as store:
            store.search(namespace, query=corpus.queries[0], limit=limit)

    def recalled(number: int) -> None:
        with WarmStore.open(path, index=index) as store:
            store.recall(namespace, corpus.queries[0], limit=limit)

    names = (f"{ROUTED}, search", "WarmStore, search", "WarmStore, recall by words and vectors")
    timings = race(
        dict(zip(names, (routed, warm, recalled), strict=True)), laps=min(scale.laps, 7), seconds=scale.seconds
    )
    title = f"open {scale.reopened:,} items, first answer, close"
    return Outcome("reopen", title, timings, [Bar(name, most=bar) for name in names[:2]], waits=True)


def _single(store: BaseStore, corpus: Corpus) -> Runner:
    def put(number: int) -> None:
        store.put((LABEL, "single"), f"item-{number}", corpus.value(number))

    return put


def _batches(store: BaseStore, corpus: Corpus, size: int) -> Runner:
    def batch(number: int) -> None:
        store.batch(corpus.puts((LABEL, "batches"), range(number * size, (number + 1) * size)))

    return batch


def _concurrent(store: BaseStore, corpus: Corpus, pool: ThreadPoolExecutor, writers: int) -> Runner:
    def write(start: int) -> None:
        for at in range(start, start + _EACH):
            store.put((LABEL, "concurrent"), f"item-{at}", corpus.value(at))

    def round_of_all(number: int) -> None:
        first = number * writers * _EACH
        for done in [pool.submit(write, first + writer * _EACH) for writer in range(writers)]:
            done.result()

    return round_of_all
