"""Analyzers with another stemmer: one of Snowball's, one of somebody's own, or none."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Collection
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, TypeAlias

from warmgraph.errors import InvalidArgumentError, MissingDependencyError
from warmgraph.index.irregular import BASE_FORMS
from warmgraph.index.tokens import FUNCTION_WORDS, LONGEST, Analyzer, analyze, words_of

__all__ = ["Stem", "create_analyzer"]

Stem: TypeAlias = Callable[[str], str]
"""From a folded word to a form that its inflections share; deterministic."""

SNOWBALL = "snowball:"
REMEMBERED = 32_768


def create_analyzer(stemmer: str | Stem = "light", *, stop_words: Collection[str] | None = None) -> Analyzer:
    """Make an analyzer for `WarmStore(analyzer=...)`.

    On LoCoMo, in evidence recall@5 / @10 of words alone: "light" .740 / .817, "snowball:english" .741 / .819, "none"
    .700 / .782. A file keeps the terms of what was written: open it with the analyzer that it was written with.

    Args:
        stemmer: "light" for English, as in `analyze`; "none"; "snowball:LANGUAGE", such as "snowball:german", which
            comes with `pip install 'warmgraph[stemmer]'`; or a function of a word.
        stop_words: Words to leave out, folded; by default those of `analyze` for English stemmers, and none for those
            of other languages.

    Raises:
        InvalidArgumentError: There is no such stemmer.
        MissingDependencyError: snowballstemmer is not installed.

    Example:
        >>> create_analyzer("none")("She hiked the hills"), create_analyzer(lambda word: word[:3])("hiked the hills")
        (['hiked', 'hills'], ['hik', 'hil'])
        >>> create_analyzer() is analyze
        True
    """
    english = stemmer in ("light", "none", f"{SNOWBALL}english", f"{SNOWBALL}porter") or not isinstance(stemmer, str)
    left_out = FUNCTION_WORDS if stop_words is None and english else frozenset(stop_words or ())
    if stemmer == "light":
        if stop_words is None:
            return analyze
        return _Reducing(_light, left_out)
    if stemmer == "none":
        return _Reducing(_unchanged, left_out)
    if isinstance(stemmer, str):
        return _Reducing(_snowball(stemmer.removeprefix(SNOWBALL), stemmer), left_out)
    if not callable(stemmer):
        raise InvalidArgumentError("stemmer", expected="a name or a function of a word", got=stemmer)
    return _Reducing(stemmer, left_out)


class _Reducing:
    """Splits as `analyze` does, and reduces each word by a stemmer; what that makes nothing of is no term."""

    __slots__ = ("_left_out", "_stem")

    def __init__(self, stem: Stem, left_out: frozenset[str]) -> None:
        self._stem = lru_cache(REMEMBERED)(stem)
        self._left_out = left_out

    def __call__(self, text: str) -> list[str]:
        stem, left_out = self._stem, self._left_out
        return [term for word in words_of(text) if word not in left_out and (term := stem(word[:LONGEST])[:LONGEST])]


def _light(word: str) -> str:
    terms = analyze(word)
    return terms[0] if terms else word


def _unchanged(word: str) -> str:
    return word


def _snowball(language: str, given: str) -> Stem:
    if not given.startswith(SNOWBALL):
        raise InvalidArgumentError("stemmer", expected="'light', 'none' or 'snowball:LANGUAGE'", got=given)
    if find_spec("snowballstemmer") is None:
        raise MissingDependencyError("snowballstemmer", extra="stemmer")
    package: Any = importlib.import_module("snowballstemmer")
    if language not in package.algorithms():
        raise InvalidArgumentError("stemmer", expected=f"a language among {sorted(package.algorithms())}", got=given)
    algorithm, lock = package.stemmer(language), threading.Lock()
    base_forms = BASE_FORMS if language in ("english", "porter") else {}

    def stem(word: str) -> str:
        with lock:  # it works on fields of its own
            found: str = algorithm.stemWord(base_forms.get(word, word))
        return found

    return stem
