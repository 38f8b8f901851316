"""Simple facts that people state about themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.models import Fact, extract_facts
from warmgraph.models.facts import asked_attributes, same_attribute


def found(text: str) -> list[tuple[str, str]]:
    """Return the attributes and values of a text."""
    return [(fact.attribute, fact.value) for fact in extract_facts(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi, I'm Ana and I live in Lisbon.", [("name", "Ana"), ("location", "Lisbon")]),
        ("My name is Ana Maria Silva, I live in Lisbon, Portugal with my wife.",
         [("name", "Ana Maria Silva"), ("location", "Lisbon, Portugal")]),
        ("my name is ana", [("name", "ana")]),
        ("I live in Lisbon, thanks.", [("location", "Lisbon")]),
        ("Hello, this is Tom.", [("name", "Tom")]),
        ("Call me Bob!", [("name", "Bob")]),
        ("I’m from Berlin", [("origin", "Berlin")]),
        ("I just moved to Porto last week.", [("location", "Porto")]),
        ("I'm currently living in Oslo now", [("location", "Oslo")]),
        ("I work as a nurse. I work for Acme.", [("job", "nurse"), ("employer", "Acme")]),
        ("My job is teaching", [("job", "teaching")]),
        ("I'm a software engineer", [("description", "software engineer")]),
        ("I'm allergic to peanuts and shellfish.", [("allergy", "peanuts"), ("allergy", "shellfish")]),
        ("I have a severe nut allergy", [("allergy", "nut")]),
        ("I'm 34 years old and my birthday is on 3 May.", [("age", "34"), ("birthday", "3 May")]),
        ("I am 34.", [("age", "34")]),
        ("I like tea, coffee and cake, but I hate mushrooms.",
         [("like", "tea"), ("like", "coffee"), ("like", "cake"), ("dislike", "mushrooms")]),
        ("I love hiking and I don't like rain.", [("like", "hiking"), ("dislike", "rain")]),
        ("I really can't stand noise", [("dislike", "noise")]),
        ("I prefer tea to coffee", [("preference", "tea to coffee")]),
        ("I'm a big fan of jazz", [("like", "jazz")]),
        ("I speak English, Portuguese and some German",
         [("language", "English"), ("language", "Portuguese"), ("language", "German")]),
        ("My favourite colour is blue.", [("favorite color", "blue")]),
        ("My dog is called Rex. My sister's name is Maria.", [("dog", "Rex"), ("sister's name", "Maria")]),
        ("I have two cats and a dog.", [("has", "two cats and a dog")]),
        ("I'm training for a marathon", [("activity", "training for a marathon")]),
        ("I'm vegetarian", [("description", "vegetarian")]),
    ],
)  # fmt: skip
def test_facts(text: str, expected: list[tuple[str, str]]) -> None:
    """What is stated is found, in the order of the text."""
    assert expected == found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Where do I live?",
        "Do I like tea?",
        "Is my name Ana?",
        "I'd like to live in Rome",
        "I would like a coffee",
        "I'm not allergic to anything",
        "I am 5 minutes late",
        "I'm German.",
        "I'm fine.",
        "I'm a bit tired",
        "We went hiking",
        "我住在里斯本",
        "",
    ],
)
def test_no_facts(text: str) -> None:
    """Questions, wishes, denials and other languages state nothing that could be misread as a fact."""
    assert [] == found(text)


def test_a_fact_keeps_its_sentence() -> None:
    """The sentence is quoted as it was written."""
    assert [Fact("location", "Porto", "I live in Porto!")] == extract_facts("So it goes. I live in Porto! Nice.")


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    """No text breaks the patterns, and every value stands in the text."""
    for fact in extract_facts(text):
        assert fact.value
        assert fact.sentence in text
    asked_attributes(text)


@pytest.mark.parametrize("text", ["I like " * 20_000, "my " * 50_000, "I'm a " * 20_000, "I " * 100_000])
def test_long_texts_take_no_time(text: str) -> None:
    """Texts made to be slow to match are cut off (the suite's timeout would end this test otherwise)."""
    extract_facts(text)
    asked_attributes(text)


@pytest.mark.parametrize(
    ("question", "attribute"),
    [
        ("Where do I live?", "location"),
        ("which city do I live in", "location"),
        ("what’s my name", "name"),
        ("Who am I?", "name"),
        ("What do I do for a living?", "job"),
        ("Where do I work?", "employer"),
        ("Am I allergic to anything?", "allergy"),
        ("How old am I?", "age"),
        ("do you remember my birthday?", "birthday"),
        ("What is my favourite food?", "favorite food"),
        ("What's my dog called?", "dog"),
        ("What is my sister's name?", "sister"),
        ("What do I like?", "like"),
    ],
)
def test_asked_attributes(question: str, attribute: str) -> None:
    """A question asks for the attribute that an answer to it states."""
    assert attribute in asked_attributes(question)


@pytest.mark.parametrize("question", ["What should I cook?", "How are you?", "What did Caroline research?"])
def test_questions_for_nothing_in_particular(question: str) -> None:
    """Most questions ask for no simple fact."""
    assert [] == asked_attributes(question)


def test_same_attribute() -> None:
    """Attributes are compared by their words."""
    assert same_attribute("favorite colors", "favorite color")
    assert not same_attribute("favorite food", "favorite color")
    assert not same_attribute("the", "a")
