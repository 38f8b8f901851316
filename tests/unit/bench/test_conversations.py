"""What `warmgraph demo` reads: the conversations of the package, and LoCoMo packs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warmgraph.bench.conversations import PackError, load_bundled, load_locomo, record_of, spread

TURN = {
    "conv": "conv-1",
    "dia_id": "D1:1",
    "session": 1,
    "datetime": "2023-05-08T13:56",
    "speaker": "Caroline",
    "text": "Where did you take this?",
    "caption": "",
}
QUESTION = {"conv": "conv-1", "question": "Where?", "answer": 2022, "category": 2, "evidence": ["D1:1"]}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a pack of these turns and questions; return its folder."""

    def pack(turns: list[dict[str, Any]], questions: list[dict[str, Any]], folder: Path = tmp_path) -> Path:
        folder.mkdir(exist_ok=True)
        for name, rows in (("locomo_turns.jsonl", turns), ("locomo_qa.jsonl", questions)):
            (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return folder

    return pack


def test_the_bundled_evidence_is_among_the_turns() -> None:
    """Every question of the package is asked by a user, and answered by that user's own turns."""
    for conversation in load_bundled().conversations:
        keys = {turn.key for turn in conversation.turns}

        assert conversation.questions
        assert all(set(question.evidence) <= keys for question in conversation.questions)
        assert {conversation.user} == {question.user for question in conversation.questions}


def test_a_turn_becomes_a_whole_record(write: Write) -> None:
    """Author, role, thread, position, time and whether it asks are set; a photo's caption is part of the content."""
    photo = {**TURN, "dia_id": "D1:2", "speaker": "Melanie", "text": "Last year!", "caption": "a sunrise over a lake"}
    pack = load_locomo(write([TURN, photo], [QUESTION]))

    asked, shown = (record_of("conv-1", turn).to_value() for turn in pack.conversations[0].turns)

    assert asked == {
        "kind": "Memory",
        "content": "Where did you take this?",
        "author": "Caroline",
        "role": "user",
        "thread_id": "conv-1-session-1",
        "message_id": "conv-1/D1:1",
        "position": 0,
        "said_at": "2023-05-08T13:56",
        "is_question": True,
    }
    assert "Last year! [shares a photo: a sunrise over a lake]" == shown["content"]
    assert (1, False) == (shown["position"], shown["is_question"])


def test_positions_begin_anew_with_each_session(write: Write) -> None:
    """A session is a thread of its own."""
    turns = [{**TURN, "dia_id": f"D{session}:{n}", "session": session} for session in (1, 2) for n in (1, 2)]

    found = load_locomo(write(turns, [])).conversations[0].turns

    assert [(1, 0), (1, 1), (2, 0), (2, 1)] == [(turn.session, turn.position) for turn in found]


def test_conversations_are_chosen_by_name(write: Write) -> None:
    """The first by default, one by its id, or all; questions go with their conversation."""
    folder = write([TURN, {**TURN, "conv": "conv-2"}], [QUESTION, {**QUESTION, "conv": "conv-2", "question": "Why?"}])

    def users(conversation: str | None) -> list[tuple[str, str]]:
        return [(each.user, each.questions[0].text) for each in load_locomo(folder, conversation).conversations]

    assert [("conv-1", "Where?")] == users(None)
    assert [("conv-2", "Why?")] == users("conv-2")
    assert [("conv-1", "Where?"), ("conv-2", "Why?")] == users("all")
    with pytest.raises(PackError, match=r"no 'conv-9' in .*; there are all, conv-1, conv-2"):
        load_locomo(folder, "conv-9")


def test_the_pack_may_lie_in_a_folder_of_its_own(write: Write, tmp_path: Path) -> None:
    """The directory that holds `locomo/` will do."""
    write([TURN], [QUESTION], tmp_path / "locomo")

    assert 1 == len(load_locomo(tmp_path).conversations)


def test_answers_are_shown_as_text(write: Write) -> None:
    """Years are numbers in the pack; for an adversarial question the answer is what must not be said."""
    trap = {**QUESTION, "category": 5, "adversarial_answer": "in Rome"}
    del trap["answer"]

    questions = load_locomo(write([TURN], [QUESTION, trap])).conversations[0].questions

    assert [("2022", "temporal"), ("unknown (not: in Rome)", "adversarial")] == [
        (question.answer, question.category) for question in questions
    ]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "locomo_qa.jsonl").unlink(), "no locomo_turns.jsonl and locomo_qa.jsonl in it"),
        (lambda folder: (folder / "locomo_turns.jsonl").write_text("{}\n"), "line 1: has no field 'conv'"),
        (lambda folder: (folder / "locomo_turns.jsonl").write_text(""), "holds no turn"),
        (lambda folder: (folder / "locomo_qa.jsonl").write_text('{"conv": "a"\n'), "line 1: is not JSON"),
        (lambda folder: (folder / "locomo_qa.jsonl").write_text("[]\n"), "line 1: is not a JSON object"),
        (lambda folder: (folder / "locomo_qa.jsonl").write_bytes(b"\xff\xfe\n"), "is not UTF-8"),
        (
            lambda folder: (folder / "locomo_qa.jsonl").write_text(json.dumps({**QUESTION, "evidence": ["D9:9"]})),
            "'Where?' names conv-1/D9:9 as evidence, which is no turn",
        ),
    ],
    ids=["missing", "field", "empty", "json", "object", "encoding", "evidence"],
)
def test_a_broken_pack_says_where_it_is_broken(spoil: Callable[[Path], object], told: str, write: Write) -> None:
    """The message names the file, and the line where there is one."""
    folder = write([TURN], [QUESTION])
    spoil(folder)

    with pytest.raises(PackError, match=re.escape(told)):
        load_locomo(folder)


def test_questions_are_spread_over_all() -> None:
    """A few questions are taken from the whole list, in order; never more than there are."""
    questions = load_bundled().conversations[0].questions

    assert [questions[0], questions[len(questions) // 2]] == list(spread(questions, 2))
    assert questions == spread(questions, 999) == spread(questions, None)
