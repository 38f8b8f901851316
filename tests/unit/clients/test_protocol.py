"""Payloads of memory blocks, well-formed and not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from warmgraph.clients.protocol import Draft, read_payload
from warmgraph.clients.stripper import BlockStripper
from warmgraph.memory_note import new_tags, render_note, render_payload, split_note


@pytest.mark.parametrize(
    ("payload", "drafts"),
    [
        (
            '["Likes tea.", {"text": "Has a cat.", "category": "context"}]',
            [("Likes tea.", "fact"), ("Has a cat.", "context")],
        ),
        ('{"content": "Likes tea.", "category": "made up"}', [("Likes tea.", "fact")]),
        ('```json\n["Likes tea."]\n```', [("Likes tea.", "fact")]),
        ('["Likes tea."]\n["Has a cat."]', [("Likes tea.", "fact"), ("Has a cat.", "fact")]),
        ('["Likes tea.", "Likes tea.", "...", 7, null, {"content": 1}, []]', [("Likes tea.", "fact")]),
        ('["Likes\\n\\ttea \\ud800."]', [("Likes tea ?.", "fact")]),
        (json.dumps(["x" * 5_000]), []),
        ("[" * 100_000, []),
        ('["Likes tea."', []),
        ("", []),
    ],
)
def test_only_what_can_be_a_memory_is_one(payload: str, drafts: list[Any]) -> None:
    """Categories are ours, texts are one line of sensible length, and nothing raises."""
    assert [Draft(*draft) for draft in drafts] == read_payload(payload)[0]


def test_one_answer_adds_a_bounded_number_of_memories() -> None:
    """A model that loops does not fill the store."""
    assert 32 == len(read_payload(json.dumps([f"Fact {number}." for number in range(1_000)]))[0])


def test_the_note_itself_is_no_memory() -> None:
    """A model that repeats the note adds nothing, and no tag is shown."""
    tags = new_tags()
    stripper = BlockStripper(tags)
    shown = stripper.feed(render_note(tags)) + stripper.finish()

    assert [] == stripper.drafts
    assert [] == [tag for tag in tags if tag in shown]


def test_text_after_a_block_that_was_never_closed_is_the_answer() -> None:
    """What follows its JSON reaches the user; what it says is remembered."""
    tags = new_tags()
    stripper = BlockStripper(tags)
    shown = stripper.feed(f'{tags.opening}["Likes tea."] Green or black?') + stripper.finish()

    assert ("Green or black?", [Draft("Likes tea.")]) == (shown, stripper.drafts)


def test_a_note_that_somebody_typed_is_split_off_only_at_the_end() -> None:
    """The text of a user that talks about notes stays whole."""
    tags = new_tags()
    quoted = f"{render_note(tags)} What does this mean?"

    assert (quoted, None) == split_note(quoted)
    assert ("Hello", tags) == split_note(f"Hello\n\n{render_note(tags)}")
    assert [Draft("Likes tea.", "preference")] == read_payload(
        render_payload(tags, [("Likes tea.", "preference")])[len(tags.opening) : -len(tags.closing)]
    )[0]
