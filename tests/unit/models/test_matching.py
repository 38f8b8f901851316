"""Which memories answer a question."""

from __future__ import annotations

import pytest

from warmgraph.memory_block import MemoryLine
from warmgraph.models.matching import best_matches

MEMORIES = [
    MemoryLine("Hi, I'm Ana and I live in Lisbon. I'm allergic to peanuts.", role="user", said_at="2026-11-20"),
    MemoryLine("Where do I live?", role="user", said_at="2026-11-21"),
    MemoryLine("You live in Lisbon, a fine city.", role="assistant", said_at="2026-11-22"),
    MemoryLine("I work as a nurse. My favourite food is sushi.", role="user", said_at="2026-10-02"),
    MemoryLine("I have a dog. His name is Rex.", role="user", said_at="2026-10-03"),
    MemoryLine("I play the violin.", role="user", said_at="2026-10-04"),
    MemoryLine("我住在里斯本。", role="user", said_at="2026-10-05"),
]


def quoted(question: str, lines: list[MemoryLine] = MEMORIES) -> list[str]:
    """Return the sentences of the best match."""
    matches = best_matches(question, lines)
    return list(matches[0].sentences) if matches else []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Where do I live?", ["Hi, I'm Ana and I live in Lisbon."]),
        ("What am I allergic to?", ["I'm allergic to peanuts."]),
        ("what is my job", ["I work as a nurse."]),
        ("What is my favourite food?", ["My favourite food is sushi."]),
        ("What is the name of my dog?", ["I have a dog.", "His name is Rex."]),
        ("What instrument do I play?", ["I play the violin."]),
        ("Do I have any pets?", ["I have a dog."]),
        ("我住在哪里？", ["我住在里斯本。"]),
    ],
)
def test_the_sentence_that_answers(question: str, expected: list[str]) -> None:
    """The sentences with the answer are found, by their words or by the fact that they state."""
    assert expected == quoted(question)


@pytest.mark.parametrize("question", ["What's the weather in Tokyo?", "?", "", "Πού μένω;"])
def test_nothing_fits(question: str) -> None:
    """A question about something else matches nothing."""
    assert [] == best_matches(question, MEMORIES)
    assert [] == best_matches("Where do I live?", [])


def test_close_is_not_sure() -> None:
    """Half of the words are a clue, not an answer."""
    (close,) = best_matches("What is my favourite colour?", MEMORIES)
    assert not close.sure
    assert best_matches("What is my favourite food?", MEMORIES)[0].sure


def test_remembered_questions_answer_nothing() -> None:
    """The same question, asked before, would match best."""
    assert [] == best_matches("Where is my bike?", [MemoryLine("Where is my bike?", role="user")])


def test_the_user_comes_before_the_assistant() -> None:
    """About the user, the user's own words count more."""
    matches = best_matches("Where do I live?", MEMORIES)
    assert "user" == matches[0].line.role
    assistant_only = [line for line in MEMORIES if line.role == "assistant"]
    assert ["You live in Lisbon, a fine city."] == quoted("Where do I live?", assistant_only)


def test_the_newest_of_two_answers_comes_first() -> None:
    """People move; the older memory is still mentioned, after the newer one."""
    lines = [
        MemoryLine("I live in Rome.", role="user", said_at="2026-03-01T10:00:00+00:00"),
        MemoryLine("I moved to Porto.", role="user", said_at="2026-03-01T10:00:00-05:00"),
        MemoryLine("I live in Oslo.", role="user", said_at="some day"),
    ]
    expected = ["I moved to Porto.", "I live in Rome.", "I live in Oslo."]
    assert expected == [match.sentences[0] for match in best_matches("Where do I live?", lines)]


def test_the_running_conversation_is_newer_than_memory() -> None:
    """What was just said has no date yet, and the later of two wins."""
    lines = [
        MemoryLine("I live in Rome.", role="user", said_at="2026-03-01"),
        MemoryLine("I live in Porto.", role="user"),
        MemoryLine("I live in Faro.", role="user"),
    ]
    assert ["I live in Faro."] == quoted("Where do I live?", lines)


def test_the_same_words_are_quoted_once() -> None:
    """A memory that stands twice is one answer."""
    lines = [
        MemoryLine("I live in Rome.", role="user"),
        MemoryLine("I live in Rome.", role="user", said_at="2026-01-01"),
    ]
    assert 1 == len(best_matches("Where do I live?", lines))


def test_authors_are_words_of_what_they_said() -> None:
    """A question that names somebody is answered by what they said."""
    lines = [
        MemoryLine("I went to a support group yesterday.", author="Caroline"),
        MemoryLine("I went to a support group, too.", author="Melanie"),
    ]
    assert "Caroline" == best_matches("When did Caroline go to the support group?", lines)[0].line.author


def test_at_most_so_many() -> None:
    """The limit is kept."""
    lines = [MemoryLine(f"I like tea number {number}.", role="user") for number in range(9)]
    assert 2 == len(best_matches("Which tea do I like?", lines, limit=2))
