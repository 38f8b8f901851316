"""Simple facts that a person states about themselves, found by patterns. English only; other texts have none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from warmgraph.models.sentences import content_words, is_question, split_sentences, straighten

__all__ = ["Fact", "asked_attributes", "extract_facts", "same_attribute"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that somebody said about themselves.

    Args:
        attribute: What it is about: "name", "location", "origin", "job", "employer", "age", "birthday", "allergy",
            "language", "like", "dislike", "preference", "has", "activity", "description"; for "my X is Y" the X,
            such as "favorite color" or "sister".
        value: The stated value, as it was written.
        sentence: The sentence that states it.
    """

    attribute: str
    value: str
    sentence: str


def extract_facts(text: str) -> list[Fact]:
    """Find what a text states about its author, in the order of the text. Questions state nothing.

    Example:
        >>> for fact in extract_facts("Hi, I'm Ana and I live in Lisbon. My favourite color is blue. Do I like tea?"):
        ...     print(f"{fact.attribute}: {fact.value}")
        name: Ana
        location: Lisbon
        favorite color: blue
    """
    return [fact for sentence in split_sentences(text) if not is_question(sentence) for fact in _facts(sentence)]


def asked_attributes(question: str) -> list[str]:
    """Name the attributes that a question asks for, most likely first.

    Example:
        >>> asked_attributes("Where do I live?"), asked_attributes("what's my sister's name?")
        (['location'], ["sister's name", 'sister'])
    """
    plain = straighten(question)
    asked = [attribute for attribute, pattern in _QUESTIONS if pattern.search(plain)]
    for match in _ASKED_BY_NAME.finditer(plain):
        attribute = _attribute(match["attribute"])
        asked += [attribute, attribute.removesuffix(" name").removesuffix("'s")]
    return list(dict.fromkeys(attribute for attribute in asked if attribute))


def same_attribute(one: str, other: str) -> bool:
    """Tell whether two attributes are the same but for the form of their words."""
    return one == other or (set(content_words(one)) == set(content_words(other)) != set())


# A value ends where the clause does.
_STOP = r"""(?=\s*(?:[.,;:!?()"\n]|-\s|$)|\s+(?:but|because|so|when|while|which|who|since|though|although|where|if)\b"""
_AND = r"|\s+and\b"
_AND_SOMEBODY = r"|\s+and\s+(?:I|I'\w+|my|we|our|he|she|it|they|the|also)\b"
_COMMA_SOMEBODY = r"|,\s*(?:(?:and|but|so)\s+)?(?:I|I'\w+|my|we|our|he|she|it|they|the|also|thanks|please)\b"
_CIRCUMSTANCE = r"|\s+(?:with|now|for|at|near|right|these|this|last|next|again|already|together|too|from|these)\b"

_CLAUSE = rf"{_STOP}{_AND})"
_LIST_END = rf"{_STOP}{_AND_SOMEBODY})"
_ONE = rf"(?P<value>\S.*?){_CLAUSE}"
_PLACE = rf"(?P<value>\S.*?(?:,\s(?-i:[A-Z])\w+)?){_STOP}{_AND}{_CIRCUMSTANCE})"
_MANY = rf"(?P<value>\S.*?){_STOP.replace(',', '')}{_AND_SOMEBODY}{_COMMA_SOMEBODY})"
_I = r"\bI(?:\s+(?:currently|now|also|just|still|really|recently|mostly|usually|always|absolutely|do))*"
_I_AM = r"\bI(?:'m|\s+am)(?:\s+(?:currently|now|also|just|still|really|very|quite|highly|actually))*"
_I_DO_NOT = r"\bI\s+(?:really\s+)?(?:don't|do\s+not)"
_ACTIVITIES = "learning|studying|training|reading|building|writing"
_NOUNS = r"[\w'-]+(?:\s[\w'-]+){0,3}?"
_SOME_OF = r"an?|one|two|three|four|five|\d+|several"


def _only_names(value: str) -> bool:
    words = value.split()
    return len(words) <= 3 and all(word[0].isupper() for word in words) and words[0].casefold() not in _NOT_NAMES


def _short(value: str) -> bool:
    return len(value.split()) <= 4


def _anything(value: str) -> bool:
    return True


