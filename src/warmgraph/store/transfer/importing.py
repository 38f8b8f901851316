"""Import: what an export holds, in one transaction, after every line of it was checked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import Any, Literal, TypeAlias

from langgraph.store.base import BaseStore, GetOp, Op, PutOp

from warmgraph.errors import ImportDataError, InvalidArgumentError
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.plan import Put
from warmgraph.store.sqlite.changes import Change, forget_history
from warmgraph.store.sqlite.held_rows import HeldRows
from warmgraph.store.sqlite.rows import MICROSECONDS, Pending, joined, pending_write
from warmgraph.store.sqlite.vectors import Model, note_model, write_vectors
from warmgraph.store.sqlite.writes import apply_writes
from warmgraph.store.transfer.files import Source, rereadable
from warmgraph.store.transfer.lines import ExportLine, Header, Line, StateLine, read_lines

__all__ = ["Existing", "ImportReport", "aimport_memories", "import_memories"]

Namespace: TypeAlias = tuple[str, ...]
Existing: TypeAlias = Literal["refuse", "replace", "keep"]
AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Args:
        items: Items that were written.
        kept: Items that were there and were kept.
        replaced: Items that were there and were replaced.
        expired: Items that have expired since the export, and were left out.
        vectors: Vectors that were written.
        unembedded: Items that had vectors in the export, or want some, and have none of the model in use: `reembed`.
        state: Entries of what the store keeps for itself.
        lossless: Whether the store took everything. One that is not ours gives items new times.
    """

    items: int = 0
    kept: int = 0
    replaced: int = 0
    expired: int = 0
    vectors: int = 0
    unembedded: int = 0
    state: int = 0
    lossless: bool = True


def import_memories(store: BaseStore, source: Source, *, existing: Existing = "refuse") -> ImportReport:
    """Take in what `export_memories` wrote, with its values, times, expiries, vectors and history.

    All lines are checked before anything is written. A file of ours takes them in one transaction: all or nothing,
    whatever happens. Meanwhile other writers wait. A store of another kind takes them in batches; an import into one
    that was cut short is made good by importing again with `existing="replace"`.

    Nothing is embedded: vectors come from the export, if they are of the model in use, or from `RoutedStore.reembed`
    afterwards.

    Args:
        store: The store.
        source: A file, compressed or not, or lines.
        existing: What becomes of an item that is there already: "refuse" the whole import, "replace" it, or "keep" it.

    Raises:
        ImportDataError: A line is damaged, the end is missing, or an item is there already. Nothing was imported.
        InvalidArgumentError: A bad argument.
        StoreError: The store or the file failed.

    Example:
        >>> import io
        >>> from warmgraph.store import WarmStore, export_memories
        >>> written = io.StringIO()
        >>> with WarmStore.open(":memory:") as store:
        ...     store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
        ...     _ = export_memories(store, written)
        >>> with WarmStore.open(":memory:") as copy:
        ...     import_memories(copy, written.getvalue().splitlines()).items
        1
    """
    return run(_import(store, source, _checked(existing)))


async def aimport_memories(store: BaseStore, source: Source, *, existing: Existing = "refuse") -> ImportReport:
    """Import like `import_memories`, without blocking the event loop."""
    return await arun(_import(store, source, _checked(existing)))


def _checked(existing: Existing) -> Existing:
    if existing not in ("refuse", "replace", "keep"):
        raise InvalidArgumentError("existing", expected="'refuse', 'replace' or 'keep'", got=existing)
    return existing


def _import(store: BaseStore, source: Source, existing: Existing) -> Steps[ImportReport]:
    rows = getattr(store, "held", None)
    if isinstance(rows, HeldRows):
        report: ImportReport = yield Io(lambda: _into_file(rows, source, existing))
        return report
    with ExitStack() as stack:
        read = yield Io(lambda: stack.enter_context(rereadable(source)))
        yield Io(lambda: _check(read()))
        report = yield from _into_store(store, read, existing)
    return report


