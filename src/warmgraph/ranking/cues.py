"""What a question says besides its words: whom it names, whether it asks when, and what time it speaks of."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from warmgraph.ranking.periods import Period, may_speak_of_period, read_period
from warmgraph.ranking.relations import Relation, read_relation

__all__ = ["NO_CUES", "Cues", "asks_when", "first_person", "read_cues", "speaks_of_time"]


class Cues(NamedTuple):
    """What a question says besides its words.

    Args:
        words: Its words as they are written; some may be names.
        asks_when: Whether it asks for a time.
        period: The time it speaks of; `None` for none.
        relation: How what it asks for stands to events that it names; `None` if it does not say.
    """

    words: frozenset[str] = frozenset()
    asks_when: bool = False
    period: Period | None = None
    relation: Relation | None = None


NO_CUES = Cues()


def read_cues(text: str, now: datetime) -> Cues:
    """Return what a question says besides its words.

    Args:
        text: The question.
        now: From when on relative times are counted; with a time zone.

    Example:
        >>> from datetime import timezone
        >>> cues = read_cues("When did Ana move?", datetime(2026, 1, 1, tzinfo=timezone.utc))
        >>> sorted(cues.words), cues.asks_when, cues.period
        (['Ana', 'When', 'did', 'move'], True, None)
    """
    words, when, timely, relation = _without_time(text)
    period = read_period(text, now) if timely else None
    return Cues(words, when, period, relation if period is None else None)


def asks_when(text: str) -> bool:
    """Whether a question asks for a time.

    Example:
        >>> asks_when("How long has she had it?"), asks_when("Who has had it?")
        (True, False)
    """
    return _ASKS_WHEN(text) is not None


def speaks_of_time(text: str) -> bool:
    """Whether a text says when something happens: a date, a day, or a time from now.

    Example:
        >>> speaks_of_time("I met her two weeks ago."), speaks_of_time("I met her at the lake.")
        (True, False)
    """
    return _TIME(text) is not None


def first_person(text: str, names: Collection[str]) -> str:
    """Return a question as the ones it names would put it: what they said speaks of "I" and "my", not of their names.

    Text embeddings are near each other for texts that sound alike; what was said is told in the first person. On
    LoCoMo it is worth .036 of evidence recall@5.

    Args:
        text: The question.
        names: The authors that it names. Names of roles stay: nobody is called "assistant".

    Example:
        >>> first_person("Where does Ana keep Ana's bike?", ["Ana"])
        'Where does I keep my bike?'
    """
    people = [name for name in names if name.lower() not in _ROLES]
    if not people:
        return text
    return _substitution(tuple(sorted(people, key=len, reverse=True))).sub(lambda met: "my" if met["of"] else "I", text)


@lru_cache(maxsize=256)
def _substitution(names: tuple[str, ...]) -> re.Pattern[str]:
    spellings: list[str] = []
    for name in names:
        for part in (name, name.split()[0]):
            spellings += [re.escape(part), re.escape(part[:1].upper() + part[1:])]
    return re.compile(rf"\b(?:{'|'.join(dict.fromkeys(spellings))})(?P<of>['\u2019]s)?(?!\w)")


@lru_cache(maxsize=1024)  # the tiers ask one after the other
def _without_time(text: str) -> tuple[frozenset[str], bool, bool, Relation | None]:
    """Return the words of a text, whether it asks when, whether it may speak of a period, and its relation.

    A word of grammar at its beginning is no name, though it is written like one.
    """
    words = _WORDS(text.replace("\u2019", "'"))
    names = [word.removesuffix("'s") for word in words]
    if names and names[0] in _OPENINGS:
        del names[0]
    return frozenset(names), asks_when(text), may_speak_of_period(names), read_relation(text)


_WORDS = re.compile(r"[\w'@.+-]*[\w]").findall
_OPENINGS = frozenset(("Will", "May", "Can", "An", "Art", "Are"))
_ROLES = frozenset(("user", "human", "assistant", "ai", "agent", "bot", "system", "tool"))

_ASKS_WHEN = re.compile(
    r"^\W*(?:(?:and|so|but|since|until) )?(?:when|what (?:date|day|month|year|time)|how (?:long|often|recently|soon)"
    r"|how many (?:days|weeks|months|years)|(?:in|on|at|since) (?:what|which) (?:date|day|week|month|year|time)"
    r"|which (?:date|day|week|month|year))\b",
    re.IGNORECASE,
).match

_TIME = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|last|next|ago|since|recently|lately|just|weekend"
    r"|this (?:week|month|year|morning|afternoon|evening|spring|summer|autumn|fall|winter)"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:19|20)\d\d|\d+(?:st|nd|rd|th)"
    r"|(?:few|couple(?: of)?|two|three|four|five|six|seven|eight|nine|ten|\d+) (?:days|weeks|months|years))\b",
    re.IGNORECASE,
).search
