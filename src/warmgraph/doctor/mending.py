"""Mending what was found, in a store that may be in use."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from langgraph.store.base import GetOp, PutOp

from warmgraph.clock import Clock
from warmgraph.doctor.examination import right_terms
from warmgraph.doctor.findings import Finding
from warmgraph.doctor.reading import Examined
from warmgraph.erasure import resume_erasures
from warmgraph.knowledge.history import retire, submit
from warmgraph.steps import Steps, run
from warmgraph.store import RoutedStore
from warmgraph.store.erasing import sources_of, unlinked
from warmgraph.store.sqlite.changes import forget_history
from warmgraph.store.sqlite.rows import joined
from warmgraph.store.sqlite.tables import vectors_of
from warmgraph.store.sqlite.vectors import models_of

__all__ = ["Mended", "mend"]

Namespace: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mended:
    """What was mended.

    Args:
        done: How many findings of each kind.
        left: Findings that nothing was done about.
    """

    done: dict[str, int] = field(default_factory=dict)
    left: list[Finding] = field(default_factory=list)


def mend(store: RoutedStore, findings: Sequence[Finding], *, clock: Clock | None = None) -> Mended:
    """Mend what can be mended. What somebody changed since it was found is left as it is.

    Memories that say what another says become history, which `undo` brings back; values that cannot be read are moved
    aside as they are; links that lead nowhere are cut; words are taken from the values anew. Items without a vector are
    embedded if the store has an index with the model in use.

    Args:
        store: The store.
        findings: What was found.
        clock: Tells the time; by default the store's.
    """
    now = (clock or store.clock).now().isoformat()
    done: Counter[str] = Counter()
    left: list[Finding] = []
    stale = [each for each in findings if each.kind == "stale_embedding"]
    for finding in findings:
        if finding.kind == "stale_embedding":
            continue
        if finding.mendable and _mend(store, finding, now):
            done[finding.kind] += 1
        elif finding.is_problem:
            left.append(finding)
    if done["wrong_index"] or done["unreadable"]:
        _reload(store)
    if stale and store.embedder is not None and not store.stats().ranks_by_words:
        store.reembed()
        done["stale_embedding"] += len(stale)
    else:
        left += stale
    return Mended(dict(done), left)


def _mend(store: RoutedStore, finding: Finding, now: str) -> bool:
    if finding.kind in ("near_duplicate", "echo"):
        return run(_retire(store, finding, now))
    if finding.kind == "orphan":
        return run(_unlink(store, finding, finding.others))
    if finding.kind == "loop":
        return run(_unlink(store, finding, finding.others))
    if finding.kind == "unfinished_erasure":
        resume_erasures(store)
        return True
    if finding.kind == "wrong_index":
        return store.held.database.write(lambda connection: _index_anew(connection, finding)).result()
    if finding.kind == "unreadable":
        return store.held.database.write(lambda connection: _move_aside(connection, finding)).result()
    return False


def _retire(store: RoutedStore, finding: Finding, now: str) -> Steps[bool]:
    item, other = yield from submit(
        store, [GetOp(finding.namespace, finding.key, False), GetOp(finding.namespace, finding.others[0], False)]
    )
    if item is None or other is None:
        return False
    past, _, _ = yield from retire(store, item, now, "deleted")
    yield from submit(store, [past, PutOp(finding.namespace, finding.key, None)])
    return True


def _unlink(store: RoutedStore, finding: Finding, keys: Sequence[str]) -> Steps[bool]:
    (item,) = yield from submit(store, [GetOp(finding.namespace, finding.key, False)])
    if item is None:
        return False
    value = unlinked(item.value, keys)
    if value is None or (finding.kind == "loop" and finding.others[0] not in sources_of(item.value)):
        return False
    held = {each.key: each for each in (yield from store.held.under(finding.namespace))}
    ttl = held[finding.key].ttl if finding.key in held else None
    yield from submit(store, [PutOp(finding.namespace, finding.key, value, _paths_of(store, finding), ttl)])
    return True


def _paths_of(store: RoutedStore, finding: Finding) -> list[str] | None:
    """Return the `index` argument of an item's put."""

    def read(connection: sqlite3.Connection) -> list[str] | None:
        row = connection.execute(
            "SELECT paths FROM items WHERE namespace = ? AND key = ?", (joined(finding.namespace), finding.key)
        ).fetchone()
        paths: list[str] | None = json.loads(row[0]) if row is not None and row[0] is not None else None
        return paths

    return store.held.database.read(read)


def _index_anew(connection: sqlite3.Connection, finding: Finding) -> bool:
    row = connection.execute(
        "SELECT id, key, value, paths, terms, question FROM items WHERE namespace = ? AND key = ?",
        (joined(finding.namespace), finding.key),
    ).fetchone()
    if row is None:
        return False
    number, key, text, paths, terms, question = row
    examined = Examined(number, finding.namespace, key, text, paths, terms, bool(question))
    if examined.value is None:
        return False
    used = connection.execute(
        "SELECT fields FROM models WHERE id = (SELECT value FROM counters WHERE name = 'model') AND fields IS NOT NULL"
    ).fetchone()
    fields = tuple(json.loads(used[0])) if used is not None else ("content",) if "content" in examined.value else ("$",)
    terms, question = right_terms(examined, fields)
    connection.execute("UPDATE items SET terms = ?, question = ? WHERE id = ?", (terms, question, row[0]))
    return True


def _move_aside(connection: sqlite3.Connection, finding: Finding) -> bool:
    """Delete vectors that are none; move a value that is none into the table that is never recalled."""
    place = joined(finding.namespace), finding.key
    row = connection.execute("SELECT id, value FROM items WHERE namespace = ? AND key = ?", place).fetchone()
    if row is None:
        return False
    if "vector" in finding.message:
        for model in models_of(connection):
            connection.execute(f"DELETE FROM {vectors_of(model)} WHERE item = ?", (row[0],))
        return True
    kept = (place[0], f"unreadable/{finding.key}", json.dumps(row[1]))
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", kept)
    connection.execute("DELETE FROM items WHERE id = ?", (row[0],))
    return True


def _reload(store: RoutedStore) -> None:
    """Let every process read its indexes anew."""
    store.held.database.write(forget_history).result()
    store.held.indexes.follow()
