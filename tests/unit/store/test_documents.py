"""What of a value is searched."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from warmgraph.errors import InvalidArgumentError
from warmgraph.index import LexicalDocument, Traits, analyze
from warmgraph.store.documents import Indexing, Searchable

RECORD = {
    "kind": "Memory",
    "content": "I live in Lisbon.",
    "author": "ana",
    "said_at": "2026-03-07T10:00:00+00:00",
    "thread_id": "t",
    "position": 4,
}


def made(how: Searchable) -> LexicalDocument:
    """Return the document that is made at once."""
    assert isinstance(how.document, LexicalDocument)
    return how.document


def test_a_record_is_indexed_by_its_content() -> None:
    """Words of the content are its own; author and date are extra; thread and position are its place."""
    how = Indexing(["content"], analyze).searchable(RECORD, None)
    assert ("I live in Lisbon.",) == how.texts
    assert {"live": 1, "lisbon": 1} == dict(made(how).terms)
    assert set(analyze("ana 7 March 2026")) == set(made(how).extra)
    assert ("t", 4.0) == (made(how).thread, made(how).position)
    assert (False, None) == (how.question, how.importance)


def test_a_record_is_known_by_author_length_and_time() -> None:
    """A time without a zone is UTC; what has no `said_at` counts from when on it is true."""
    indexing = Indexing(["content"], analyze)
    said = datetime(2026, 3, 7, 10, tzinfo=timezone.utc).timestamp()
    cases: list[tuple[dict[str, Any], Traits]] = [
        (RECORD, Traits("ana", 17, False, said)),
        ({**RECORD, "said_at": "2026-03-07T10:00:00"}, Traits("ana", 17, False, said)),
        ({"content": "It rained yesterday.", "valid_from": "2026-03-07T10:00:00Z"}, Traits(None, 20, True, said)),
        ({"content": "So", "author": 5, "said_at": "soon"}, Traits(None, 2, False, None)),
    ]
    for value, expected in cases:
        assert expected == made(indexing.searchable(value, None)).traits


def test_a_put_may_choose_what_is_indexed() -> None:
    """Paths of a put come instead of the store's fields; False is nothing at all."""
    indexing = Indexing(["content"], analyze)
    how = indexing.searchable({"content": "a", "title": "Violins", "tags": ["old", "new"]}, ["title", "tags[*]"])
    assert ("Violins", "old", "new") == how.texts
    assert {"violin", "old", "new"} == set(made(how).terms)
    nothing = indexing.searchable(RECORD, False)
    assert ((), None) == (nothing.texts, nothing.document)


def test_the_whole_document_is_the_default() -> None:
    """Without fields everything is embedded as JSON, and indexed by its values, not by its field names."""
    how = Indexing(None, analyze).searchable({"title": "Violins", "n": 3, "deep": {"x": ["old"]}}, None)
    assert ('{"deep": {"x": ["old"]}, "n": 3, "title": "Violins"}',) == how.texts
    assert {"violin", "3", "old"} == set(made(how).terms)


@pytest.mark.parametrize("position", [None, "4", True, float("inf"), float("nan"), 10**400])
def test_a_place_that_is_none_is_left_out(position: Any) -> None:
    """A position that is no finite number does not keep an item from being indexed."""
    how = Indexing(["content"], analyze).searchable({**RECORD, "position": position}, None)
    assert made(how).thread is None
    assert {"live": 1, "lisbon": 1} == dict(made(how).terms)


def test_what_a_record_says_of_itself_counts() -> None:
    """Importance in [0, 1] and `is_question` are taken from the record, a question mark otherwise."""
    indexing = Indexing(["content"], analyze)
    assert 0.7 == indexing.searchable({"content": "x", "importance": 0.7}, None).importance
    for bad in (7, -0.1, "high", True, float("nan")):
        assert indexing.searchable({"content": "x", "importance": bad}, None).importance is None
    assert indexing.searchable({"content": "Where?"}, None).question
    assert not indexing.searchable({"content": "Where?", "is_question": False}, None).question
    assert indexing.searchable({"content": "there", "is_question": True}, None).question


@pytest.mark.parametrize("said_at", ["yesterday", "", 5, None])
def test_a_time_that_cannot_be_read_is_no_word(said_at: Any) -> None:
    """Only dates become words, in the same way in every locale."""
    how = Indexing(["content"], analyze).searchable({"content": "x", "said_at": said_at}, None)
    assert {} == dict(made(how).extra)


def test_an_analyzer_of_ones_own_must_return_terms() -> None:
    """An analyzer that returns something else fails the write, before it is written."""
    assert Indexing(None, lambda text: text.split()).searchable({"content": "a b a"}, None).document is not None
    with pytest.raises(InvalidArgumentError, match="analyzer"):
        Indexing(None, lambda text: [1, 2]).searchable({"content": "a"}, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("fields", ["content", [1], {"a"}])
def test_fields_are_paths(fields: Any) -> None:
    """`fields` and `index` are lists of strings."""
    with pytest.raises(InvalidArgumentError, match="fields"):
        Indexing(fields, analyze)
    with pytest.raises(InvalidArgumentError, match="index"):
        Indexing(None, analyze).searchable({}, fields)
