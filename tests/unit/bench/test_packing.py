"""The benchmark of prompts that a prefix cache knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmgraph.bench.conversations import Conversation, Turn
from warmgraph.bench.packing import _common
from warmgraph.bench.prompts import ARRANGEMENTS, Prompt, prompts_of
from warmgraph.cli import main

SAID = [
    (1, "Ana", "I live in Lisbon."),
    (1, "bot", "Noted."),
    (2, "Ana", "Where do I live, in Lisbon?"),
    (2, "bot", "In Lisbon."),
    (2, "Ana", "Thanks."),
    (2, "Ana", "And my dog?"),
    (2, "bot", "Who knows."),
]


@pytest.fixture(scope="module")
def threads() -> list[list[Prompt]]:
    """Live through a conversation of two sessions."""
    turns = [
        Turn(str(at), session, at, who, "user", f"2026-01-0{session}T10:00:00", text)
        for at, (session, who, text) in enumerate(SAID)
    ]
    return prompts_of(Conversation("ana", tuple(turns), ()))


def test_prompts_are_those_of_the_agent(threads: list[list[Prompt]]) -> None:
    """A thread a session, what one says in a row in one message, and memories of earlier sessions in a block."""
    first, second = threads
    assert [Prompt((), "", "I live in Lisbon.")] == first
    assert ["Where do I live, in Lisbon?", "Thanks.\nAnd my dog?"] == [prompt.said for prompt in second]
    assert "I live in Lisbon." in second[0].block
    assert (("human", "Where do I live, in Lisbon?"), ("ai", "In Lisbon.")) == second[1].earlier


def test_each_arrangement_puts_the_block_elsewhere(threads: list[list[Prompt]]) -> None:
    """Nowhere, before the last words of the user, before the thread, or before all words it was recalled for."""
    thread = threads[1]
    texts = {name: arrange(thread, 1) for name, arrange in ARRANGEMENTS.items()}
    block = thread[0].block
    assert block not in texts["no memory"]
    assert block not in texts["last message"]
    assert 0 < texts["kept in thread"].index(block) < texts["kept in thread"].index("In Lisbon.\n<human>")
    first = ARRANGEMENTS["system prompt"](thread, 0)
    assert first.index(block) < first.index("<human>")
    assert ARRANGEMENTS["last message"](thread, 0).index("<human>") < ARRANGEMENTS["last message"](thread, 0).index(
        block
    )


@pytest.mark.parametrize(
    ("one", "other", "common"), [("", "a", 0), ("abc", "abd", 2), ("ab", "abc", 2), ("ab", "ab", 2)]
)
def test_what_two_texts_begin_with(one: str, other: str, common: int) -> None:
    """The number of characters until they differ, or one ends."""
    assert common == _common(one, other)


def test_the_bundled_conversations_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Memories in the last message leave more of a prompt as it was than memories in the system prompt do."""
    results = tmp_path / "packing.json"
    assert 0 == main(["bench", "packing", "--json", str(results)])
    figures = json.loads(results.read_text(encoding="utf-8"))["figures"]
    assert figures["last message"]["prompt_tokens"] == pytest.approx(
        figures["system prompt"]["prompt_tokens"], rel=0.01
    )
    assert figures["no memory"]["cached_percent"] > figures["last message"]["cached_percent"]
    assert figures["last message"]["cached_percent"] > figures["system prompt"]["cached_percent"]
    assert "is cached" in capsys.readouterr().out
