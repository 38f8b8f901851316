"""Sentences, questions and content words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.models.sentences import content_words, is_question, split_sentences, straighten


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    """No text of any script breaks the reader, and no visible character of it is lost."""
    sentences = split_sentences(text)
    assert [] == [sentence for sentence in sentences if not sentence.strip()]
    assert "".join(text.split()) == "".join("".join(sentences).split())
    for sentence in sentences:
        is_question(sentence)
        content_words(sentence)
    assert len(text) == len(straighten(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("I met Dr. Silva. She left at 9.30 a.m. sharp.", ["I met Dr. Silva.", "She left at 9.30 a.m. sharp."]),
        ("first line\nsecond line", ["first line", "second line"]),
        ('He said "Stop!" Then he ran.', ['He said "Stop!"', "Then he ran."]),
        ("Wait... what?! Yes.", ["Wait...", "what?!", "Yes."]),
        ("我住在里斯本。你呢？", ["我住在里斯本。", "你呢？"]),
        ("Version 1.2 of example.com is out", ["Version 1.2 of example.com is out"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_split_sentences(text: str, expected: list[str]) -> None:
    """Sentences end at their marks and at line ends, not at abbreviations, numbers or addresses."""
    assert expected == split_sentences(text)


@pytest.mark.parametrize(
    "text",
    [
        "Where do I live?",
        "where do i live",
        "what's my name",
        "What’s my name",
        "so, which city do I live in",
        "What food am I allergic to",
        "did Caroline go hiking",
        "Do you remember my birthday",
        "tell me about my dog",
        "Remind me where I parked.",
        "how old am I",
        "Hey, who are you",
        '"Really?"',
        "你住在哪里？",
        "هل تتذكر اسمي؟",
        "Πού μένω;",
        "?",
    ],
)
def test_questions(text: str) -> None:
    """A question is one with or without its mark."""
    assert is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "I live in Lisbon.",
        "When I was a kid, I lived in Rome.",
        "What a day!",
        "Where I live it rains.",
        "Do it now.",
        "He may come; I will see.",
        "He came;",
        "Tell me that again and I scream.",
        "How nice!",
        "我住在里斯本。",
        "",
    ],
)
def test_statements(text: str) -> None:
    """A statement may begin with a word that questions begin with."""
    assert not is_question(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("living", "lived"),
        ("allergies", "allergy"),
        ("My kids", "the child"),
        ("Favourite colours", "favorite color"),
        ("Ana's dog", "ana dogs"),
        ("bought", "buying"),
        ("hugging", "hugs"),
        ("ＡＮＡ", "ana"),
    ],
)
def test_forms_of_a_word_are_one_word(one: str, other: str) -> None:
    """Endings, spelling, irregular forms and width do not keep words apart."""
    assert content_words(one) == content_words(other)


@pytest.mark.parametrize("text", ["What is it that you have?", "?!", "", "the of and"])
def test_function_words_say_nothing(text: str) -> None:
    """Words that every text has are left out."""
    assert [] == content_words(text)


@pytest.mark.parametrize(
    "text", ["." * 100_000, "a. " * 30_000, "what a b c " * 9_000, "'" * 100_000, "!? " * 30_000, "。" * 100_000]
)
def test_long_texts_take_no_time(text: str) -> None:
    """Texts made to be slow to read are read in one pass (the suite's timeout would end this test otherwise)."""
    split_sentences(text)
    is_question(text)
    content_words(text)
