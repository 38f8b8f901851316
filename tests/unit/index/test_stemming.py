"""Analyzers with other stemmers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from warmgraph.errors import InvalidArgumentError, MissingDependencyError
from warmgraph.index import analyze, create_analyzer, stemming
from warmgraph.store import RoutedStore


@pytest.mark.parametrize(
    ("stemmer", "text", "terms"),
    [
        ("light", "Where did the dogs run?", ["dog", "run"]),
        ("none", "Where did the dogs run?", ["dogs", "run"]),
        (str.upper, "Where did the dogs run?", ["DOGS", "RUN"]),
        ("snowball:english", "the happily running dogs went", ["happili", "run", "dog", "go"]),
        ("snowball:german", "Die Häuser der Katzen", ["die", "haus", "der", "katz"]),
        ("snowball:english", "奈良県 🍁", ["奈良", "良県", "🍁"]),
    ],
)
def test_words_are_reduced_by_the_stemmer_of_choice(stemmer: Any, text: str, terms: list[str]) -> None:
    """Folding, function words and unspaced scripts stay what they are."""
    assert terms == create_analyzer(stemmer)(text)


def test_stop_words_are_those_that_are_given() -> None:
    """Instead of the English ones; an empty collection leaves none out."""
    assert ["katz"] == create_analyzer("snowball:german", stop_words=("die",))("Die Katzen")
    assert ["where", "dog"] == create_analyzer(stop_words=())("where dogs")


def test_a_stemmer_that_makes_nothing_of_a_word_leaves_it_out() -> None:
    """There are no empty terms, and none that is too long."""
    assert ["b" * 64] == create_analyzer(lambda word: word * 99 if word == "b" else "")("a b c")


def test_one_analyzer_serves_threads() -> None:
    """Snowball's stemmers keep their work in themselves; the terms are right all the same."""
    words = [f"running{at} nationally{at} relational hopefulness" for at in range(200)]
    alone = [create_analyzer("snowball:english")(text) for text in words]
    shared = create_analyzer("snowball:english")
    with ThreadPoolExecutor(8) as threads:
        assert alone == list(threads.map(shared, words))


@pytest.mark.parametrize("stemmer", ["porter", "snowball:klingon", 3, None])
def test_what_is_no_stemmer_is_refused(stemmer: Any) -> None:
    """By its name."""
    with pytest.raises(InvalidArgumentError, match="stemmer"):
        create_analyzer(stemmer)


def test_snowball_names_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed."""
    monkeypatch.setattr(stemming, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"warmgraph\[stemmer\]"):
        create_analyzer("snowball:english")


def test_a_store_finds_by_its_stems(tmp_path: Path) -> None:
    """Written and read with one analyzer, in the file too."""
    german = create_analyzer("snowball:german")
    for _ in range(2):
        with RoutedStore(tmp_path / "memory.db", analyzer=german) as store:
            store.put(("m",), "1", {"content": "Die Häuser am See sind alt."})
            assert ["1"] == [item.key for item in store.recall_long_term(("m",), "Haus").items]
    assert analyze("Häuser") != analyze("Haus")
