"""What the offline model says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.memory_block import MemoryLine
from warmgraph.models.answers import ABOUT, NOTHING, answer, is_own_answer

ANA = MemoryLine("Hi, I'm Ana and I live in Lisbon. I'm allergic to peanuts.", role="user", said_at="2026-11-20T09:30Z")
NURSE = MemoryLine("I work as a nurse.", role="user", said_at="2026-10-02T09:31:00+00:00")
MEMORIES = [ANA, NURSE]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where do I live?", 'You told me on 20 November 2026: "Hi, I\'m Ana and I live in Lisbon."'),
        ("what am I allergic to", 'You told me on 20 November 2026: "I\'m allergic to peanuts."'),
        ("What's the weather in Tokyo?", NOTHING),
        ("I moved to Porto.", 'Noted: "I moved to Porto."'),
        ("Hi, I'm Bob.", 'Nice to meet you, Bob. Noted: "Hi, I\'m Bob."'),
        ("I love hiking. Is it raining?", f'Noted: "I love hiking."\n\n{NOTHING}'),
        ("Hello! Where do I work as a nurse?", 'You told me on 2 October 2026: "I work as a nurse."'),
        ("thanks!", "You are welcome."),
        ("Bye", "Goodbye! I will remember."),
        ("who are you?", ABOUT),
        ("Are you ChatGPT?", ABOUT),
        ("nurse", 'You told me on 2 October 2026: "I work as a nurse."'),
        ("我住在里斯本。", 'Noted: "我住在里斯本。"'),
    ],
)  # fmt: skip
def test_answers(text: str, expected: str) -> None:
    """Questions are answered with a quotation, statements noted, small talk returned."""
    assert expected == answer(text, MEMORIES)


def test_greets_by_name() -> None:
    """Who was met before is greeted by the latest name; a stranger learns what this is."""
    later = MemoryLine("Call me Anita.", role="user", said_at="2026-12-01")
    assert answer("Hello!", MEMORIES).startswith("Hello, Ana! ")
    assert answer("hi there", [later, *MEMORIES]).startswith("Hello, Anita! ")
    assert answer("Good morning", []).startswith(f"Hello! {ABOUT}")


@pytest.mark.parametrize("text", ["What do you remember about me?", "tell me what you know", "What have I told you?"])
def test_tells_all(text: str) -> None:
    """Asked for everything, it lists what the user said, without questions and without its own answers."""
    lines = [*MEMORIES, MemoryLine("Where do I live?", role="user"), MemoryLine("Lisbon is fine.", role="assistant")]
    told = answer(text, lines)
    assert 2 == told.count("\n- ")
    assert '- "I work as a nurse." (2 October 2026)' in told
    assert "I remember nothing yet." == answer(text, [])


def test_close_is_called_close() -> None:
    """Half an answer is given as such."""
    lines = [MemoryLine("My favourite food is sushi.", role="user")]
    told = answer("What is my favourite colour?", lines)
    assert told.startswith("I do not remember that exactly.")
    assert "sushi" in told


@pytest.mark.parametrize("text", ["Write me a poem about cats", "please translate this", "Summarize the article."])
def test_says_what_it_cannot_do(text: str) -> None:
    """An order is not taken for a statement about the user."""
    assert answer(text, MEMORIES).startswith("That is beyond me")


@pytest.mark.parametrize("text", ["", "  ", "ok", "yes", "👍"])
def test_little_is_answered_with_an_invitation(text: str) -> None:
    """A message without content is not worth a note."""
    assert "ask me what you told me before" in answer(text, MEMORIES)


class TestSources:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (MemoryLine("The key is blue."), 'My notes say: "The key is blue."'),
            (MemoryLine("The key is blue.", None, None, "2026-02-01"),
             'My notes say (1 February 2026): "The key is blue."'),
            (MemoryLine("The key is blue.", role="user"), 'You told me: "The key is blue."'),
            (MemoryLine("The key is blue.", author="Caroline"), 'Caroline said: "The key is blue."'),
            (MemoryLine("The key is blue.", role="ai", author="bot"), 'I said: "The key is blue."'),
            (MemoryLine("The key is blue.", None, "user", "May 2026"), 'You told me on May 2026: "The key is blue."'),
        ],
    )  # fmt: skip
    def test_who_and_when(self, line: MemoryLine, expected: str) -> None:
        """What is known of the source is said, and nothing else."""
        assert expected == answer("Which key is blue?", [line])

    def test_several_speakers_are_named(self) -> None:
        """Where more than one person is remembered, "you" would be ambiguous."""
        lines = [
            MemoryLine("I researched adoption agencies.", author="Caroline", role="user", said_at="2023-05-25"),
            MemoryLine("I ran a charity race.", author="Melanie", role="user", said_at="2023-05-25"),
        ]
        expected = 'Caroline said on 25 May 2023: "I researched adoption agencies."'
        assert expected == answer("What did Caroline research?", lines)

    def test_quotations_are_short_and_flat(self) -> None:
        """A long or many-lined memory is cut at a word, and inner quotation marks are single."""
        line = MemoryLine('I like "green" tea ' + "very much " * 100, role="user")
        told = answer("Which tea do I like?", [line])
        assert "'green' tea" in told
        assert told.endswith(' ..."')
        assert len(told) < 350
        assert 2 == told.count('"')


class TestOwnAnswers:
    @pytest.mark.parametrize(
        "text",
        [
            "Where do I live?",
            "What's the weather?",
            "I moved to Porto.",
            "I'm Bob.",
            "Hello",
            "hi",
            "thanks",
            "bye",
            "who are you?",
            "what do you remember about me?",
            "Write me a poem",
            "What is my favourite nurse?",
            "",
            "ok",
        ],
    )
    @pytest.mark.parametrize(
        "lines", [MEMORIES, [], [MemoryLine("My nurse is kind.", author="Bo", said_at="2026-01-01")]]
    )
    def test_are_recognized(self, text: str, lines: list[MemoryLine]) -> None:
        """Whatever it says, it knows for its own when it comes back as a memory."""
        assert is_own_answer(answer(text, lines))

    def test_are_not_quoted(self) -> None:
        """Answers of its own that were remembered never answer anything: no quotations of quotations."""
        own = [MemoryLine(answer(q, MEMORIES), role="assistant") for q in ("Where do I live?", "I like tea.", "hi")]
        assert NOTHING == answer("Where do I live?", own)
        assert NOTHING == answer("Do I like tea?", own)

    def test_real_answers_are_quoted(self) -> None:
        """What a real model said earlier is a memory like others."""
        line = MemoryLine("The train to Porto leaves at nine.", role="assistant", said_at="2026-11-20")
        expected = 'I said on 20 November 2026: "The train to Porto leaves at nine."'
        assert expected == answer("When does the train to Porto leave?", [line])

    @pytest.mark.parametrize("text", ["Lisbon is lovely.", "Noted, thanks.", "You told me a lie.", ""])
    def test_are_not_confused_with_others(self, text: str) -> None:
        """Other sentences that begin alike are not its own."""
        assert not is_own_answer(text)


texts = st.one_of(st.text(), st.sampled_from(["Where do I live?", "I'm Ana.", "hi", "Привет", "我住在哪里？", "مرحبا"]))
lines = st.builds(MemoryLine, text=texts, author=st.none() | texts, role=st.none() | texts, said_at=st.none() | texts)


@given(texts, st.lists(lines, max_size=4), st.lists(lines, max_size=2))
def test_anything_gets_an_answer(text: str, memories: list[MemoryLine], history: list[MemoryLine]) -> None:
    """Any text, in any script, over any memories gets some answer, and the same one again."""
    told = answer(text, memories, history)
    assert told.strip()
    assert told == answer(text, memories, history)
