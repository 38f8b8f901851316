"""What tests of erasure share: people with memories of every kind in every place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langgraph.store.base import PutOp

from warmgraph.embeddings import HashingEmbeddings
from warmgraph.knowledge import create_manage_memory_tool
from warmgraph.store import WarmStore
from warmgraph.testing import ManualClock

ANA, BOB = ("memories", "ana"), ("memories", "bob")
SECRETS = ("quokkaria", "zanthoxyl", "maracuyando", "vicuñalito")  # words of nobody else
EMBED = HashingEmbeddings(16)
INDEX: Any = {"embed": EMBED, "fields": ["content"]}


def turn(n: int, text: str, thread: str = "thread-of-ana") -> dict[str, Any]:
    """Return what was said."""
    message = f"message-{n}"
    return {
        "kind": "Memory",
        "content": text,
        "role": "user",
        "thread_id": thread,
        "message_id": message,
        "position": float(n),
    }


def vector_bytes(text: str) -> bytes:
    """Return how a text's vector stands in a file."""
    return np.asarray(EMBED.embed_documents([text])[0], "<f4").tobytes()


def fill(store: Any) -> None:
    """Write what two people said, and what was made of it."""
    for n, secret in enumerate(SECRETS):
        store.put(ANA, f"turn-{n}", turn(n, f"I once hid the {secret} under the floor."))
        store.put(BOB, f"turn-{n}", turn(n, f"Bob likes tea, number {n}.", "thread-of-bob"))
    store.put(ANA, "overwritten", {"content": "The first word was quokkaria."})
    store.put(ANA, "overwritten", {"content": "Nothing to see."})
    store.put(ANA, "deleted", {"content": "zanthoxyl was here."})
    store.delete(ANA, "deleted")
    store.put((*ANA, "drafts"), "draft", {"content": "Draft about maracuyando."})
    store.put(ANA, "huge", {"content": "vicuñalito " * 3_000})  # pages of its own
    store.put(
        ANA,
        "digest",
        {"kind": "Summary", "content": "Hides a quokkaria.", "meta": {"sources": ["turn-0", "turn-1"]}},
    )
    store.put(ANA, "digest-of-digest", {"content": "Hides things.", "meta": {"sources": [{"key": "digest"}]}})
    store.put(ANA, "fact", {"type": "semantic", "content": "Owns one.", "meta": {"message_ids": ["message-0"]}})
    store.put(
        ANA, "about", {"kind": "ThreadSummary", "content": "On hiding a zanthoxyl.", "thread_id": "thread-of-ana"}
    )
    if (routed := getattr(store, "long_term", None)) is not None and hasattr(routed, "_database"):
        entry = ("memories.ana", "note", '"on: I once hid the quokkaria under the floor."')
        routed._database.write(lambda c: c.execute("INSERT INTO state VALUES (?, ?, ?)", entry)).result()
    tool = create_manage_memory_tool(ANA, store=store)
    tool.invoke({"content": "The maracuyando is blue."})
    (made,) = [each.key for each in store.search(ANA, limit=50) if "blue" in str(each.value["content"])]
    tool.invoke({"content": "The maracuyando is red.", "action": "update", "id": made})
    store.batch(
        [
            PutOp(("_warmgraph", "quarantine", "2", *ANA), "q", {"key": "x", "value": {"content": "vicuñalito!"}}),
            PutOp(
                ("_warmgraph", "reflection", *ANA), "reflect/thread-of-ana", {"seen": {"turn-0": "ab", "turn-1": "c"}}
            ),
            PutOp(("_warmgraph", "reflection", *BOB), "reflect/thread-of-bob", {"seen": {"turn-0": "ab"}}),
        ]
    )


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[WarmStore]:
    """Open a file with memories of two people."""
    with WarmStore.open(tmp_path / "memory.db", index=INDEX, clock=clock) as store:
        fill(store)
        yield store