_CAPITALIZED = """
    american argentinian atheist australian austrian belgian brazilian british buddhist bulgarian canadian catholic
    chilean chinese christian colombian croatian czech danish dutch egyptian english estonian filipino finnish french
    german greek hindu hungarian indian indonesian iranian iraqi irish israeli italian japanese jewish kenyan korean
    latvian lebanese lithuanian malaysian mexican moroccan muslim nigerian norwegian pakistani peruvian polish
    portuguese protestant romanian russian scottish serbian slovak slovenian spanish swedish swiss syrian taiwanese
    thai turkish ukrainian vegan vegetarian vietnamese welsh sorry fine good ok okay here back
    """
_NOT_NAMES = frozenset(_CAPITALIZED.split())

# In the order of preference: where two patterns begin at the same place, the first one wins.
_PATTERNS: list[tuple[str, re.Pattern[str], Callable[[str], bool]]] = [
    (attribute, re.compile(pattern, re.IGNORECASE), fits)
    for attribute, pattern, fits in [
        ("name", rf"\bmy\s+(?:first\s+|full\s+)?name(?:'s|\s+is)\s+{_ONE}", _short),
        ("name", rf"(?:\bcall\s+me|\bI\s+go\s+by|{_I_AM}\s+called)\s+{_ONE}", _only_names),
        ("name", rf"(?:\bI(?:'m|\s+am)|^(?:\W*(?:hi|hello|hey)\b)?\W*this\s+is)\s+{_PLACE}", _only_names),
        ("location", rf"{_I}\s+(?:live|reside|stay)\s+(?:in|at)\s+{_PLACE}", _anything),
        ("location", rf"{_I_AM}\s+(?:living|based|staying)\s+in\s+{_PLACE}", _anything),
        ("location", rf"\bI(?:'ve)?(?:\s+(?:just|have|recently|finally))*\s+moved\s+to\s+{_PLACE}", _anything),
        ("origin", rf"(?:{_I_AM}|{_I}\s+come)\s+(?:originally\s+)?from\s+{_PLACE}", _anything),
        ("job", rf"{_I}\s+work\s+as\s+(?:an?\s+|the\s+)?{_PLACE}", _anything),
        ("job", rf"\bmy\s+(?:job|profession|occupation)\s+is\s+(?:an?\s+|being\s+an?\s+)?{_ONE}", _anything),
        ("employer", rf"{_I}\s+work\s+(?:at|for)\s+{_PLACE}", _anything),
        ("allergy", rf"{_I_AM}\s+allergic\s+to\s+{_MANY}", _anything),
        ("allergy", rf"{_I}\s+have\s+an?\s+(?:severe\s+|bad\s+|mild\s+)?(?P<value>[\w -]+?)\s+allergy\b", _anything),
        ("age", rf"{_I_AM}\s+(?P<value>\d{{1,3}})(?:\s+years?\s+old\b|{_CLAUSE})", _anything),
        ("birthday", rf"\bI\s+was\s+born\s+(?:on|in)\s+{_ONE}", _anything),
        ("language", rf"{_I}\s+speak\s+{_MANY}", _anything),
        ("like", rf"{_I}\s+(?:like|love|enjoy|adore)\s+{_MANY}", _anything),
        ("like", rf"{_I_AM}\s+(?:an?\s+)?(?:(?:big|huge|great)\s+)?(?:fan\s+of|into|fond\s+of)\s+{_MANY}", _anything),
        ("dislike", rf"{_I}\s+(?:hate|dislike|detest|loathe)\s+{_MANY}", _anything),
        ("dislike", rf"\bI\s+(?:really\s+)?(?:can't|cannot)\s+stand\s+{_MANY}", _anything),
        ("dislike", rf"{_I_DO_NOT}\s+(?:really\s+)?(?:like|love|enjoy)\s+{_MANY}", _anything),
        ("preference", rf"{_I}\s+prefer\s+{_ONE}", _anything),
        ("activity", rf"{_I_AM}\s+(?P<value>(?:{_ACTIVITIES})\s.*?){_CLAUSE}", _anything),
        ("description", rf"{_I_AM}\s+an?\s+(?!bit\b|little\b|lot\b|few\b){_ONE}", _anything),
        ("description", rf"{_I_AM}\s+(?P<value>vegan|vegetarian|married|single|retired|divorced|pregnant|diabetic"
                        r"|celiac|left-handed|lactose[\s-]intolerant)\b", _anything),
        ("", rf"\bmy\s+(?P<attribute>{_NOUNS})(?:\s+is|\s+are|'s)\s+(?:called\s+|named\s+|on\s+)?{_ONE}", _anything),
        ("has", rf"\bI(?:'ve|\s+have)(?:\s+got)?\s+(?P<value>(?:{_SOME_OF})\s.*?){_LIST_END}", _anything),
    ]
]  # fmt: skip
_LONGEST_SENTENCE = 1_000  # characters read; the patterns try every position against every other
_LISTED = frozenset({"like", "dislike", "language", "allergy"})
_LIST = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*")

