"""One replica of a load test: a process with a warm tier and many clients, and what they wrote and saw.

Run as `python -m warmgraph.bench.replica_worker URI NAME STALENESS`. It takes a JSON list a line from its input and
prints a JSON value a line. Times are of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from typing import Any

from warmgraph.store import WarmStore

__all__: list[str] = []

NAMESPACE = ("memories", "load")
SHARED = 8
READS = 6
DELETED_EVERY = 7


class Clients:
    """Threads that write keys of their own and shared ones, and read those of everybody.

    Args:
        store: The store.
        name: Of the replica.
        peers: Of all replicas.
        clients: Threads in each of them.
    """

    def __init__(self, store: WarmStore, name: str, peers: list[str], clients: int) -> None:
        self._store, self._name, self._clients = store, name, clients
        self._keys = [f"{peer}-{number}" for peer in peers for number in range(clients)]
        self.writes: list[tuple[str, int, bool, float, float]] = []
        self.reads: list[tuple[str, int | None, float, float]] = []
        self.errors: list[str] = []

    def run(self, seconds: float) -> None:
        """Let all of them work for so long."""
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self._work, args=(number, until)) for number in range(self._clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, number: int, until: float) -> None:
        chance = random.Random(f"{self._name}-{number}")
        key, count = f"{self._name}-{number}", 0
        try:
            while time.monotonic() < until:
                count += 1
                gone = count % DELETED_EVERY == 0
                began = time.monotonic()
                if gone:
                    self._store.delete(NAMESPACE, key)
                else:
                    self._store.put(NAMESPACE, key, {"content": f"{key} counts {count}", "n": count})
                self.writes.append((key, count, gone, began, time.monotonic()))
                shared = f"shared-{chance.randrange(SHARED)}"
                self._store.put(NAMESPACE, shared, {"content": f"{key} was here", "n": count, "by": key})
                for _ in range(READS):
                    self._read(chance.choice(self._keys), by_recall=chance.random() < 0.3)
        except Exception as error:
            self.errors.append(repr(error))

    def _read(self, key: str, *, by_recall: bool) -> None:
        began = time.monotonic()
        seen: int | None = None
        if by_recall:
            found = self._store.recall(NAMESPACE, f"{key} counts", limit=3)
            values = [item.value for item in found.items if item.key == key]
            if not values:
                return  # another one may have ranked higher: that says nothing
            seen = values[0]["n"]
        else:
            item = self._store.get(NAMESPACE, key)
            seen = None if item is None else item.value["n"]
        self.reads.append((key, seen, began, time.monotonic()))


def _watch(store: WarmStore, key: str, wanted: int) -> float:
    """Read a key until it has a value, and return when that was."""
    while True:
        item = store.get(NAMESPACE, key)
        if item is not None and item.value["n"] == wanted:
            return time.monotonic()


def _final(store: WarmStore) -> dict[str, Any]:
    """Return what this replica holds, key by key, and what it finds in the database."""
    found = {item.key: item.value for item in store.search(NAMESPACE, limit=1000)}
    held = {key: item.value for key in found if (item := store.get(NAMESPACE, key)) is not None}
    return {"database": found, "held": held}


def main() -> None:
    """Serve until the input ends."""
    uri, name, staleness = sys.argv[1:]
    with WarmStore.open(uri, max_staleness=float(staleness)) as store:
        print(json.dumps("ready"), flush=True)
        for line in sys.stdin:
            action, *arguments = json.loads(line)
            answer: Any = None
            if action == "load":
                peers, clients, seconds = arguments
                work = Clients(store, name, peers, clients)
                store.recall(NAMESPACE, "warm up")
                work.run(seconds)
                answer = {"writes": work.writes, "reads": work.reads, "errors": work.errors}
            elif action == "watch":
                answer = _watch(store, *arguments)
            elif action == "final":
                answer = _final(store)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
