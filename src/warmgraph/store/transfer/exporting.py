"""Export: everything that a store holds, as lines of JSON, as of one moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, SearchItem, SearchOp

from warmgraph.clock import SystemClock
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.own_records import ERASURES, OWN_ROOT, is_about
from warmgraph.store.plan import check_namespace
from warmgraph.store.sqlite.held_rows import HeldRows
from warmgraph.store.sqlite.items import prefix_range
from warmgraph.store.sqlite.rows import joined, split, time_of
from warmgraph.store.sqlite.tables import vectors_of
from warmgraph.store.sqlite.vectors import read_vectors
from warmgraph.store.transfer.files import Target, writing
from warmgraph.store.transfer.lines import ExportLine, Header, Line, ModelLine, StateLine, dumps

__all__ = ["ExportReport", "aexport_memories", "export_memories"]

Namespace: TypeAlias = tuple[str, ...]
PAGE = 500


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export holds.

    Args:
        items: Items, those of history and of other records of ours included.
        vectors: Vectors.
        state: Entries of the table that the store keeps for itself.
        damaged: Items whose value cannot be read; it is kept as the text that it is.
        lossless: Whether an import brings back everything. A store that is not ours tells neither when its items
            expire nor how they were embedded.
    """

    items: int = 0
    vectors: int = 0
    state: int = 0
    damaged: int = 0
    lossless: bool = True


def export_memories(
    store: BaseStore, target: Target, *, namespace: Namespace = (), vectors: bool = True
) -> ExportReport:
    """Write everything that a store holds: values, times, expiries, vectors, history, and what it keeps for itself.

    From a file of ours that is one snapshot, which holds up nobody. What has expired is left out.

    Args:
        store: The store.
        target: A file, compressed if its name ends in ".gz", which is there as a whole or not at all; or a text stream.
        namespace: Only this namespace and those below it, with the records of ours that are about it.
        vectors: Whether vectors are exported; without them an import embeds anew.

    Raises:
        InvalidNamespaceError: The namespace is none.
        StoreError: The store or the file failed.

    Example:
        >>> import io
        >>> from warmgraph.store import WarmStore
        >>> with WarmStore.open(":memory:") as store:
        ...     store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
        ...     written = io.StringIO()
        ...     export_memories(store, written).items
        1
        >>> len(written.getvalue().splitlines())  # a header, the item, and the end
        3
    """
    return run(_export(store, target, check_namespace(namespace), vectors))


async def aexport_memories(
    store: BaseStore, target: Target, *, namespace: Namespace = (), vectors: bool = True
) -> ExportReport:
    """Export like `export_memories`, without blocking the event loop."""
    return await arun(_export(store, target, check_namespace(namespace), vectors))


def _export(store: BaseStore, target: Target, prefix: Namespace, vectors: bool) -> Steps[ExportReport]:
    rows = getattr(store, "held", None)
    if isinstance(rows, HeldRows):
        report: ExportReport = yield Io(lambda: _export_file(rows, target, prefix, vectors))
        return report
    behind: BaseStore = getattr(store, "long_term", None) or store
    report = yield from _export_pages(behind, target, prefix)
    return report


def _export_file(rows: HeldRows, target: Target, prefix: Namespace, vectors: bool) -> ExportReport:
    now = rows.now()

    def read(connection: sqlite3.Connection) -> ExportReport:
        models = _models(connection) if vectors else {}
        with writing(target) as out:
            header = Header(time_of(now), "RoutedStore", models)
            return _write(out, header, _lines(connection, prefix, now, models))

    return rows.database.read(read)


def _write(out: Any, header: Header, lines: Iterator[Line], *, lossless: bool = True) -> ExportReport:
    out.write(f"{dumps(header.to_json())}\n")
    counts = {"items": 0, "vectors": 0, "state": 0, "damaged": 0}
    for line in lines:
        if isinstance(line, StateLine):
            counts["state"] += 1
        else:
            counts["items"] += 1
            counts["vectors"] += sum(len(each) for each in line.vectors.values())
            counts["damaged"] += line.damaged is not None
        out.write(f"{dumps(line.to_json())}\n")
    out.write(f"{dumps({'end': {'items': counts['items'], 'state': counts['state']}})}\n")
    return ExportReport(**counts, lossless=lossless)


def _models(connection: sqlite3.Connection) -> dict[str, ModelLine]:
    used = connection.execute("SELECT value FROM counters WHERE name = 'model'").fetchone()
    rows = connection.execute("SELECT id, name, dims, fields FROM models ORDER BY id")
    return {
        str(number): ModelLine(
            name, dims, None if fields is None else tuple(json.loads(fields)), used is not None and used[0] == number
        )
        for number, name, dims, fields in rows
    }


def _lines(connection: sqlite3.Connection, prefix: Namespace, now: int, models: dict[str, ModelLine]) -> Iterator[Line]:
    where, arguments = "1", []
    if prefix:  # and what we keep about it, which is picked out below
        part = "namespace >= ? AND namespace < ?"
        where = f"(namespace = ? OR ({part}) OR ({part}))"
        arguments = [joined(prefix), *prefix_range(prefix), *prefix_range((OWN_ROOT,))]
    rows = connection.execute(
        "SELECT id, namespace, key, value, created_at, updated_at, ttl, expires_at, paths FROM items"
        f" WHERE {where} AND (expires_at IS NULL OR expires_at > ?) ORDER BY id",
        (*arguments, now),
    )
    for number, name, key, value, created, updated, ttl, expires, paths in rows:
        namespace = split(name)
        wanted = not prefix or namespace[: len(prefix)] == prefix or is_about(namespace, prefix)
        if not wanted or namespace == ERASURES:
            continue
        parsed = _parsed(value)
        yield ExportLine(
            namespace,
            key,
            parsed,
            time_of(created),
            time_of(updated),
            ttl,
            None if expires is None else time_of(expires),
            None if paths is None else json.loads(paths),
            _vectors(connection, number, models) if models else {},
            value if parsed is None else None,
        )
    for name, entry, value in connection.execute("SELECT namespace, name, value FROM state ORDER BY namespace, name"):
        if not prefix or split(name)[: len(prefix)] == prefix:
            yield StateLine(name, entry, json.loads(value))


def _vectors(connection: sqlite3.Connection, item: int, models: dict[str, ModelLine]) -> dict[str, Any]:
    found = {}
    for number, model in models.items():
        row = connection.execute(f"SELECT vector FROM {vectors_of(int(number))} WHERE item = ?", (item,)).fetchone()
        if row is not None:
            found[number] = read_vectors(row[0], model.dims)
    return found


def _parsed(value: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _export_pages(store: BaseStore, target: Target, prefix: Namespace) -> Steps[ExportReport]:
    found: dict[tuple[Namespace, str], SearchItem] = {}
    while True:
        op = SearchOp(prefix, limit=PAGE, offset=len(found), refresh_ttl=False)
        (page,) = yield Io(lambda op=op: store.batch([op]), lambda op=op: store.abatch([op]))  # type: ignore[misc]
        before = len(found)
        found.update(((tuple(item.namespace), item.key), item) for item in page)
        if len(page) < PAGE or len(found) == before:
            break
    ordered = sorted(found.values(), key=lambda item: _aware(item.updated_at))
    lines = (
        ExportLine(tuple(item.namespace), item.key, dict(item.value), _aware(item.created_at), _aware(item.updated_at))
        for item in ordered
    )

    def write() -> ExportReport:
        with writing(target) as out:
            header = Header(SystemClock().now(), type(store).__name__)
            return _write(out, header, lines, lossless=False)

    report: ExportReport = yield Io(write)
    return report


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
