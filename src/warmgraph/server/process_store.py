"""The process-wide store of a deployment.

A LangGraph server enters the factory named in langgraph.json once for each of its event loops, and loads the file it
is in under a name of its own. So the store lives here, in the package: one for the process, whoever asks.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.store.base import IndexConfig, TTLConfig

from warmgraph.embeddings import default_embedding
from warmgraph.errors import InvalidArgumentError
from warmgraph.store import WarmStore
from warmgraph.store.postgres import is_postgres_uri

__all__ = ["database_uri", "default_index", "default_path", "make_store", "process_store"]

_lock = threading.Lock()
_store: WarmStore | None = None


def default_path() -> Path:
    """Return where memories are kept: `WARMGRAPH_DB`, else `.warmgraph/memory.db` in the working directory."""
    return Path(os.environ.get("WARMGRAPH_DB") or Path(".warmgraph") / "memory.db")


def database_uri() -> str | None:
    """Return the PostgreSQL database that memories are kept in: `WARMGRAPH_DATABASE_URI`; `None` for a file.

    A platform has a database of its own, `DATABASE_URI`, which is none of our business.

    Raises:
        InvalidArgumentError: It is set, and not the address of a PostgreSQL database.
    """
    uri = os.environ.get("WARMGRAPH_DATABASE_URI") or None
    if uri is not None and not is_postgres_uri(uri):
        scheme = uri.partition("://")[0] if "://" in uri else "no scheme"
        raise InvalidArgumentError("WARMGRAPH_DATABASE_URI", expected="postgresql://...", got=scheme)
    return uri


def default_index() -> IndexConfig | None:
    """Return how to embed where nobody said it: by `WARMGRAPH_EMBED`, or OpenAI's model where there is a key.

    `None` without either: search and recall then rank by words (BM25F), which vectors made offline do not better.
    """
    embed = default_embedding()
    if embed == "hashing" and not os.environ.get("WARMGRAPH_EMBED"):
        return None
    return IndexConfig(embed=embed, fields=["content"])


def process_store() -> WarmStore:
    """Return the store of this process, opened when first asked for. Waits for the disk or the network then.

    It is in the database that `WARMGRAPH_DATABASE_URI` names, in the schema `WARMGRAPH_DATABASE_SCHEMA` ("warmgraph"),
    with `WARMGRAPH_OUTBOX` as the file where writes wait while the database is away; else in a file. `index` and `ttl`
    of the `store` block in langgraph.json are honoured.

    Raises:
        StoreUnavailableError, StoreCorruptError, StoreVersionError: The file or database cannot be used.
        InvalidArgumentError: The `store` block says what no store can do.
    """
    return _enter()[0]


@asynccontextmanager
async def make_store() -> AsyncIterator[WarmStore]:
    """Enter the process-wide store; name this in langgraph.json as `store.path`.

    The entry that opened it closes it: on a server that is the main loop's, which is the last to end.

    Example:
        >>> import asyncio, os, tempfile
        >>> async def same() -> bool:
        ...     async with make_store() as one, make_store() as other:
        ...         return one is other
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     os.environ["WARMGRAPH_DB"] = os.path.join(folder, "memory.db")
        ...     asyncio.run(same()), os.environ.pop("WARMGRAPH_DB") != ""
        (True, True)
    """
    store, opened = await asyncio.to_thread(_enter)
    try:
        yield store
    finally:
        if opened:
            await asyncio.to_thread(_close, store)


def _enter() -> tuple[WarmStore, bool]:
    """Return the store, and whether this call opened it."""
    global _store
    with _lock:
        opened = _store is None
        if _store is None:
            index, ttl = _configured()
            index = index or default_index()
            uri = database_uri()
            if uri is None:
                _store = WarmStore.open(default_path(), index=index, ttl=ttl)
            else:
                _store = WarmStore.open(uri, index=index, ttl=ttl, **_database_options())
        return _store, opened


def _close(store: WarmStore) -> None:
    global _store
    with _lock:
        if _store is store:
            _store = None
    store.close()


def _database_options() -> dict[str, Any]:
    """Return the options of a database that are set in the environment."""
    names = {"schema": "WARMGRAPH_DATABASE_SCHEMA", "outbox": "WARMGRAPH_OUTBOX"}
    return {option: os.environ[name] for option, name in names.items() if os.environ.get(name)}


def _configured() -> tuple[IndexConfig | None, TTLConfig | None]:
    """Read the `store` block, which the server hands on in its environment."""
    text = os.environ.get("LANGGRAPH_STORE")
    if not text:
        return None, None
    try:
        block = json.loads(text)
    except ValueError:
        raise InvalidArgumentError("LANGGRAPH_STORE", expected="JSON", got=text) from None
    if not isinstance(block, dict):
        raise InvalidArgumentError("LANGGRAPH_STORE", expected="a JSON object", got=block)
    return block.get("index"), block.get("ttl")
