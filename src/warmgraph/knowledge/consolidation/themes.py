"""What somebody keeps coming back to: words that many conversations share and not all."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import Item

from warmgraph.index.tokens import analyze

__all__ = ["Theme", "recurring_themes"]

FEWEST_CONVERSATIONS = 3
# A word of more than this share of all conversations is how somebody talks and not what about.
MOST_COMMON = 0.6
SHORTEST = 4  # letters, in scripts that have them
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme.

    Args:
        word: What it is called: the commonest form of the word.
        conversations: How many it came up in.
        sources: Keys of the memories in which it did, by age.
    """

    word: str
    conversations: int
    sources: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {"theme": self.word, "conversations": self.conversations, "sources": list(self.sources)}


def recurring_themes(memories: Sequence[Item], most: int) -> list[Theme]:
    """Find the words that recur in several conversations, the most telling first.

    Args:
        memories: Summaries of conversations, by age.
        most: How many themes at most.
    """
    threads: dict[str, set[str]] = defaultdict(set)
    sources: dict[str, list[str]] = defaultdict(list)
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    names = {term for item in memories for name in _names(item.value) for term in analyze(name)}
    for item in memories:
        terms: set[str] = set()
        for word in _WORD.findall(_text(item.value)):
            for term in analyze(word):
                forms[term][word.casefold()] += 1
                terms.add(term)
        for term in terms - names:
            threads[term].add(str(item.value.get("thread_id")))
            sources[term].append(item.key)
    every = len({str(item.value.get("thread_id")) for item in memories})
    found = [
        (len(seen) * math.log(1 + every / len(seen)) * _telling(term), term)
        for term, seen in threads.items()
        if FEWEST_CONVERSATIONS <= len(seen) <= max(MOST_COMMON * every, FEWEST_CONVERSATIONS)
    ]
    best = sorted(((worth, term) for worth, term in found if worth), key=lambda each: (-each[0], each[1]))[:most]
    return [Theme(forms[term].most_common(1)[0][0], len(threads[term]), tuple(sources[term])) for _, term in best]


def _telling(term: str) -> float:
    """Return how much a word says by itself: none of the short ones, longer ones more."""
    if term.isascii() and len(term) < SHORTEST:
        return 0.0
    return min(len(term), 8) / 8


def _text(value: Mapping[str, Any]) -> str:
    meta = value.get("meta")
    terms = meta.get("terms") if isinstance(meta, Mapping) else None
    return f"{value.get('content', '')} {terms or ''}"


def _names(value: Mapping[str, Any]) -> Iterable[str]:
    meta = value.get("meta")
    authors = meta.get("authors") if isinstance(meta, Mapping) else None
    return [name for name in authors if isinstance(name, str)] if isinstance(authors, list) else []