def _check(lines: Iterable[bytes]) -> None:
    _, rest = read_lines(lines)
    for _ in rest:
        pass


# -- into a file of ours -------------------------------------------------------------------------------------------


def _into_file(rows: HeldRows, source: Source, existing: Existing) -> ImportReport:
    with rereadable(source) as read:
        _check(read())
        taking = _Taking(rows, existing, rows.now())

        def work(connection: sqlite3.Connection) -> list[Change]:
            header, rest = read_lines(read())
            taking.take(connection, header, rest)
            forget_history(connection)  # everybody reads their indexes anew: that is less than to apply every change
            return []

        rows.indexes.write(work).result()
    rows.indexes.forget()
    return taking.report()


class _Taking:
    """One import into a file, inside of its transaction."""

    def __init__(self, rows: HeldRows, existing: Existing, now: int) -> None:
        self.counts: dict[str, Any] = dict.fromkeys(
            ("items", "kept", "replaced", "expired", "vectors", "unembedded", "state"), 0
        )
        self._rows = rows
        self._existing = existing
        self._now = now
        self._models: dict[str, tuple[int, bool]] = {}  # number in the file, and whether it is in use there

    def report(self) -> ImportReport:
        """Return what was done."""
        return ImportReport(**self.counts, lossless=True)

    def take(self, connection: sqlite3.Connection, header: Header, lines: Iterator[Line]) -> None:
        """Write all lines."""
        # The last one noted is in use where no vector is there yet.
        known = sorted(header.models.items(), key=lambda pair: pair[1].in_use)
        numbers = {name: note_model(connection, Model(each.name, each.dims, each.fields)) for name, each in known}
        used = connection.execute("SELECT value FROM counters WHERE name = 'model'").fetchone()
        self._models = {name: (number, used is not None and used[0] == number) for name, number in numbers.items()}
        numbered = enumerate(lines, start=2)
        while some := list(islice(numbered, AT_ONCE)):
            items = [(number, line) for number, line in some if isinstance(line, ExportLine)]
            self._take_items(connection, self._wanted(connection, items))
            for _, line in some:
                if isinstance(line, StateLine):
                    self._take_state(connection, line)

    def _wanted(
        self, connection: sqlite3.Connection, items: list[tuple[int, ExportLine]]
    ) -> dict[tuple[Namespace, str], ExportLine]:
        wanted: dict[tuple[Namespace, str], ExportLine] = {}
        for number, line in items:
            if line.expires_at is not None and _microseconds(line.expires_at) <= self._now:
                self.counts["expired"] += 1
                continue
            there = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM items WHERE namespace = ? AND key = ?"
                " AND (expires_at IS NULL OR expires_at > ?))",
                (joined(line.namespace), line.key, self._now),
            ).fetchone()[0]
            if there and self._existing == "refuse":
                place = ".".join((*line.namespace, line.key))
                expected = "an item that is not there; existing='replace' or 'keep' says what to do"
                raise ImportDataError(number, expected=expected, got=place)
            if there and self._existing == "keep":
                self.counts["kept"] += 1
                continue
            self.counts["replaced"] += there
            wanted.pop((line.namespace, line.key), None)
            wanted[line.namespace, line.key] = line
        return wanted

    def _take_items(self, connection: sqlite3.Connection, wanted: dict[tuple[Namespace, str], ExportLine]) -> None:
        lines = list(wanted.values())
        apply_writes(connection, [self._pending(line) for line in lines], None)
        for line in lines:
            times = _microseconds(line.created_at), _microseconds(line.updated_at)
            expires = None if line.expires_at is None else _microseconds(line.expires_at)
            (item, terms) = connection.execute(
                "UPDATE items SET created_at = ?, updated_at = ?, ttl = ?, expires_at = ? WHERE namespace = ?"
                " AND key = ? RETURNING id, terms",
                (*times, line.ttl, expires, joined(line.namespace), line.key),
            ).fetchone()
            embedded = False
            for name, vectors in line.vectors.items():
                number, in_use = self._models[name]
                write_vectors(connection, number, [(item, vectors)])
                embedded = embedded or in_use
                self.counts["vectors"] += len(vectors)
            self.counts["unembedded"] += not embedded and terms is not None and self._rows.embeds
        self.counts["items"] += len(lines)

    def _pending(self, line: ExportLine) -> Pending:
        if line.value is None:
            return Pending(line.namespace, line.key, self._now, line.damaged, paths="false")
        index: Any = line.index
        put = Put(line.namespace, line.key, line.value, index)
        how = self._rows.indexing.searchable(line.value, put.index, later=True)
        return pending_write(put, how, None, self._now)

    def _take_state(self, connection: sqlite3.Connection, line: StateLine) -> None:
        connection.execute(
            f"INSERT OR {'IGNORE' if self._existing == 'keep' else 'REPLACE'} INTO state VALUES (?, ?, ?)",
            (line.namespace, line.name, json.dumps(line.value)),
        )
        self.counts["state"] += 1


