"""Text to index terms."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.index import analyze

SAME_WORD = [
    "hike hikes hiked hiking",
    "plan plans planned planning",
    "plane planes",
    "care cares cared caring",
    "car cars",
    "try tries tried trying",
    "study studies studied studying",
    "movie movies",
    "family families",
    "box boxes boxed boxing",
    "class classes",
    "dress dresses dressed dressing",
    "house houses",
    "bus buses",
    "use uses used using",
    "dance dances danced dancing",
    "visit visits visited visiting",
    "open opens opened opening",
    "travel travels traveled travelled traveling travelling",
    "add adds added adding",
    "fall falls falling fell fallen",
    "need needs needed needing",
    "agree agrees agreed agreeing",
    "play plays played playing",
    "paint paints painted painting paintings",
    "go goes going went gone",
    "buy buys buying bought",
    "write writes writing wrote written",
    "swim swims swimming swam swum",
    "die dies died",
    "quick quickly",
    "happy happily",
    "real really",
    "child children child's children's",
    "knife knives",
    "café cafés",
    "Straße STRASSE strasse",
    "ﬁne fine ＦＩＮＥ",
    "İstanbul istanbul",
    "naïve nai\u0308ve",
    "أَكَلَ أكل",
    "co\u00adoperate cooperate",
]

DIFFERENT_WORDS = [
    "plan plane",
    "car care",
    "win wine",
    "hat hate",
    "july julie",
    "sing sin",
    "bed be",
    "thing think",
    "king kin",
    "red reed",
    "fly flu",
    "rose rise",
    "early ear",
    "apply app",
    "bus us",
    "news new",
    "2023 2024",
    "мир мира",
]


@pytest.mark.parametrize("words", SAME_WORD)
def test_forms_of_a_word_are_one_term(words: str) -> None:
    """Inflections, spellings and widths of a word meet in one term."""
    assert 1 == len({tuple(analyze(word)) for word in words.split()})
    assert 1 == len(analyze(words.split()[0]))


@pytest.mark.parametrize("words", DIFFERENT_WORDS)
def test_different_words_stay_apart(words: str) -> None:
    """A light stemmer does not merge what only looks alike."""
    one, other = words.split()

    assert analyze(one) != analyze(other)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        (" \n\t?!…", []),
        ("The dog is in the house.", ["dog", "hous"]),
        ("I don't know what you're doing, can't say; it won't", ["know", "say"]),
        ("I don\u2019t know; she\u2019s Ana\u2019s friend", ["know", "ana", "friend"]),
        ("dont cant im ive", []),
        ("On 8 May 2023, at 7.30", ["8", "may", "2023", "7", "30"]),
        ("snake_case x-ray a/b C3PO", ["snake", "case", "x", "ray", "b", "c3po"]),
        ("before after during up off", ["befor", "after", "dure", "up", "off"]),
        ("Nara™ is here", ["nara"]),
        ("zero\u200bwidth", ["zero", "width"]),
    ],
)
def test_english_text(text: str, terms: list[str]) -> None:
    """Function words and contractions go; words, numbers and names stay, in their order."""
    assert terms == analyze(text)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Привет, мир! Ёлка", ["привет", "мир", "ёлка"]),
        ("हिन्दी में लिखा।", ["हिन्दी", "में", "लिखा"]),
        ("أَكَلَ الطفلُ", ["أكل", "الطفل"]),
        ("שָׁלוֹם", ["שלום"]),
        ("Ελλάς ΕΛΛΆΣ", ["ελλάσ", "ελλάσ"]),
        ("我喜欢猫", ["我喜", "喜欢", "欢猫"]),
        ("猫", ["猫"]),
        ("食べるのが好き", ["食べ", "べる", "るの", "のが", "が好", "好き"]),
        ("ｶﾀｶﾅ・テスト", ["カタ", "タカ", "カナ", "テス", "スト"]),
        ("안녕하세요 세계", ["안녕", "녕하", "하세", "세요", "세계"]),
        ("สวัสดี", ["สว", "วั", "ัส", "สด", "ดี"]),
        ("ខ្មែរ", ["ខ្", "្ម", "មែ", "ែរ"]),
        ("iPhone手机15pro", ["iphon", "手机", "15pro"]),
        ("東京 2020", ["東京", "2020"]),
        ("𠮷野家", ["𠮷野", "野家"]),
        ("🎉🎂❤️", ["🎉", "🎂", "❤"]),
        ("👍🏽 ok 👨‍👩‍👧", ["👍", "ok", "👨", "👩", "👧"]),
    ],
)
def test_any_script(text: str, terms: list[str]) -> None:
    """Words where a script has spaces, pairs of characters where it has none, emoji one by one."""
    assert terms == analyze(text)


def test_long_tokens_are_cut() -> None:
    """An encoded file becomes one short term."""
    assert ["a1" * 32] == analyze("A1" * 50_000)
    assert 64 == len(analyze("ы" * 50_000)[0])


@given(st.text())
def test_terms_are_well_formed(text: str) -> None:
    """Any text has terms that are short, not empty and without spaces; case and repetition change none of them."""
    terms = analyze(text)

    assert all(0 < len(term) <= 64 and not term.isspace() for term in terms)
    assert terms == analyze(text)
    assert terms + terms == analyze(f"{text}\n{text}")


@given(st.text(st.characters(max_codepoint=127)))
def test_both_ways_agree_on_ascii(text: str) -> None:
    """The shorter way that plain text takes gives what the general way gives."""
    assert [*analyze(text), "é"] == analyze(f"{text} é")


def test_every_pair_of_endings_terminates_in_a_term() -> None:
    """No combination of endings leaves an empty term or an error."""
    endings = ["", "s", "ed", "ing", "ly", "e", "ies", "ied", "ie", "ss", "ee", "eed", "ll"]
    for stem, first, second in product(["", "b", "bo", "try", "hop"], endings, endings):
        for term in analyze(stem + first + second):
            assert term
