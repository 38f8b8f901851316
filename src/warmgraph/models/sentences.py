"""Sentences, questions and content words: as much reading as the offline model can do."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["content_words", "is_question", "split_sentences", "straighten"]


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences, in any script, without losing a word.

    Example:
        >>> split_sentences("Hi, I'm Ana! I met Dr. Silva at 9.30. 我住在里斯本。你呢？")
        ["Hi, I'm Ana!", 'I met Dr. Silva at 9.30.', '我住在里斯本。', '你呢？']
    """
    sentences: list[str] = []
    for line in text.splitlines():
        start = 0
        for boundary in _BOUNDARY.finditer(line):
            if _ABBREVIATION.search(line[max(start, boundary.end() - 16) : boundary.end()]):
                continue
            sentences.append(line[start : boundary.end()].strip())
            start = boundary.end()
        sentences.append(line[start:].strip())
    return [sentence for sentence in sentences if sentence]


def is_question(sentence: str) -> bool:
    """Tell whether a sentence asks for something, with or without a question mark.

    Example:
        >>> [is_question(text) for text in ("where do i live", "When I was a kid, I lived in Rome.", "你呢？")]
        [True, False, True]
    """
    plain = straighten(sentence).strip().rstrip("\"')]}*_~ ”’»」』）")
    if not plain:
        return False
    if plain[-1] in "?？؟;՞" and (plain[-1] != ";" or _GREEK.search(plain)):
        return True
    return _ASKING.match(plain) is not None


def content_words(text: str) -> list[str]:
    """Return the words of a text that say what it is about, reduced to what their forms share.

    Scripts without spaces between words give overlapping pairs of characters.

    Example:
        >>> content_words("Where were you living when you bought the cats?")
        ['liv', 'buy', 'cat']
    """
    words: list[str] = []
    for word in _WORD.findall(straighten(unicodedata.normalize("NFKC", text)).casefold()):
        if word[0] >= _FIRST_UNSPACED:
            words += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
            continue
        bare = word.removesuffix("'s").partition("'")[0]
        if bare and bare not in _IGNORED:
            words.append(_stem(_BASE_FORMS.get(bare, bare)))
    return words


def straighten(text: str) -> str:
    """Replace typographic quotes by typewriter ones, keeping every position."""
    return text.translate(_STRAIGHT)


_STRAIGHT = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u2026": "."})
_BOUNDARY = re.compile(r"(?<![.!?\u2026])[.!?\u2026]++[\"')\]\u2019\u201d]*+(?=\s)|[。！？]++[\"」』）]*+")
_ABBREVIATION = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|vs|etc|approx|No)|\b[A-Za-z](?:\.[A-Za-z])*)\.$")
_GREEK = re.compile("[\u0370-\u03ff]")
_WORD = re.compile(r"\w+(?:'\w+)?")
_FIRST_UNSPACED = "\u0e00"  # Thai; from here on many scripts write words without spaces between them

_AUXILIARY = "am|is|are|was|were|do|does|did|can|could|will|would|should|shall|have|has|had|may|might|must"
_ASKING = re.compile(
    rf"""
    (?: (?:and|but|so|ok|okay|well|hey|hi|hello|please|then|now)\b [\s,]* )*
    (?: (?:who|whom|whose|what|where|when|why|how)(?:'s|'re|\s+(?:{_AUXILIARY})\b)
      | how\s+(?:many|much|old|long|often|far|big|tall|about)\b
      | (?:what|which|whose|how)\s+(?:\w+\s+){{1,3}}?(?:{_AUXILIARY})\b
      | what\s+about\b
      | (?:did|does)\s+\w+
      | (?:{_AUXILIARY})(?:n't)?\s+(?:i|you|we|they|he|she|my|your|our|his|her|their|any\w*)\b
      | (?!do\b)(?:{_AUXILIARY})(?:n't)?\s+(?:it|this|that|the|there)\b
      | (?:tell|remind)\s+me\b (?!\s+that\b)
      | do\s+you\s+(?:know|remember|recall)\b
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)

_FUNCTION_WORDS = """
    a about actually all also am an and any anyone anything are as at be been but by can cannot could did do does
    doing ever every exactly for from get give had has have he her hers hey hi him his how i if in into is it its just
    know let me mine most much must my myself no not now of ok okay on one or other our please quite really recall
    remember remind said say shall she should so some something still such tell than thank thanks that the their them
    then there these they thing things this those to told too us very was we well were what whats when where which who
    whom whose why will with would yes you your yours
    don doesn didn isn aren wasn weren won wouldn couldn shouldn haven hasn hadn ain ll ve re
"""
_IGNORED = frozenset(_FUNCTION_WORDS.split())

_IRREGULAR = """
    ate:eat began:begin bought:buy broke:break brought:bring built:build came:come caught:catch chose:choose
    drank:drink drove:drive felt:feel flew:fly forgot:forget found:find gave:give gone:go went:go grew:grow kept:keep
    knew:know left:leave lost:lose made:make meant:mean met:meet paid:pay ran:run rode:ride sang:sing saw:see seen:see
    sent:send slept:sleep sold:sell spent:spend spoke:speak spoken:speak swam:swim taught:teach thought:think took:take
    taken:take wore:wear won:win wrote:write written:write children:child kid:child kids:child wives:wife men:man
    women:woman people:person mom:mother mum:mother mommy:mother dad:father daddy:father grandma:grandmother
    grandpa:grandfather favourite:favorite favourites:favorite colour:color colours:color allergic:allergy bday:birthday
"""
_BASE_FORMS = dict(pair.split(":") for pair in _IRREGULAR.split())

_SUFFIXES = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", ""), ("ly", ""))


def _stem(word: str) -> str:
    for suffix, replacement in _SUFFIXES:
        stem = word.removesuffix(suffix)
        if stem != word and len(stem) >= 3 and not (suffix == "s" and stem[-1] in "su"):
            word = stem + replacement
            if suffix in ("ing", "ed") and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word
