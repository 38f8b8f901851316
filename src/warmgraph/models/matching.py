"""Which recalled memories answer a question, and which of their sentences."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from warmgraph.memory_block import MemoryLine
from warmgraph.models.facts import asked_attributes, extract_facts, same_attribute
from warmgraph.models.sentences import content_words, is_question, split_sentences, straighten

__all__ = ["Match", "best_matches", "is_assistant"]

# Shares of the question's words, weighted by rarity. One matching word of two is about .4: close, but "my favourite
# food" is no answer to "my favourite colour". Two of three are about .6.
_CLOSE = 0.25
_SURE = 0.55
_NEARLY_AS_GOOD = 0.6
_SYNONYM_WEIGHT = 0.6
_CATEGORY_WEIGHT = 0.25
_CONTEXT_WEIGHT = 0.5  # of a word that stands in another sentence of the same memory
_OTHER_SENTENCES = 20  # imagined beside the recalled ones, so that rarity means something among a handful


@dataclass(frozen=True, slots=True)
class Match:
    """A memory that answers a question: the sentences of it that do, and how well they do."""

    line: MemoryLine
    sentences: tuple[str, ...]
    score: float

    @property
    def sure(self) -> bool:
        """Whether it answers the question, rather than coming close to it."""
        return self.score >= _SURE


def best_matches(question: str, lines: Sequence[MemoryLine], *, limit: int = 3) -> list[Match]:
    """Find the memories that answer a question best.

    A sentence counts by the share of the question's content words in it (rare ones count more), or because it
    states a fact of the kind that is asked for. Of equally good ones the newest comes first. Questions that were
    remembered answer nothing, and what the user said comes before what the assistant said about the user.

    Args:
        question: What is asked.
        lines: The memories; the later of two undated ones is the newer one.
        limit: How many to return at most.

    Returns:
        The best matches, best first; none when nothing comes close.

    Example:
        >>> lines = [MemoryLine("I'm Ana. I live in Lisbon.", role="user"), MemoryLine("Where do I live?", role="user")]
        >>> best_matches("Where do I live?", lines)[0].sentences
        ('I live in Lisbon.',)
    """
    candidates = [candidate for place, line in enumerate(lines) for candidate in _candidates(place, line)]
    weights = _question_weights(question, candidates)
    asked = asked_attributes(question)
    about_me = _FIRST_PERSON.search(straighten(question)) is not None
    scores = [_score(candidate, weights, asked, about_me) for candidate in candidates]

    by_line: dict[int, list[tuple[float, str]]] = {}
    for candidate, score in zip(candidates, scores, strict=True):
        if score >= _CLOSE:
            by_line.setdefault(candidate.place, []).append((score, candidate.sentence))
    matches = []
    for place, found in by_line.items():
        best = max(score for score, _ in found)
        sentences = tuple(sentence for score, sentence in found if score >= _NEARLY_AS_GOOD * best)
        matches.append((Match(lines[place], sentences, best), place))
    matches.sort(key=lambda match: (-round(match[0].score, 3), _age(match[0].line), -match[1]))
    return _distinct([match for match, _ in matches], limit)


def is_assistant(line: MemoryLine) -> bool:
    """Tell whether a memory is something that the assistant said."""
    return (line.role or "").casefold() in {"assistant", "ai"}


@dataclass(frozen=True, slots=True)
class _Candidate:
    place: int
    line: MemoryLine
    sentence: str
    words: frozenset[str]
    author: frozenset[str]
    context: frozenset[str]


_FIRST_PERSON = re.compile(r"\b(?:I|me|my|mine|myself)\b", re.IGNORECASE)
_CATEGORY = re.compile(
    r"\b(?:what|which)\s+(?:(?:kind|sort|type)s?\s+of\s+)?(?P<noun>\w+)\s+(?!of\b)\w+", re.IGNORECASE
)

# Words that stand for each other often enough in everyday questions.
_GROUPS = """
    job work profession occupation employer career
    live home house apartment flat move base city town address
    pet dog cat rabbit hamster parrot puppy kitten
    child son daughter
    partner wife husband girlfriend boyfriend spouse
    sibling brother sister
    parent mother father
    hobby like love enjoy favorite
    food dish meal eat
    music song band instrument
    trip travel vacation holiday visit go
    allergy intolerant
    name call
"""
_SYNONYMS: dict[str, frozenset[str]] = {}
for _group in _GROUPS.strip().splitlines():
    _stems = frozenset(content_words(_group))
    for _word in _stems:
        _SYNONYMS[_word] = _SYNONYMS.get(_word, frozenset()) | _stems - {_word}


def _candidates(place: int, line: MemoryLine) -> list[_Candidate]:
    author = frozenset(content_words(line.author or ""))
    context = frozenset(content_words(line.text))
    return [
        _Candidate(place, line, sentence, frozenset(content_words(sentence)), author, context)
        for sentence in split_sentences(line.text)
        if not is_question(sentence)
    ]


def _question_weights(question: str, candidates: Sequence[_Candidate]) -> dict[str, float]:
    """Weigh the words of a question by how rare they are among the memories."""
    frequency = Counter(word for candidate in candidates for word in candidate.words | candidate.author)
    total = len(candidates) + _OTHER_SENTENCES
    weights = {
        word: math.log(1 + (total - frequency[word] + 0.5) / (frequency[word] + 0.5))
        for word in content_words(question)
    }
    category = _CATEGORY.search(straighten(question))
    if category is not None and len(weights) > 1:
        for word in content_words(category["noun"]):  # "What instrument do I play?": the answer names one
            if word in weights:
                weights[word] *= _CATEGORY_WEIGHT
    return weights


def _score(candidate: _Candidate, weights: dict[str, float], asked: Sequence[str], about_me: bool) -> float:
    matched = around = 0.0
    for word, weight in weights.items():
        if word in candidate.words:
            matched += weight
        elif not candidate.words.isdisjoint(_SYNONYMS.get(word, frozenset())):
            matched += _SYNONYM_WEIGHT * weight
        elif word in candidate.author:
            around += weight
        elif word in candidate.context:
            around += _CONTEXT_WEIGHT * weight
    score = (matched + around) / sum(weights.values()) if matched else 0.0
    said_by_assistant = is_assistant(candidate.line)
    if asked and about_me and not said_by_assistant:
        for fact in extract_facts(candidate.sentence):
            if any(same_attribute(fact.attribute, attribute) for attribute in asked):
                return 1.5
    return score / 2 if said_by_assistant and about_me else score


def _age(line: MemoryLine) -> float:
    """Sort newest first; what is undated belongs to the running conversation, and is newer than all else."""
    if line.said_at is None:
        return -math.inf
    try:
        said_at = datetime.fromisoformat(line.said_at)
    except ValueError:
        return 0.0
    return -(said_at if said_at.tzinfo else said_at.replace(tzinfo=timezone.utc)).timestamp()


def _distinct(matches: Sequence[Match], limit: int) -> list[Match]:
    """Keep what is nearly as good as the best, and each quotation once."""
    kept: dict[str, Match] = {}
    for match in matches:
        if match.score >= _NEARLY_AS_GOOD * matches[0].score:
            kept.setdefault(" ".join(match.sentences).casefold(), match)
    return list(kept.values())[:limit]
