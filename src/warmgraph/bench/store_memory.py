"""What an item costs in RAM, and which part of it is for words and which for its vector."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from typing import Any, Literal

from langgraph.store.base import BaseStore, PutOp

from warmgraph.bench.report import Table
from warmgraph.bench.store_corpus import LABEL, Corpus, Scale
from warmgraph.bench.store_peers import IN_MEMORY, IN_MEMORY_ARRAYS, WARM_MEMORY, Peers
from warmgraph.store import RoutedStore, WarmStore

__all__ = ["memory", "memory_table"]

_BATCH = 10


def memory(peers: Peers, scale: Scale) -> dict[str, float]:
    """Return bytes an item, of items spread over namespaces of `scale.items_each`.

    Counted by tracemalloc, which knows of numpy's arrays, as the growth from an empty store to a full one. The parts
    of an item of ours are differences: a store of items that are not indexed, one of the same items indexed by words,
    and one of the same items indexed by words and vectors. `own_...` is what the stores say of themselves.

    Args:
        peers: Opens the stores.
        scale: How much to measure; a tenth of its namespaces.
    """
    namespaces = max(scale.namespaces // 10, 2)
    items = namespaces * scale.items_each
    corpus = Corpus(items, 8, scale.dims)
    index: Any = corpus.index()
    room: dict[str, Any] = {"capacity": scale.items_each, "max_bytes": 1 << 40}

    def grown(opened: AbstractContextManager[BaseStore], indexed: Literal[False] | None = None) -> float:
        return _growth(opened, lambda store: _fill(store, corpus, scale, namespaces, indexed)) / items

    # The analyzer remembers the words that it met: they shall not be counted as part of the first store.
    with closing(WarmStore(index=index, **room)) as store:
        _fill(store, corpus, scale, namespaces, None)
    plain = grown(closing(WarmStore(**room)), indexed=False)
    words = grown(closing(WarmStore(**room)))
    both = grown(closing(WarmStore(index=index, **room)))
    found = {
        "items": float(items),
        "warm_item": plain,
        "warm_item_words": words - plain,
        "warm_item_vector": both - words,
        "warm_item_with_index": both,
    }
    for name in (IN_MEMORY, IN_MEMORY_ARRAYS, WARM_MEMORY):
        if name not in peers.missing:
            found[name] = grown(peers.open(name, corpus, capacity=scale.items_each))
    with RoutedStore(peers.path(), index=index) as routed, closing(WarmStore(routed, **room)) as store:
        _fill(store, corpus, scale, namespaces, None)
        stats, warm = routed.stats(), store.stats()
        found["own_warm_item"] = warm.bytes / max(warm.items, 1)
        found["own_routed_words"] = stats.lexical_bytes / items
        found["own_routed_vector"] = stats.vector_bytes / items
        found["own_routed_file"] = stats.file_bytes / items
    return found


def memory_table(found: dict[str, float], dims: int) -> Table:
    """Return these figures as a table."""
    labels = {
        "warm_item": "WarmStore, RAM: an item alone",
        "warm_item_words": "WarmStore, RAM: its words",
        "warm_item_vector": f"WarmStore, RAM: its vector ({4 * dims:,} bytes of floats)",
        "warm_item_with_index": "WarmStore, RAM: all of it",
        IN_MEMORY: IN_MEMORY,
        IN_MEMORY_ARRAYS: IN_MEMORY_ARRAYS,
        WARM_MEMORY: WARM_MEMORY,
        "own_warm_item": "WarmStore, file: a warm item, by its own account",
        "own_routed_words": "RoutedStore: words of an indexed item, by its own account",
        "own_routed_vector": "RoutedStore: vector of an indexed item, by its own account",
        "own_routed_file": "RoutedStore: on disk",
    }
    rows = [[label, f"{found[name]:,.0f}"] for name, label in labels.items() if name in found]
    title = f"RAM an item, {found['items']:,.0f} items (tracemalloc, or by the store's own account)"
    return Table(["", "bytes"], rows, title=title)


def _growth(opened: AbstractContextManager[BaseStore], fill: Callable[[BaseStore], None]) -> float:
    with ExitStack() as stack:
        gc.collect()
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        store = stack.enter_context(opened)
        before = tracemalloc.get_traced_memory()[0]
        fill(store)
        gc.collect()
        return float(tracemalloc.get_traced_memory()[0] - before)


def _fill(store: BaseStore, corpus: Corpus, scale: Scale, namespaces: int, indexed: Literal[False] | None) -> None:
    names = [(LABEL, "memory", f"user-{at}") for at in range(namespaces)]
    for at, namespace in enumerate(names):
        for start in range(at * scale.items_each, (at + 1) * scale.items_each, _BATCH):
            # Texts of its own for each store, as if they had come over the wire.
            values = {item: {"content": "".join(list(corpus.texts[item]))} for item in range(start, start + _BATCH)}
            store.batch([PutOp(namespace, f"item-{item}", value, index=indexed) for item, value in values.items()])
    for namespace in names:
        # What a store indexes late is indexed now.
        store.search(namespace, query=corpus.queries[0])
        if isinstance(store, WarmStore):
            store.recall(namespace, corpus.queries[0])
