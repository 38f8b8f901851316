"""Rows: how an item stands in the file, and the way between that and what callers see."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from langgraph.store.base import Item, SearchItem
from numpy.typing import NDArray

from warmgraph.errors import StoreCorruptError
from warmgraph.index import Document, LexicalDocument, Traits
from warmgraph.store.documents import Searchable
from warmgraph.store.plan import Put

__all__ = [
    "AFTER_SEPARATOR",
    "SEPARATOR",
    "Pending",
    "Row",
    "document_from",
    "joined",
    "json_writer",
    "pending_write",
    "split",
    "terms_of",
    "time_of",
]

Namespace: TypeAlias = tuple[str, ...]
Read: TypeAlias = Callable[[Mapping[str, Any], Sequence[str]], LexicalDocument]
SEPARATOR = "."
MICROSECONDS = 1_000_000  # in a second
AFTER_SEPARATOR = "/"  # the next character: everything below a prefix sorts before it
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Pending(NamedTuple):
    """One write, ready for its row. Without a value it is a deletion."""

    namespace: Namespace
    key: str
    now: int  # microseconds since the epoch
    value: str | None = None
    ttl: float | None = None
    paths: str | None = None
    terms: str | None = None
    document: Document = None
    question: bool = False
    importance: float | None = None
    vectors: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A stored item. Times are microseconds since the epoch, the value is JSON."""

    namespace: Namespace
    key: str
    value: str
    created_at: int
    updated_at: int
    ttl: float | None
    expires_at: int | None

    def item(self) -> Item:
        """Return the item, its value made anew."""
        return Item(
            value=self.parsed(),
            key=self.key,
            namespace=self.namespace,
            created_at=time_of(self.created_at),
            updated_at=time_of(self.updated_at),
        )

    def search_item(self, score: float | None = None) -> SearchItem:
        """Return the item with a score, its value made anew."""
        return SearchItem(
            namespace=self.namespace,
            key=self.key,
            value=self.parsed(),
            created_at=time_of(self.created_at),
            updated_at=time_of(self.updated_at),
            score=score,
        )

    def parsed(self) -> dict[str, Any]:
        """Return the value, made anew."""
        try:
            value: dict[str, Any] = json.loads(self.value)
        except ValueError as error:
            place = SEPARATOR.join((*self.namespace, self.key))
            raise StoreCorruptError(f"the value of {place} is damaged: {error}") from error
        return value


def pending_write(put: Put, how: Searchable, vectors: NDArray[np.float32] | None, now: int) -> Pending:
    """Return a put as it goes into the file, `now` in microseconds since the epoch."""
    if put.value is None:
        return Pending(put.namespace, put.key, now)
    return Pending(  # by position: by name it takes twice as long
        put.namespace,
        put.key,
        now,
        _write_json(put.value),
        put.ttl,
        None if put.index is None else _write_json(put.index),
        terms_of(how),
        _later(how.document),
        how.question,
        how.importance,
        vectors,
    )


def joined(namespace: Namespace) -> str:
    """Return a namespace as it stands in the file."""
    return SEPARATOR.join(namespace)


def split(namespace: str) -> Namespace:
    """Return the labels of a namespace in the file."""
    return tuple(namespace.split(SEPARATOR)) if namespace else ()


def time_of(microseconds: int) -> datetime:
    """Return a time of the file, exactly, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def terms_of(how: Searchable) -> str | None:
    """Return what the file says of an item's words.

    That is the paths where its words are, if they can be read at any time: counting them takes longer than writing the
    row, and most items are never asked for words by the process that wrote them. What an analyzer of somebody's own
    made of them is kept, for it was made while the writer waited.
    """
    document = how.document
    if document is None:
        return None
    if callable(document):
        return _write_paths(how.paths)
    parts = [dict(document.terms), dict(document.extra), document.thread, document.position, document.traits]
    return _write_text(parts)


def document_from(terms: str, value: str, place: str, read: Read) -> LexicalDocument:
    """Return the lexical document that `terms_of` spoke of. In older files it may come without traits.

    Args:
        terms: What it wrote.
        value: The item's value, as JSON.
        place: What to call the item in an error.
        read: Makes the document of a value and paths.

    Raises:
        StoreCorruptError: It is damaged.
    """
    try:
        parts = json.loads(terms)
        if all(isinstance(part, str) for part in parts):
            return read(json.loads(value), parts)
        own, extra, thread, position, *traits = parts
        return LexicalDocument(dict(own), dict(extra), thread, position, Traits(*traits[0]) if traits else Traits())
    except (ValueError, TypeError) as error:
        raise StoreCorruptError(f"the terms of {place} are damaged: {error}") from error


def json_writer(*, ensure_ascii: bool) -> Callable[[Any], str]:
    """Return what writes JSON without spaces.

    `JSONEncoder.encode` makes its encoder in C anew for every value, and notes what it is in the middle of, lest it go
    round in circles: 1.9 us for a small record. One that is kept, and told that frozen values have no circles, takes
    0.7 us. Where there is none (it is a detail of CPython) the usual way is taken.
    """
    usual = json.JSONEncoder(separators=(",", ":"), ensure_ascii=ensure_ascii)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return usual.encode
    text = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    encode = make(None, usual.default, text, None, ":", ",", False, False, True)
    return lambda value: "".join(encode(value, 0))


def _later(document: Document) -> Document:
    """Return a document as one that is indexed when somebody asks for words, not while writers wait."""
    return document if document is None or callable(document) else lambda: document


@lru_cache(maxsize=256)
def _write_paths(paths: tuple[str, ...]) -> str:
    return _write_text(paths)


_write_json = json_writer(ensure_ascii=True)
_write_text = json_writer(ensure_ascii=False)
