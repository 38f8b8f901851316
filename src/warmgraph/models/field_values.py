"""Values of single fields: the fact that belongs to a name, what stands in the text, or a harmless value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from warmgraph.models.facts import Fact, same_attribute
from warmgraph.models.sentences import content_words, is_question, split_sentences

__all__ = ["Schema", "Source", "choose", "empty_scalar", "find_scalar", "find_strings", "fits", "takes_one_fact"]

Schema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """What there is to fill a schema from.

    Args:
        text: The message that asks for it.
        reply: What the model would answer to that message, for fields such as "answer".
        facts: Facts known about the user, oldest first; the newest one fills a field that holds one value.
    """

    text: str
    reply: str = ""
    facts: Sequence[Fact] = ()

    @property
    def statements(self) -> list[str]:
        """The sentences of the text that state something; all of them when it only asks."""
        sentences = split_sentences(self.text)
        return [sentence for sentence in sentences if not is_question(sentence)] or sentences


def choose(schema: Schema, source: Source) -> tuple[Any, bool]:
    """Choose the member of an enumeration that the text mentions."""
    said = _spaced(source.text)
    for member in schema["enum"]:
        if _spaced(str(member)).strip() and _spaced(str(member)) in said:
            return member, True
    if "default" in schema:
        return schema["default"], False
    return (None if None in schema["enum"] else schema["enum"][0]), False


def find_scalar(schema: Schema, kind: str, name: str, source: Source) -> Any:
    """Find the value of a field: the newest fact that belongs to its name, or what stands in the text.

    Args:
        schema: Schema of the field; nothing that violates it is returned.
        kind: Its JSON type.
        name: Its name, in any spelling.
        source: Where to look.

    Returns:
        The value, or None when nothing is known.
    """
    label = _label(name)
    if kind == "boolean":
        words = set(content_words(label))
        said = set(content_words(" ".join(source.statements)))
        return True if words and words <= said and not _NEGATION.search(source.text) else None
    values = [fact.value for fact in source.facts if _belongs(fact, label)]
    if kind in {"integer", "number"}:
        numbers = [number for value in values for number in re.findall(r"-?\d+(?:\.\d+)?", value)]
        if label:
            numbers += re.findall(rf"(-?\d+(?:\.\d+)?)\s+{re.escape(label)}\b", source.text, re.IGNORECASE)
        small = [float(number) for number in numbers if len(number) <= _MOST_DIGITS]
        fitting = [number for number in small if number == _within(schema, kind, number)]
        return _within(schema, kind, fitting[-1]) if fitting else None
    form = schema.get("format", "")
    pattern = _IN_TEXT.get(form or label)
    if pattern is not None:
        values += [match[0] for match in pattern.finditer(source.text)]
    if form:
        values = [value for value in values if pattern is not None and pattern.fullmatch(value) and _dated(form, value)]
    elif not values:
        values = [value for value in [_told(label, source)] if value]
    return next((value for value in reversed(values) if fits(schema, value)), None)


def find_strings(name: str, source: Source) -> list[str]:
    """Find the values of a list of strings: all facts that belong to its name, or what was said."""
    label = _label(name)
    values = [fact.value for fact in source.facts if _belongs(fact, label)]
    if not values and label.rpartition(" ")[2].removesuffix("s").replace("memorie", "memory") in _SAID:
        return source.statements
    return values


def takes_one_fact(items: Schema) -> bool:
    """Tell whether the items of a list take one fact apiece, as triples do."""
    labels = {_label(field) for field in items.get("properties", {})}
    return bool(labels & _PREDICATE and labels & _OBJECT)


def fits(schema: Schema, value: str) -> bool:
    """Tell whether a string keeps to the length and the pattern of a schema."""
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return False
    pattern = schema.get("pattern")
    return not (isinstance(pattern, str) and not _matches(pattern, value))


def empty_scalar(schema: Schema, kind: str) -> Any:
    """Make up a value that says nothing and satisfies the schema: "", 0, False, or what comes closest."""
    if kind == "boolean":
        return False
    if kind in {"integer", "number"}:
        return _within(schema, kind, 0)
    if kind == "null":
        return None
    made_up = _FORMATS.get(schema.get("format", ""), "")
    shortest = schema.get("minLength", 0)
    candidates = [made_up, "unknown", "unknown".ljust(shortest, "."), *_SHAPES]
    candidates += [letter * length for length in range(shortest, shortest + 40) for letter in "xX0"]
    return next((text for text in candidates if fits(schema, text)), made_up)


# Which facts belong into a field, by the name of the field. Anything else is looked for under its own name.
_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "name": ("name",),
    "first name": ("name",),
    "full name": ("name",),
    "username": ("name",),
    "location": ("location",),
    "city": ("location",),
    "home": ("location",),
    "town": ("location",),
    "country": ("location",),
    "residence": ("location",),
    "address": ("location",),
    "place": ("location",),
    "hometown": ("origin", "location"),
    "home town": ("origin", "location"),
    "job": ("job", "description"),
    "occupation": ("job", "description"),
    "profession": ("job", "description"),
    "job title": ("job", "description"),
    "role": ("job", "description"),
    "work": ("job", "employer"),
    "employer": ("employer",),
    "company": ("employer",),
    "workplace": ("employer",),
    "birthday": ("birthday",),
    "date of birth": ("birthday",),
    "likes": ("like",),
    "interests": ("like", "activity"),
    "hobbies": ("like", "activity"),
    "dislikes": ("dislike",),
    "preferences": ("preference", "like", "dislike"),
    "dietary restrictions": ("allergy", "description"),
    "pets": ("dog", "cat", "pet", "has"),
}
_OWNERS = frozenset({"user", "users", "person", "their", "my", "current", "the", "human", "customer"})
_SAID = frozenset(
    {"content", "text", "fact", "memory", "statement", "note", "observation", "information", "detail", "insight"}
)
_SUMMARY = frozenset({"summary", "description", "reason", "reasoning", "explanation", "justification", "context"})
_REPLY = frozenset({"answer", "response", "reply", "message", "output", "result"})
_QUERY = frozenset({"query", "question", "input", "search", "prompt", "request"})
_TOPIC = frozenset({"title", "topic", "subject", "headline"})
_PREDICATE = frozenset({"attribute", "predicate", "property", "relation", "key", "category"})
_OBJECT = frozenset({"value", "object"})

_FORMATS = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "time": "00:00:00",
    "duration": "PT0S",
    "email": "nobody@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
}
# What patterns most often ask for.
_SHAPES = (
    "2000-01-01",
    "00:00",
    "00:00:00",
    "#000000",
    "+10000000000",
    "0.0",
    "0.0.0",
    "a-b",
    "a_b",
    "Aa0!aaaa",
    "en-US",
)
_IN_TEXT = {
    "date": re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b"),
    "email": re.compile(r"\b[A-Za-z0-9.+_-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\b"),
    "uri": re.compile(r"\bhttps?://[A-Za-z0-9][A-Za-z0-9./?&=#%_~:+-]*"),
}
_MOST_DIGITS = 15  # as many as a float holds
_NEGATION = re.compile(r"\b(?:not|never|no)\b|n't\b", re.IGNORECASE)


def _spaced(text: str) -> str:
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def _dated(form: str, value: str) -> bool:
    if form != "date":
        return True
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _told(label: str, source: Source) -> str:
    """Return what a field of prose should hold: what was said, asked or answered."""
    last = label.rpartition(" ")[2].removesuffix("s")
    if last in _SAID or label in _SAID:
        return " ".join(source.statements)
    if last in _SUMMARY:
        return " ".join(source.statements)[:300]
    if last in _REPLY:
        return source.reply
    if last in _QUERY:
        return source.text
    if last in _TOPIC:
        return " ".join(source.text.split()[:6]) if label != "subject" or not source.facts else "user"
    if source.facts and last in _PREDICATE:
        return source.facts[-1].attribute
    if source.facts and last in _OBJECT:
        return source.facts[-1].value
    return ""


def _label(name: str) -> str:
    """Bring the name of a field into words: "userFavoriteColor" and "favorite_color" are "favorite color"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", name).casefold().split()
    kept = [word for word in words if word not in _OWNERS] or words
    return " ".join(kept).replace("favourite", "favorite").replace("colour", "color")


def _belongs(fact: Fact, label: str) -> bool:
    return any(same_attribute(fact.attribute, attribute) for attribute in _ATTRIBUTES.get(label, (label,)))


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # another dialect of regular expressions
        return True


def _within(schema: Schema, kind: str, number: float) -> float | int:
    """Bring a number into the bounds of a schema."""
    step = schema.get("multipleOf") or (1 if kind == "integer" else 0)
    margin = 1e-9 if step else 1e-6
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf) + margin)
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf) - margin)
    number = max(low, min(high, number))
    if step:
        nearest = round(number / step) * step
        number = math.ceil(low / step) * step if nearest < low else nearest
        number = math.floor(high / step) * step if number > high else number
    return int(number) if kind == "integer" else number
