"""Vectors that are missing, damaged, of another model, or that have moved away from those before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from warmgraph.doctor.findings import Finding
from warmgraph.index import DriftDetector
from warmgraph.store.sqlite.rows import split
from warmgraph.store.sqlite.tables import vectors_of
from warmgraph.store.sqlite.vectors import model_in_use, models_of, read_vectors

__all__ = ["find_damaged_vectors", "find_drift", "find_stale"]

MOST_NAMED = 1_000
LEARNED = 200
"""Vectors from which it is learned how far one lies from the middle of them: the first that were written."""


def find_stale(connection: sqlite3.Connection, where: str, arguments: tuple[Any, ...], now: int) -> Iterator[Finding]:
    """Find searchable items without a vector of the model in use, where there is one."""
    model = model_in_use(connection)
    if model is None:
        return
    used = _number_in_use(connection)
    others = [_has(other) for other in models_of(connection) if other != used] or ["0"]
    rows = connection.execute(
        f"SELECT namespace, key, {' OR '.join(others)} FROM items WHERE {where}"
        " AND terms IS NOT NULL AND (expires_at IS NULL OR expires_at > ?) AND namespace NOT LIKE '#_warmgraph%'"
        f" ESCAPE '#' AND NOT {_has(used)} ORDER BY id LIMIT ?",
        (*arguments, now, MOST_NAMED),
    )
    for name, key, other in rows:
        had = "its vector is of another model than" if other else "it has no vector of"
        yield Finding(
            kind="stale_embedding",
            namespace=split(name),
            key=key,
            message=f"{had} {model}",
            remedy="it is embedded with the model in use; --embed names it",
            mendable=True,
        )


def find_damaged_vectors(connection: sqlite3.Connection, where: str, arguments: tuple[Any, ...]) -> Iterator[Finding]:
    """Find vectors of the wrong length, and those that hold what is no number."""
    for model, dims in connection.execute("SELECT id, dims FROM models ORDER BY id").fetchall():
        rows = connection.execute(
            f"SELECT namespace, key, vector FROM {vectors_of(model)} JOIN items ON id = item WHERE {where}", arguments
        )
        for name, key, blob in rows:
            if blob and len(blob) % (4 * dims) == 0 and np.isfinite(read_vectors(blob, dims)).all():
                continue
            yield Finding(
                kind="unreadable",
                namespace=split(name),
                key=key,
                message=f"its vector is not {dims} finite numbers",
                remedy="the vector is deleted, and made anew with --embed",
                mendable=True,
            )


def find_drift(connection: sqlite3.Connection, where: str, arguments: tuple[Any, ...]) -> Iterator[Finding]:
    """Find out whether vectors lie farther from the middle of the first ones than those did."""
    model = model_in_use(connection)
    if model is None:
        return
    rows = connection.execute(
        f"SELECT vector FROM {vectors_of(_number_in_use(connection))} JOIN items ON id = item WHERE {where}"
        " ORDER BY id",
        arguments,
    )
    first: list[Any] = []
    detector, middle, count = DriftDetector(warmup=LEARNED), None, 0
    for (blob,) in rows:
        if not blob or len(blob) % (4 * model.dims):
            continue  # told of elsewhere
        vector = read_vectors(blob, model.dims)[0].astype(np.float64)
        if not np.isfinite(vector).all():
            continue
        count += 1
        if middle is None:
            first.append(vector)
            if len(first) < 2 * LEARNED:
                continue
            middle = np.mean(first[:LEARNED], axis=0)  # the second half of them says how far is usual
            for each in first[LEARNED:]:
                detector.update(float(np.linalg.norm(each - middle)))
            continue
        detector.update(float(np.linalg.norm(vector - middle)))
        if detector.drift_detected:
            yield Finding(
                kind="drift",
                message=f"from the {count:,}th memory on, vectors lie farther from the first {LEARNED} than these do:"
                " people talk of other things, or the model behind its name has changed",
            )
            return


def _number_in_use(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("SELECT value FROM counters WHERE name = 'model'").fetchone()[0]
    return number


def _has(model: int) -> str:
    return f"EXISTS (SELECT 1 FROM {vectors_of(model)} WHERE item = items.id)"
