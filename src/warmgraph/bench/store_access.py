"""Reading and writing single items in RAM, by key."""

from __future__ import annotations

from contextlib import ExitStack

from langgraph.store.base import BaseStore, Item

from warmgraph.bench.race import Runner, race
from warmgraph.bench.store_corpus import LABEL, Corpus, Scale
from warmgraph.bench.store_outcome import Bar, Outcome
from warmgraph.bench.store_peers import (
    IN_MEMORY,
    IN_MEMORY_ARRAYS,
    RAM,
    RAM_ARRAYS,
    WARM_MEMORY,
    WARM_MEMORY_KEYWORDS,
    Peers,
)

__all__ = ["access"]


def access(peers: Peers, scale: Scale, bar: float) -> list[Outcome]:
    """Compare `get` and `put` of stores in RAM with the same index.

    Args:
        peers: Opens the stores.
        scale: How much to measure.
        bar: How many times as long as `InMemoryStore` a store of ours may take.
    """
    names = [RAM, RAM_ARRAYS, IN_MEMORY, IN_MEMORY_ARRAYS, WARM_MEMORY, WARM_MEMORY_KEYWORDS]
    items = scale.sizes[1]
    corpus = Corpus(items, 1, scale.dims)
    with ExitStack() as stack:
        gets: dict[str, Runner] = {}
        puts: dict[str, Runner] = {}
        for name in names:
            if name in peers.missing:
                continue
            # Vectors are looked up ready: making lists of floats would be the larger part of a put.
            store = stack.enter_context(peers.open(name, corpus, capacity=items, ready=True))
            store.batch(corpus.puts((LABEL, "access"), range(items)))
            gets[name] = _get(store, items)
            puts[name] = _put(store, corpus, items)
        got = race(gets, laps=scale.laps, seconds=scale.seconds)
        written = race(puts, laps=scale.laps, seconds=scale.seconds)
    bars = [Bar(RAM, IN_MEMORY, most=bar), Bar(RAM_ARRAYS, IN_MEMORY_ARRAYS, most=bar)]
    return [
        Outcome("get", f"get, one of {items:,} items", got, bars),
        Outcome("put", f"put a new item, namespaces of up to {items:,}", written, bars),
    ]


def _get(store: BaseStore, items: int) -> Runner:
    keys = [f"item-{at * 7919 % items}" for at in range(items)]  # in no order

    def get(number: int) -> Item | None:
        return store.get((LABEL, "access"), keys[number % items])

    return get


def _put(store: BaseStore, corpus: Corpus, items: int) -> Runner:
    values = [corpus.value(at) for at in range(items)]

    def put(number: int) -> None:
        user, at = divmod(number, items)
        store.put((LABEL, "written", f"user-{user}"), f"item-{at}", values[at])

    return put
