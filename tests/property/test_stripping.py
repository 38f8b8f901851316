"""The stripper of memory blocks, over random answers and random chunkings."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from warmgraph.clients.protocol import Draft
from warmgraph.clients.stripper import BlockStripper
from warmgraph.memory_note import Tags

TAGS = Tags("<memory-1f2e>", "</memory-1f2e>")
PIECES = st.sampled_from(
    [
        *TAGS,
        '["Likes tea."]',
        '{"content": "Lives in Lisbon."}',
        "```",
        "```json",
        "````````",
        "`",
        "\n",
        "  ",
        " \n\n",
        "Hello",
        "<mem",
        "<memory-",
        "<memory>",
        "<memory-1f",
        "[",
        "</",
    ]
)
ANSWERS = st.lists(PIECES | st.text(max_size=3), max_size=14).map("".join)


def strip(chunks: list[str]) -> tuple[str, list[Draft]]:
    """Strip an answer that comes in chunks."""
    stripper = BlockStripper(TAGS)
    shown = "".join([*map(stripper.feed, chunks), stripper.finish()])
    assert shown == stripper.text
    return shown, stripper.drafts


@settings(max_examples=1_000)
@given(ANSWERS, st.lists(st.integers(0, 200), max_size=8))
@example("```json</memory-1f2e>Hello<memory-1f2e>[]</memory-1f2e>", [])
def test_streaming_gives_what_the_whole_answer_gives(answer: str, places: list[int]) -> None:
    """However an answer is cut into chunks, the user sees the same text and the same memories are found."""
    cuts = sorted(min(place, len(answer)) for place in places)
    chunks = [answer[at:to] for at, to in zip([0, *cuts], [*cuts, len(answer)], strict=True)]

    assert strip([answer]) == strip(chunks) == strip(list(answer))


CODE = "\n```py\nx\n```\n"
WORDS = st.sampled_from(["Hello", " world.\n", "\n\n", "`code`", " 3 < 4 ", CODE, "<memory>", "<memory-2a>"])


@settings(max_examples=300)
@given(st.lists(WORDS | st.just(None), max_size=10))
def test_no_word_of_the_answer_is_lost(parts: list[str | None]) -> None:
    """What stands before, between and behind blocks is shown, but for white space; each block is read."""
    block = f'{TAGS.opening}["Likes tea."]{TAGS.closing}'
    shown, drafts = strip(["".join(block if part is None else part for part in parts)])

    assert "".join("".join(part for part in parts if part is not None).split()) == "".join(shown.split())
    assert parts.count(None) == len(drafts)


@settings(max_examples=500)
@given(ANSWERS)
def test_no_tag_of_this_turn_is_ever_shown(answer: str) -> None:
    """Neither tag reaches the user, however many there are and however they are nested."""
    shown = strip([answer])[0]

    assert [] == [tag for tag in TAGS if tag in answer and tag in shown]


@given(ANSWERS.filter(lambda answer: "<memory-1f" not in answer and "</memory-1f" not in answer))
def test_an_answer_without_a_block_is_not_touched(answer: str) -> None:
    """Byte for byte, white space and other tags included."""
    assert (answer, []) == strip([answer])
