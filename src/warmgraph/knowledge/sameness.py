"""Whether two memories say the same: told by their words, in no language but those of rules that can be read here.

Meaning is not asked. "I live in Lisbon" and "I lived in Lisbon", "tea" and "no tea", 12 and 13 are as near to each
other as anything to an embedding, and merging them would lose a fact; what these rules miss is stored twice, which a
model or a person can mend.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from warmgraph.index.tokens import analyze
from warmgraph.store.records import leaf_texts

__all__ = ["fingerprint", "gist", "is_echo"]


def fingerprint(kind: str | None, content: Any) -> str:
    """Return what two memories share that say the same but for case, spacing and the final period.

    Example:
        >>> fingerprint(None, "Likes  tea.") == fingerprint("Memory", {"content": "likes tea"})
        True
    """
    whole = {"content": content} if isinstance(content, str) else content
    return f"{kind or 'Memory'}\n{json.dumps(_normal(whole), sort_keys=True, ensure_ascii=False, default=str)}"


def gist(content: Any) -> tuple[str, ...] | None:
    """Return the words of a text that say something, in order; `None` for content that is more than a text.

    The same for the user's own words and for a report of them. Negations, numbers, tenses, prepositions and the order
    of words stay: additional or changed facts have another gist.

    Example:
        >>> gist("The user lives in Lisbon") == gist({"content": "I live in Lisbon."})
        True
        >>> gist("I lived in Lisbon.") == gist("I live in Lisbon.")
        False
    """
    text = content.get("content") if isinstance(content, Mapping) and set(content) == {"content"} else content
    if not isinstance(text, str):
        return None
    words = _words(_REPORTED.sub("", text))
    if words[:1] == ["user"] or words[:2] == ["the", "user"]:
        words = words[words.index("user") + 1 :]
        if words:
            words[0] = _first_person(words[0])
    return tuple(word for word in words if word not in _EMPTY) or None


def is_echo(content: Any, remembered: Any) -> bool:
    """Whether a text holds nothing beside what a memory says, but for when it was said.

    Example:
        >>> is_echo("You told me on 2 May 2026 that you live in Lisbon", "I live in Lisbon with my sister.")
        True
        >>> is_echo("You do not live in Lisbon", "I live in Lisbon.")
        False
    """
    said, known = (" ".join(leaf_texts(each)) for each in (content, remembered))
    if _negated(said) != _negated(known):
        return False
    words = {word for word in analyze(said) if not word.isdigit()} - _TELLING
    return bool(words) and words <= set(analyze(known))


_REPORTED = re.compile(r"^\s*(?:the\s+)?user\s+(?:says?|said|states?|stated|mentioned|told\s+\w+)\s+(?:that\s+)?", re.I)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_EMPTY = frozenset(("a", "an", "the", "i", "my", "me", "am", "is", "are", "user's"))
_NOT = frozenset(("not", "no", "never", "none", "nobody", "nothing", "without", "cannot"))
_FIRST_PERSON = {"has": "have", "does": "do", "goes": "go", "was": "was", "is": "is"}
# What introduces a quotation of a memory: the words of whoever tells, and the months that dates are written with.
_TELLING = frozenset(
    analyze(
        "told tell say says said mention mentioned remember recall noted user"
        " January February March April May June July August September October November December"
    )
)


def _words(text: str) -> list[str]:
    found = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        plain = word.replace("’", "'")
        stem, mark, ending = plain.partition("'")
        if plain.endswith("n't"):
            found += [plain.removesuffix("n't"), "not"]
        elif mark and ending in ("m", "re", "s", "ve", "d", "ll"):
            found += [stem] if ending in ("m", "re") or stem == "user" else [stem, f"'{ending}"]
        else:
            found.append(plain)
    return found


def _first_person(verb: str) -> str:
    if verb in _FIRST_PERSON:
        return _FIRST_PERSON[verb]
    if verb.endswith(("sses", "shes", "ches", "xes", "zes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith("ss") and len(verb) > 3 else verb


def _negated(text: str) -> bool:
    return not _NOT.isdisjoint(_words(text))


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.casefold().split()).rstrip(".!。 ")
    if isinstance(value, Mapping):
        return {str(name): _normal(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_normal(inner) for inner in value]
    return value