_SOME = re.compile(r"^(?:some|a\s+little|a\s+bit\s+of)\s+(?=\w)", re.IGNORECASE)

_QUESTIONS = [
    (attribute, re.compile(pattern, re.IGNORECASE))
    for attribute, pattern in [
        ("name", r"\bmy\s+(?:first\s+|full\s+|own\s+)?name\b|\bwho\s+am\s+I\b|\bwhat\s+am\s+I\s+called\b"),
        ("location", r"\bwhere\s+(?:do|am|did)\s+I\s+(?:\w+\s+)?(?:live|living|reside|based|stay\w*|move)\b"),
        ("location", r"\b(?:city|town|country|place)\s+(?:do|am)\s+I\s+(?:live|living)?|\bmy\s+(?:home\s?town|city)\b"),
        ("origin", r"\bwhere\s+(?:am|do)\s+I\s+(?:come\s+)?(?:originally\s+)?from\b"),
        ("job", r"\bwhat\s+do\s+I\s+do\b(?!\s+(?:with|about|on|in|when))|\bmy\s+(?:job|profession|occupation)\b"),
        ("employer", r"\bwh(?:ere|o)\s+(?:do|am)\s+I\s+work\w*\b|\bmy\s+(?:employer|company)\b"),
        ("allergy", r"\ballerg(?:y|ic|ies)\b"),
        ("age", r"\bhow\s+old\s+am\s+I\b|\bmy\s+age\b"),
        ("birthday", r"\bmy\s+birthday\b|\bwhen\s+was\s+I\s+born\b"),
        ("language", r"\blanguages?\s+do\s+I\s+speak\b"),
        ("like", r"\bwhat\s+(?:do|would)\s+I\s+(?:really\s+)?(?:like|love|enjoy)\b|\bmy\s+hobb(?:y|ies)\b"),
        ("dislike", r"\bdo\s+I\s+(?:hate|dislike|not\s+like)\b|\bdon't\s+I\s+like\b|\bcan't\s+I\s+stand\b"),
        ("preference", r"\bdo\s+I\s+prefer\b|\bmy\s+preferences?\b"),
    ]
]
_ASKED_BY_NAME = re.compile(
    r"\b(?:what(?:'s|\s+is|\s+are|\s+was)|who(?:'s|\s+is|\s+are)|when(?:'s|\s+is)|where(?:'s|\s+is)|remember|know|about)"
    r"\s+my\s+(?P<attribute>[\w'-]+(?:\s[\w'-]+){0,3}?)(?:\s+called|\s+again)?\s*(?:[?.!]|$)",
    re.IGNORECASE,
)


def _facts(sentence: str) -> list[Fact]:
    plain = straighten(sentence)[:_LONGEST_SENTENCE]
    found: dict[int, tuple[str, str]] = {}
    for attribute, pattern, fits in _PATTERNS:
        for match in pattern.finditer(plain):
            value = match["value"].strip(" -'\"")
            named = attribute or _attribute(match["attribute"])
            if value and named and len(value) <= 120 and fits(value):
                found.setdefault(match.start(), (named, value))
    facts: list[Fact] = []
    for _, (attribute, value) in sorted(found.items()):
        values = _LIST.split(value) if attribute in _LISTED else [value]
        facts += [Fact(attribute, _SOME.sub("", one), sentence) for one in values if one]
    return facts


def _attribute(words: str) -> str:
    """Bring the X of "my X is Y" into one spelling."""
    name = re.sub(r"\s+", " ", words.casefold()).strip(" '-")
    return re.sub(r"\bfavourite\b", "favorite", re.sub(r"\bcolour\b", "color", name))
