"""What warmgraph keeps for itself in a store that is not ours: items under a root label of their own.

The store is asked through its sync methods, on a thread without an event loop: one that is bound to a loop serves these
from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from warmgraph.store.sqlite.state import Merge

__all__ = ["merge_state", "read_state"]

Namespace: TypeAlias = tuple[str, ...]
ROOT = "_warmgraph"  # never recalled: no namespace of a user begins with it
KIND = "state"


def read_state(store: BaseStore, namespace: Namespace, name: str) -> object:
    """Return what is kept under a name; `None` where there is nothing."""
    (item,) = store.batch([GetOp((ROOT, KIND, *namespace), name, False)])
    return item.value.get("state") if isinstance(item, Item) else None


def merge_state(store: BaseStore, name: str, news: Mapping[Namespace, object], merge: Merge) -> dict[Namespace, object]:
    """Merge news into what is kept under a name, and return what is kept then."""
    merged = {namespace: merge(read_state(store, namespace, name), new) for namespace, new in news.items()}
    store.batch(
        [
            PutOp((ROOT, KIND, *namespace), name, {"kind": "state", "state": state}, index=False)
            for namespace, state in merged.items()
        ]
    )
    return merged
