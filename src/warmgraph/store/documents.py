"""What of a value is searched, and how: texts to embed, and the document for the lexical index."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

from langgraph.store.base import get_text_at_path, tokenize_path

from warmgraph.errors import InvalidArgumentError
from warmgraph.index import Analyzer, Document, LexicalDocument, Traits, analyze
from warmgraph.ranking import speaks_of_time
from warmgraph.store.records import is_question, leaf_texts

__all__ = ["Indexing", "Searchable", "given_importance"]


class Searchable(NamedTuple):
    """How one item is searched.

    Args:
        texts: What is embedded; several texts give several vectors.
        document: What the lexical index holds, or a function that makes it; `None` when the item is not indexed.
        paths: Where its words are.
        question: Whether it is a question.
        importance: As given by the record, in [0, 1]; `None` when it says nothing.
    """

    texts: tuple[str, ...] = ()
    document: Document = None
    paths: tuple[str, ...] = ()
    question: bool = False
    importance: float | None = None


class Indexing:
    """Turns values into what the indexes hold.

    Args:
        fields: Paths that are indexed unless a put names its own (`$` is the whole document).
        analyzer: From text to terms.
    """

    def __init__(self, fields: Sequence[str] | None, analyzer: Analyzer) -> None:
        self.fields: tuple[str, ...] = tuple(_checked("fields", fields)) if fields is not None else ("$",)
        self.analyzer = analyzer

    def searchable(
        self, value: Mapping[str, Any], index: Literal[False] | Sequence[str] | None, *, later: bool = False
    ) -> Searchable:
        """Return how `value` is searched.

        Args:
            value: The value. With `later` it must not change.
            index: As in `put`: `None` for the store's fields, False for not at all, or paths.
            later: Whether the document may be made when it is first needed. An analyzer of somebody's own is asked
                now: should it fail, the write fails, and not a search later on.

        Raises:
            InvalidArgumentError: `index` is none of these, or the analyzer does not return terms.
        """
        if index is False:
            return Searchable()
        paths = self.fields if index is None else tuple(_checked("index", index))
        if len(paths) == 1:
            texts = tuple(_texts_at(value, paths[0]))
        else:
            texts = tuple(text for path in paths for text in _texts_at(value, path))
        document = (
            partial(self.document, value, paths) if later and self.analyzer is analyze else self.document(value, paths)
        )
        return Searchable(texts, document, paths, _asks(value), given_importance(value))

    def document(self, value: Mapping[str, Any], paths: Sequence[str]) -> LexicalDocument:
        """Return what the lexical index holds of a value.

        Args:
            value: The value.
            paths: Where its words are.

        Raises:
            InvalidArgumentError: The analyzer does not return terms.
        """
        words: dict[str, int] = {}
        characters, dated = 0, False
        for path in paths:
            if path == "$":
                found: Iterable[str] = leaf_texts(value)
            elif path in value:  # a plain field is read as it is, so that a dict's field names are not taken for words
                found = leaf_texts(value[path])
            else:
                found = leaf_texts(_texts_at(value, path))
            for text in found:
                _count(words, self._terms(text))
                characters += len(text)
                dated = dated or speaks_of_time(text)
        extra: dict[str, int] = {}
        author, said_at = value.get("author"), _time_of(value.get("said_at"))
        author = author if isinstance(author, str) else None
        if author is not None:
            _count(extra, self._terms(author))
        if said_at is not None:
            _count(extra, self._terms(f"{said_at.day} {_MONTHS[said_at.month - 1]} {said_at.year}"))
        when = said_at or _time_of(value.get("valid_from"))
        traits = Traits(author, characters, dated, None if when is None else _seconds(when))
        thread, position = value.get("thread_id"), _position(value)
        if not isinstance(thread, str) or position is None:
            return LexicalDocument(terms=words, extra=extra, traits=traits)
        return LexicalDocument(terms=words, extra=extra, thread=thread, position=position, traits=traits)

    def _terms(self, text: str) -> Sequence[str]:
        terms = self.analyzer(text)
        if self.analyzer is not analyze and not (
            isinstance(terms, list | tuple) and all(isinstance(term, str) for term in terms)
        ):
            raise InvalidArgumentError("analyzer", expected="one that returns a list of strings", got=self.analyzer)
        return terms


def _count(counts: dict[str, int], terms: Iterable[str]) -> None:
    # A Counter asks of each update whether it is a mapping, which takes longer than to count a dozen terms.
    for term in terms:
        counts[term] = counts.get(term, 0) + 1


def _texts_at(value: Mapping[str, Any], path: str) -> Sequence[str]:
    """Return the texts at a path, as `langgraph.store.base.get_text_at_path` does; a field of text at once."""
    found = value.get(path) if path.isidentifier() else None
    if type(found) is str:
        return (found,)
    return get_text_at_path(value, path if path == "$" else _tokens_of(path))


@lru_cache(maxsize=1024)
def _tokens_of(path: str) -> list[str]:
    return tokenize_path(path)


def _checked(argument: str, paths: Sequence[str]) -> Sequence[str]:
    if isinstance(paths, str) or not isinstance(paths, (list, tuple)) or not all(isinstance(p, str) for p in paths):
        raise InvalidArgumentError(argument, expected="a list of paths", got=paths)
    return paths


def _asks(value: Mapping[str, Any]) -> bool:
    said = value.get("is_question")
    if isinstance(said, bool):
        return said
    content = value.get("content")
    return isinstance(content, str) and is_question(content)


def given_importance(value: Mapping[str, Any]) -> float | None:
    """Return how much a record says that it matters, in [0, 1]; `None` when it says nothing."""
    given = value.get("importance")
    if given is None or isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
        return None
    return float(given)


def _position(value: Mapping[str, Any]) -> float | None:
    given = value.get("position")
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return None
    try:
        position = float(given)
    except OverflowError:
        return None
    return position if math.isfinite(position) else None


def _time_of(iso: object) -> datetime | None:
    if not isinstance(iso, str):
        return None
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        return None


def _seconds(when: datetime) -> float:
    """Return seconds since the epoch; a time without a zone is taken for UTC."""
    return (when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)).timestamp()


# Not strftime: the names must not depend on the locale of the process.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
