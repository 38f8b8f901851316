"""Text to index terms: any script, with a light stemmer for English.

`analyze` is the default analyzer of the stores. Another one may be given (any `Analyzer`), as long as documents and
queries go through the same one: `create_analyzer` makes one with another stemmer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from warmgraph.index.irregular import BASE_FORMS

__all__ = ["FUNCTION_WORDS", "LONGEST", "Analyzer", "analyze", "is_question", "words_of"]


class Analyzer(Protocol):
    """Turns a text into index terms; deterministic, and safe to call from several threads."""

    def __call__(self, text: str) -> list[str]:
        """Return the terms of `text` in their order, repeated as often as they occur."""
        ...


def analyze(text: str) -> list[str]:
    """Split `text` into index terms.

    The text is folded (Unicode NFKC, then `casefold`), English contractions and possessives are cut off, and short
    English function words are left out. Words are runs of letters, marks and digits, reduced by `_stem`. Scripts that
    are written without spaces (Han, kana, Thai, Lao, Khmer, Burmese), and Korean, become overlapping pairs of
    characters; a character that stands alone is a term of its own. Each emoji is a term.

    Args:
        text: Any text; an empty one has no terms.

    Returns:
        The terms in the order of the text, at most 64 characters each.

    Example:
        >>> analyze("Who's hiking? She hiked the trails of Nara's hills (奈良県) \N{MAPLE LEAF}")
        ['hike', 'hike', 'trail', 'nara', 'hil', '奈良', '良県', '🍁']
        >>> analyze("I didn't buy it") == analyze("what I bought")
        True
        >>> analyze("!?")
        []
    """
    return [_stem(word) for word in words_of(text) if word not in FUNCTION_WORDS]


def words_of(text: str) -> list[str]:
    """Split `text` into words as `analyze` does, folded, and not reduced to anything.

    Example:
        >>> words_of("She'll hike to 奈良県!")
        ['she', 'hike', 'to', '奈良', '良県']
    """
    if text.isascii():
        text = text.lower()
        return _ASCII_WORDS(_CONTRACTIONS("", text) if "'" in text else text)
    text = unicodedata.normalize("NFKC", text.translate(_REPLACED)).casefold()
    # Folding can leave text that is not normalised, and marks that belong to no letter ("İ" becomes "i" + dot above).
    text = _DROPPED_MARKS("", unicodedata.normalize("NFKC", text))
    words = _WORDS(_CONTRACTIONS("", text) if "'" in text else text)
    if _UNSPACED(text):
        words = [part for word in words for part in _split_unspaced(word)]
    return words


def is_question(text: str) -> bool:
    """Whether a text ends as a question does, in any of the common scripts.

    Example:
        >>> is_question("Where is it? "), is_question("It is here.")
        (True, False)
    """
    return text.rstrip().endswith(("?", "\uff1f", "\u061f", "\u037e"))


LONGEST = 64
"""Longer terms are cut: an encoded file in a message must not become a key of a megabyte."""

_WORDS_OF_FUNCTION = """
a an the this that these those
i me my mine we us our ours you your yours he him his she her hers it its they them their theirs
myself yourself himself herself itself ourselves yourselves themselves
who whom whose which what when where why how
am is are was were be been being do does did doing have has had having can could shall should will would
and but or nor if then than so as because of at by for with about to from in into on
here there now once just too very no not only own same such all any both each some more most other
im ive id dont didnt doesnt isnt wasnt cant couldnt wouldnt shouldnt wont youre theyre thats whats
"""
FUNCTION_WORDS = frozenset(_WORDS_OF_FUNCTION.split())
"""Pronouns, articles, question words, auxiliaries, the commonest conjunctions, prepositions and quantifiers, and
contractions typed without an apostrophe. "May" is left in (the month), and so are prepositions that tell events apart
("before", "after", "during") or belong to a verb ("up", "off")."""

_CONTRACTIONS = re.compile(r"\b(?:ca|wo|sha|ai)n't\b|n't\b|'(?:s|re|ve|ll|d|m)\b").sub
_ASCII_WORDS = re.compile(r"[a-z0-9]+").findall

# Ignorable characters and joiners vanish; signs that NFKC would glue to a word as letters, and the zero-width space,
# part words; apostrophes become the plain one.
_REPLACED = {
    **dict.fromkeys((0xAD, 0x640, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)), None),
    **dict.fromkeys((0x200B, 0x2120, 0x2122), " "),
    **dict.fromkeys((0x2018, 0x2019, 0x2BC), "'"),
}

# Marks that composed with no letter, and the vowel points of Arabic and Hebrew, which writers put in or leave out.
_DROPPED_MARKS = re.compile(
    r"[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]+"
).sub

# `\w` has no combining marks, and would cut Indic and other words at each of their vowel signs.
_MARKS = (
    r"\u0483-\u0487\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3"
    r"\u0816-\u082d\u0859-\u085b\u08ca-\u08ff\u0900-\u0963\u0966-\u096f\u0971-\u0df3"
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f18\u0f19\u0f35\u0f37\u0f39\u0f3e\u0f3f"
    r"\u0f71-\u0f84\u0f86-\u0fbc\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074"
    r"\u1082-\u108d\u108f\u109a-\u109d\u135d-\u135f\u17b4-\u17d3\u180b-\u180d"
)
_EMOJI = r"\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001f3fa\U0001f400-\U0001faff"  # without the skin tones
_WORDS = re.compile(rf"(?:[^\W_]|[{_MARKS}])+|[{_EMOJI}]").findall

_UNSPACED_SCRIPTS = (
    r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u109f\u1780-\u17d3"  # Thai, Lao, Burmese, Khmer
    r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    r"\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana
    r"\u1100-\u11ff\u3131-\u318e\uac00-\ud7fb"  # Hangul
)
_UNSPACED = re.compile(rf"[{_UNSPACED_SCRIPTS}]").search
_UNSPACED_RUNS = re.compile(rf"([{_UNSPACED_SCRIPTS}]+)").split


def _split_unspaced(word: str) -> Iterator[str]:
    """Yield the parts of a word: pairs of characters of an unspaced script, and what stands between as it is."""
    for number, part in enumerate(_UNSPACED_RUNS(word)):
        if number % 2 and len(part) > 1:
            for start in range(len(part) - 1):
                yield part[start : start + 2]
        elif part:
            yield part


_VOWEL = re.compile(r"[aeiouy]").search
_SHORT = re.compile(r"[^aeiou]+[aeiouy][^aeiouwxy]").fullmatch


@lru_cache(maxsize=32_768)
def _stem(word: str) -> str:
    """Reduce an English word to a form that its inflections share; words of other languages mostly stay as they are.

    Irregular forms come from a table. Plurals follow Harman's S-stemmer ("How effective is suffixing?", JASIS 1991);
    -ed, -ing, the doubled consonant and the final e follow step 1 and 5 of Porter ("An algorithm for suffix
    stripping", 1980); -ly goes too. All doubled final consonants become one, so that "travelling" meets "travel".
    """
    word = word[:LONGEST]
    word = BASE_FORMS.get(word, word)
    if len(word) < 3:
        return word
    if word.endswith(("ies", "ied")) and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "news")):
        word = word[:-1]
    stem = _strip_verb_ending(word)
    if stem == word and word.endswith("ly") and len(word) > 5:
        stem = word[:-2]
        if stem.endswith("i"):
            return stem[:-1] + "y"
    if stem.endswith("e") and not _SHORT(stem[:-1]):
        stem = stem[:-1]
    return stem[:-1] if _doubled(stem) else stem


def _strip_verb_ending(word: str) -> str:
    """Take off -ed or -ing; a short stem without a doubled consonant gets its e back ("hiking", but "planning")."""
    if word.endswith("eed"):
        return word
    for ending in ("ed", "ing"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1 and _VOWEL(stem):
            return stem + "e" if _SHORT(stem) else stem
    return word


def _doubled(word: str) -> bool:
    return len(word) > 3 and word[-1] == word[-2] and word[-1] in "bcdfghjklmnpqrstvwxz"
