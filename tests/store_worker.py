"""A process that does with a store what it is told, line by line, and says what came of it.

Run as `python store_worker.py FILE KIND`: reads one JSON list a line from its input, prints one JSON value a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from langgraph.store.base import PutOp

from warmgraph.store import RoutedStore, WarmStore


def embed(texts: list[str]) -> list[list[float]]:
    """Give every text a vector."""
    return [[float(len(text)), 1.0] for text in texts]


def embed_otherwise(texts: list[str]) -> list[list[float]]:
    """Give every text a vector, as another model would."""
    return [[1.0, float(len(text)), 0.5] for text in texts]


INDEX: Any = {"dims": 2, "embed": embed, "fields": ["content"]}
OTHER_INDEX: Any = {"dims": 3, "embed": embed_otherwise, "fields": ["content"]}
MAKERS: dict[str, Callable[[str], Any]] = {
    "warm": lambda path: WarmStore.open(path),
    "postgres": lambda uri: WarmStore.open(uri, max_staleness=1.0),
    "routed": lambda path: RoutedStore(path),
    "routed with vectors": lambda path: RoutedStore(path, index=INDEX),
    "routed with other vectors": lambda path: RoutedStore(path, index=OTHER_INDEX),
}


def do(store: Any, action: str, *arguments: Any) -> Any:
    """Do one thing and return what can be said of it in JSON."""
    namespace = tuple(arguments[0]) if arguments and isinstance(arguments[0], list) else ()
    if action == "put":
        store.put(namespace, arguments[1], {"content": arguments[2]})
    elif action == "delete":
        store.delete(namespace, arguments[1])
    elif action == "batch":
        store.batch([PutOp(namespace, key, None if text is None else {"content": text}) for key, text in arguments[1]])
    elif action == "get":
        item = store.get(namespace, arguments[1])
        return None if item is None else item.value["content"]
    elif action == "search":
        return [item.key for item in store.search(namespace, query=arguments[1], limit=100)]
    elif action == "recall":
        recall = getattr(store, "recall", store.recall_long_term)
        return [item.key for item in recall(namespace, arguments[1]).items]
    elif action == "list":
        return store.list_namespaces()
    elif action == "fill":
        for n in range(arguments[1]):
            store.put(namespace, f"{arguments[2]}{n}", {"content": f"{arguments[2]} fact {n}"})
    elif action == "mortal":
        store.put(namespace, arguments[1], {"content": arguments[2]}, ttl=0)
    elif action == "sweep":
        return store.sweep_ttl()
    elif action == "compact":
        getattr(store, "long_term", store).compact()
    elif action == "check":
        store._check()
    return "done"


def main() -> None:
    """Serve until the input ends."""
    path, kind = sys.argv[1:]
    with MAKERS[kind](path) as store:
        print(json.dumps("ready"), flush=True)
        for line in sys.stdin:
            print(json.dumps(do(store, *json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
