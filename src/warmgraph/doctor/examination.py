"""Examining a file: everything that can be found wrong, read in one snapshot."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from warmgraph.clock import Clock, SystemClock
from warmgraph.doctor.alike import find_alike
from warmgraph.doctor.embeddings import find_damaged_vectors, find_drift, find_stale
from warmgraph.doctor.findings import Finding
from warmgraph.doctor.links import find_links
from warmgraph.doctor.reading import Examined, namespaces_of
from warmgraph.index import analyze
from warmgraph.store.documents import Indexing
from warmgraph.store.own_records import ERASURES, OWN_ROOT, is_own
from warmgraph.store.plan import check_namespace
from warmgraph.store.sqlite.inspection import read_file
from warmgraph.store.sqlite.items import prefix_range
from warmgraph.store.sqlite.rows import MICROSECONDS, joined, split, terms_of

__all__ = ["Examination", "examine", "right_terms"]

Namespace: TypeAlias = tuple[str, ...]
MOST_OF_SQLITE = 20


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    Args:
        path: The file.
        items: Items that were looked at.
        findings: What is wrong, or worth knowing.
    """

    path: str
    items: int
    findings: list[Finding]

    @property
    def problems(self) -> list[Finding]:
        """The findings that should be mended."""
        return [each for each in self.findings if each.is_problem]

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each kind."""
        return dict(Counter(each.kind for each in self.findings))


def examine(path: str | os.PathLike[str], *, namespace: Namespace = (), clock: Clock | None = None) -> Examination:
    """Look for what is wrong with a memory file. It may be in use, and is neither changed nor held up.

    Args:
        path: The file.
        namespace: Looks at this namespace and those below it; at everything by default.
        clock: Tells the time, by which items have expired.

    Raises:
        StoreUnavailableError: There is no such file, or it cannot be read.
        StoreCorruptError: It is damaged beyond reading, or of something else.
        StoreVersionError: It was written by a newer warmgraph, or by an older one and never opened by this one.

    Example:
        >>> import os, tempfile
        >>> from warmgraph.store import RoutedStore
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "memory.db")
        ...     with RoutedStore(path) as store:
        ...         store.put(("memories", "ana"), "1", {"content": "Likes green tea."})
        ...         store.put(("memories", "ana"), "2", {"content": "likes green  tea"})
        ...     [(finding.kind, finding.key, finding.others) for finding in examine(path).findings]
        [('near_duplicate', '2', ('1',))]
    """
    prefix = check_namespace(namespace)
    now = round((clock or SystemClock()).now().timestamp() * MICROSECONDS)
    return read_file(path, lambda connection: _examine(connection, os.fspath(path), prefix, now))


def _examine(connection: sqlite3.Connection, path: str, prefix: Namespace, now: int) -> Examination:
    where, arguments = "1", ()
    if prefix:
        where = "(namespace = ? OR (namespace >= ? AND namespace < ?))"
        arguments = (joined(prefix), *prefix_range(prefix))  # type: ignore[assignment]
    findings = [] if prefix else list(_of_sqlite(connection))
    defaults = _default_fields(connection)
    history = _history(connection)
    count = 0
    for name, rows in namespaces_of(connection, where, arguments, now):
        count += len(rows)
        findings += _unreadable(rows)
        if name == ERASURES:
            findings += _unfinished(rows)
        if is_own(name):
            continue
        findings += _wrongly_indexed(rows, defaults)
        findings += find_alike(rows)
        findings += find_links(rows, history)
    findings += find_damaged_vectors(connection, where, arguments)
    findings += find_stale(connection, where, arguments, now)
    findings += find_drift(connection, where, arguments)
    return Examination(path, count, findings)


def right_terms(row: Examined, fields: tuple[str, ...]) -> tuple[str | None, bool]:
    """Return by which words a row should be found in a store that indexes such fields, and whether it asks."""
    assert row.value is not None
    index: Any = None if row.paths is None else json.loads(row.paths)
    how = Indexing(fields, analyze).searchable(row.value, index, later=True)
    return terms_of(how), how.question


def _of_sqlite(connection: sqlite3.Connection) -> Iterator[Finding]:
    remedy = "export what can be read, and import it into a new file"
    for (said,) in connection.execute(f"PRAGMA integrity_check({MOST_OF_SQLITE})").fetchall():
        if said != "ok":
            yield Finding(kind="damaged_file", message=f"SQLite says: {said}", remedy=remedy)
    for table, *_ in connection.execute("PRAGMA foreign_key_check").fetchall()[:MOST_OF_SQLITE]:
        yield Finding(kind="damaged_file", message=f"a row of {table} belongs to nothing", remedy=remedy)


def _default_fields(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Return what a put may have been indexed by that named no paths: as the file's models say, or the whole."""
    rows = connection.execute("SELECT DISTINCT fields FROM models WHERE fields IS NOT NULL")
    return list(dict.fromkeys([*(tuple(json.loads(fields)) for (fields,) in rows), ("content",), ("$",)]))


