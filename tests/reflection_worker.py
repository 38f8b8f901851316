"""A process that submits jobs and runs them, until somebody kills it.

Run as `python reflection_worker.py FOLDER START COUNT`: submits so many jobs over a few threads, says "submitted N"
when each is in the queue, and runs what is due. Each job appends what it was given to the list of its thread, under a
key that is new whenever it is run: what is applied twice stands there twice.
"""

from __future__ import annotations

import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from langgraph.config import get_store
from langgraph.store.base import BaseStore

from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.store import RoutedStore

PLACE = ("memories", "{user_id}")
THREADS = 4


def reflect(payload: Any) -> None:
    """Count each message, and write down what came, in two writes that belong together."""
    store: BaseStore = get_store()
    key = str(uuid.uuid4())
    store.put(("seen", "one"), key, {"messages": payload["messages"]}, index=False)
    for message in payload["messages"]:
        item = store.get(("count",), message)
        store.put(("count",), message, {"times": 1 + (item.value["times"] if item is not None else 0)}, index=False)
    store.put(("seen", "two"), key, {"messages": payload["messages"]}, index=False)


def open_both(folder: Path) -> tuple[RoutedStore, LocalReflectionExecutor]:
    """Open the store and the queue beside it."""
    store = RoutedStore(folder / "memory.db")
    executor = LocalReflectionExecutor(
        reflect, PLACE, store=store, name="reflect", concurrency=2, max_attempts=1_000, backoff=0
    )
    return store, executor


def main() -> None:
    """Submit and run."""
    folder, start, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    _, executor = open_both(folder)
    for number in range(start, start + count):
        config: Any = {"configurable": {"user_id": "ana", "thread_id": str(number % THREADS)}}
        executor.submit({"messages": [str(number)]}, config, after_seconds=(number % 3) * 0.002)
        print(number, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
