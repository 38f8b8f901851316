"""The rows of a file, as they are examined."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, TypeAlias

from warmgraph.errors import WarmGraphError
from warmgraph.index import analyze
from warmgraph.store.documents import Indexing
from warmgraph.store.erasing import is_turn
from warmgraph.store.own_records import OWN_ROOT
from warmgraph.store.sqlite.rows import document_from, split

__all__ = ["Examined", "namespaces_of"]

_INDEXING = Indexing(None, analyze)

Namespace: TypeAlias = tuple[str, ...]


@dataclass
class Examined:
    """A row.

    Args:
        id: The number of its last write.
        namespace: Its namespace.
        key: Its key.
        text: Its value as it stands in the file.
        paths: The `index` argument of its put, as JSON.
        terms: By which words it is found, or where these are, as JSON.
        question: Whether it is taken for a question.
    """

    id: int
    namespace: Namespace
    key: str
    text: str
    paths: str | None
    terms: str | None
    question: bool

    @cached_property
    def value(self) -> dict[str, Any] | None:
        """The value; `None` for one that cannot be read."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    @property
    def is_turn(self) -> bool:
        """Whether it is something that was said, and made from nothing else."""
        return self.value is not None and is_turn(self.value)

    @cached_property
    def words(self) -> frozenset[str]:
        """Its own terms; none for one that is not searched, or whose terms are damaged."""
        if self.value is None or self.terms is None:
            return frozenset()
        try:
            return frozenset(document_from(self.terms, self.text, self.key, _INDEXING.document).terms)
        except WarmGraphError:
            return frozenset()


def namespaces_of(
    connection: sqlite3.Connection, where: str, arguments: tuple[Any, ...], now: int
) -> Iterator[tuple[Namespace, list[Examined]]]:
    """Yield the rows of each namespace that have not expired, in the order of their writing; ours come last."""
    rows = connection.execute(
        "SELECT namespace, id, key, value, paths, terms, question FROM items"
        f" WHERE {where} AND (expires_at IS NULL OR expires_at > ?) ORDER BY namespace, id",
        (*arguments, now),
    )
    ours: list[tuple[Namespace, list[Examined]]] = []
    for name, group in groupby(rows, key=lambda row: row[0]):
        namespace = split(name)
        found = [
            Examined(number, namespace, key, text, paths, terms, bool(question))
            for _, number, key, text, paths, terms, question in group
        ]
        if namespace[:1] == (OWN_ROOT,):
            ours.append((namespace, found))
        else:
            yield namespace, found
    yield from ours