def _microseconds(time: datetime) -> int:
    span = time - _EPOCH
    return (span.days * 86_400 + span.seconds) * MICROSECONDS + span.microseconds


# -- into a store of another kind ----------------------------------------------------------------------------------


def _into_store(store: BaseStore, read: Callable[[], Iterator[bytes]], existing: Existing) -> Steps[ImportReport]:
    now = datetime.now(timezone.utc)
    counts = dict.fromkeys(("items", "kept", "replaced", "expired"), 0)
    if existing == "refuse":
        yield from _refuse_existing(store, read)
    numbered = _numbered(read)
    while some := (yield Io(lambda: list(islice(numbered, AT_ONCE)))):
        items = [line for _, line in some if isinstance(line, ExportLine) and line.value is not None]
        living = [line for line in items if line.expires_at is None or line.expires_at > now]
        counts["expired"] += len(items) - len(living)
        there = yield from _batch(store, [GetOp(line.namespace, line.key, False) for line in living])
        puts: list[Op] = []
        for line, item in zip(living, there, strict=True):
            if item is not None and existing == "keep":
                counts["kept"] += 1
                continue
            counts["replaced"] += item is not None
            puts.append(PutOp(line.namespace, line.key, line.value, line.index, _minutes_left(line, now, store)))
        yield from _batch(store, puts)
        counts["items"] += len(puts)
    return ImportReport(counts["items"], counts["kept"], counts["replaced"], counts["expired"], lossless=False)


def _numbered(read: Callable[[], Iterator[bytes]]) -> Iterator[tuple[int, Line]]:
    _, rest = read_lines(read())
    yield from enumerate(rest, start=2)


def _refuse_existing(store: BaseStore, read: Callable[[], Iterator[bytes]]) -> Steps[None]:
    numbered = _numbered(read)
    while some := (yield Io(lambda: list(islice(numbered, AT_ONCE)))):
        items = [(number, line) for number, line in some if isinstance(line, ExportLine)]
        there = yield from _batch(store, [GetOp(line.namespace, line.key, False) for _, line in items])
        for (number, line), item in zip(items, there, strict=True):
            if item is not None:
                place = ".".join((*line.namespace, line.key))
                expected = "an item that is not there; existing='replace' or 'keep' says what to do"
                raise ImportDataError(number, expected=expected, got=place)


def _minutes_left(line: ExportLine, now: datetime, store: BaseStore) -> float | None:
    if line.expires_at is None or not store.supports_ttl:
        return None
    return (line.expires_at - now).total_seconds() / 60


def _batch(store: BaseStore, ops: list[Any]) -> Steps[list[Any]]:
    if not ops:
        return []
    found: list[Any] = yield Io(lambda: store.batch(ops), lambda: store.abatch(ops))
    return found
