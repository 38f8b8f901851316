"""What is merged, and above all what is not."""

from __future__ import annotations

from typing import Any

import pytest

from warmgraph.knowledge.sameness import gist, is_echo


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I live in Lisbon.", "The user lives in Lisbon"),
        ("My name is Ana", "User's name is Ana."),
        ("I'm allergic to peanuts", "The user is allergic to peanuts"),
        ("I don’t like tea!", "user does not like tea"),
        ("I have two cats", "User has two cats."),
        ("I have a dog called Rex", {"content": "User said that I have the dog called Rex"}),
        ("我喜欢茶。", "我喜欢茶"),
    ],
)
def test_a_report_of_the_users_words_says_the_same(one: Any, other: Any) -> None:
    """The words of the user and a report of them in the third person have one gist."""
    assert gist(one) is not None
    assert gist(one) == gist(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I live in Lisbon.", "I lived in Lisbon."),
        ("I like tea.", "I do not like tea."),
        ("I like tea.", "I like tea and coffee."),
        ("I moved to Porto.", "I moved from Porto."),
        ("My flat is number 12.", "My flat is number 13."),
        ("Ben called Ana.", "Ana called Ben."),
        ("My sister lives in Porto.", "I live in Porto."),
        ("I like black tea.", "I like green tea."),
        ("我喜欢茶", "我不喜欢茶"),
        ("My key is at Ana's.", "My key is at Ben's."),
    ],
)
def test_what_adds_or_changes_something_says_something_else(one: str, other: str) -> None:
    """Tense, negation, number, direction, order and one word more are another gist."""
    assert gist(one) != gist(other)


@pytest.mark.parametrize("content", [{"name": "Ana", "city": "Lisbon"}, {}, None, 7, "", "...", "The user"])
def test_what_is_no_text_has_no_gist(content: Any) -> None:
    """Content of several fields, and texts that say nothing, are not compared."""
    assert gist(content) is None


def test_an_echo_adds_nothing() -> None:
    """A quotation with its date is an echo of the memory; a further word, or a negation, is none."""
    memory = {"content": "I live in Lisbon with my sister Rosa."}
    assert is_echo("You told me on 17 May 2026 that you live in Lisbon.", memory)
    assert not is_echo("You told me that you live in Lisbon and like it.", memory)
    assert not is_echo("You do not live in Lisbon.", memory)
    assert not is_echo("", memory)