def _history(connection: sqlite3.Connection) -> dict[Namespace, set[str]]:
    found: dict[Namespace, set[str]] = {}
    low, high = prefix_range((OWN_ROOT,))
    for name, key in connection.execute(
        "SELECT namespace, key FROM items WHERE namespace >= ? AND namespace < ?", (low, high)
    ):
        found.setdefault(split(name), set()).add(key)
    return found


def _unreadable(rows: Sequence[Examined]) -> Iterator[Finding]:
    for row in rows:
        if row.value is None:
            yield Finding(
                kind="unreadable",
                namespace=row.namespace,
                key=row.key,
                message="its value is no JSON object",
                remedy="it is moved aside as the text that it is, into the table `state`",
                mendable=True,
            )


def _wrongly_indexed(rows: Sequence[Examined], defaults: Sequence[tuple[str, ...]]) -> Iterator[Finding]:
    """Find items whose words are not those of their values.

    Where the file holds counted words they may be those of an analyzer of somebody's own, which is not at hand: if
    those of no item are ours, they are taken for that.
    """
    wrong: list[Examined] = []
    counted: list[Examined] = []
    ours = 0
    for row in rows:
        if row.value is None:
            continue
        stored = _loaded(row.terms)
        if row.terms is not None and stored is None:
            wrong.append(row)
        elif isinstance(stored, list) and not all(isinstance(part, str) for part in stored):
            fits = any(_counts(row, fields) == stored[:4] for fields in defaults)
            ours += fits
            counted += [] if fits else [row]
        elif not any(_fits(row, fields) for fields in defaults):
            wrong.append(row)
    for row in (*wrong, *(counted if ours else ())):
        yield Finding(
            kind="wrong_index",
            namespace=row.namespace,
            key=row.key,
            message="the words by which it is found are not those of its value",
            remedy="they are made anew from its value",
            mendable=True,
        )


def _fits(row: Examined, fields: tuple[str, ...]) -> bool:
    try:
        return (row.terms, row.question) == right_terms(row, fields)
    except ValueError:
        return False


def _counts(row: Examined, fields: tuple[str, ...]) -> Any:
    """Return the counted words of a row, as an older file holds them."""
    terms, _ = right_terms(row, fields)
    paths = _loaded(terms)
    if not paths or row.value is None:
        return None
    made = Indexing(fields, analyze).document(row.value, paths)
    return json.loads(json.dumps([dict(made.terms), dict(made.extra), made.thread, made.position]))


def _loaded(terms: str | None) -> Any:
    try:
        found = json.loads(terms or "null")
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _unfinished(rows: Sequence[Examined]) -> Iterator[Finding]:
    for row in rows:
        yield Finding(
            kind="unfinished_erasure",
            namespace=row.namespace,
            key=row.key,
            message="an erasure was cut short",
            remedy="it is completed",
            mendable=True,
        )
