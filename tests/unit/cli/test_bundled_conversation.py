"""The conversation that `warmgraph demo` replays is well formed, and shows what it is there to show."""

from __future__ import annotations

import calendar
import json
import re
import time
from collections import Counter, defaultdict
from datetime import datetime
from importlib import resources
from itertools import pairwise
from typing import Any, Final

import pytest

Row = dict[str, Any]

TURN_FIELDS: Final = ["id", "user", "session", "datetime", "turn", "role", "text"]
QUESTION_FIELDS: Final = ["user", "question", "answer", "evidence", "category"]
MONTHS: Final = "January|February|March|April|May|June|July|August|September|October|November|December"
FUNCTION_WORDS: Final = re.compile(
    r"a|an|the|and|or|of|to|in|on|at|for|with|by|from|is|are|was|were|be|am|do|does|did|has|have|had|what|which|when|"
    r"where|who|how|i|my|me|we|our|us|you|your|it|its|she|her|he|his|they|their|that|this|what's|where's|when's|"
    r"so|then|than|not|no|as|these|now|much|many"
)


def read(name: str) -> list[Row]:
    """Return the rows of one of the bundled files, read from the installed package."""
    text = (resources.files("warmgraph") / "cli" / "data" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def content_words(text: str) -> set[str]:
    """Return the words of a text without English function words."""
    return {word for word in re.findall(r"[\w']+", text.casefold()) if not FUNCTION_WORDS.fullmatch(word)}


@pytest.fixture(scope="module")
def turns() -> list[Row]:
    """All turns, in file order."""
    return read("conversations.jsonl")


@pytest.fixture(scope="module")
def questions() -> list[Row]:
    """All questions, in file order."""
    return read("questions.jsonl")


@pytest.fixture(scope="module")
def sessions(turns: list[Row]) -> dict[tuple[str, int], list[Row]]:
    """The turns of each (user, session), in file order."""
    grouped: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for turn in turns:
        grouped[turn["user"], turn["session"]].append(turn)
    return dict(grouped)


@pytest.fixture(scope="module")
def texts(turns: list[Row]) -> dict[str, str]:
    """The text of each turn by its id."""
    return {turn["id"]: turn["text"] for turn in turns}


def test_every_line_has_exactly_the_documented_fields(turns: list[Row], questions: list[Row]) -> None:
    """Each turn and each question carries the documented fields, in the documented order."""
    assert {tuple(TURN_FIELDS)} == {tuple(turn) for turn in turns}
    assert {tuple(QUESTION_FIELDS)} == {tuple(question) for question in questions}


def test_sizes_are_as_documented(turns: list[Row], questions: list[Row]) -> None:
    """The numbers of turns and questions a user are the ones the README beside the data states."""
    expected_turns = {"ana": 109, "bjorn": 68, "mei": 58}
    expected_questions = {"ana": 28, "bjorn": 18, "mei": 14}
    assert expected_turns == Counter(turn["user"] for turn in turns)
    assert expected_questions == Counter(question["user"] for question in questions)


def test_sessions_are_numbered_from_one_in_file_order(sessions: dict[tuple[str, int], list[Row]]) -> None:
    """The file goes through users, sessions and turns in order, without a gap."""
    expected = [("ana", 1), ("ana", 2), ("ana", 3), ("ana", 4)]
    expected += [(user, session) for user in ("bjorn", "mei") for session in (1, 2, 3)]
    assert expected == list(sessions)
    for session in sessions.values():
        assert list(range(1, len(session) + 1)) == [turn["turn"] for turn in session]


def test_ids_name_user_session_and_turn(turns: list[Row]) -> None:
    """An id is unique and spells out where the turn stands."""
    assert [f"{turn['user']}-{turn['session']}-{turn['turn']}" for turn in turns] == [turn["id"] for turn in turns]
    assert len(turns) == len({turn["id"] for turn in turns})


def test_time_moves_forward_for_each_user(turns: list[Row]) -> None:
    """Datetimes are local, to the minute, in 2026, and strictly ascending for each user."""
    for user in ("ana", "bjorn", "mei"):
        stamps = [turn["datetime"] for turn in turns if turn["user"] == user]
        moments = [datetime.fromisoformat(stamp) for stamp in stamps]
        assert stamps == [moment.isoformat(timespec="minutes") for moment in moments]
        assert {(2026, None)} == {(moment.year, moment.tzinfo) for moment in moments}
        assert all(a < b for a, b in pairwise(moments))


def test_sessions_are_short_and_weeks_apart(sessions: dict[tuple[str, int], list[Row]]) -> None:
    """A session fits into two hours, and at least two weeks lie between two sessions of a user."""
    for (user, number), session in sessions.items():
        first, last = (datetime.fromisoformat(turn["datetime"]) for turn in (session[0], session[-1]))
        assert (last - first).total_seconds() < 2 * 3600
        following = sessions.get((user, number + 1))
        if following is not None:
            assert (datetime.fromisoformat(following[0]["datetime"]) - last).days >= 14


def test_the_user_opens_and_the_two_mostly_alternate(sessions: dict[tuple[str, int], list[Row]]) -> None:
    """Every session starts with the user; only the user writes twice in a row, two times."""
    assert {"user"} == {session[0]["role"] for session in sessions.values()}
    repeated = []
    for session in sessions.values():
        repeated += [a["role"] for a, b in pairwise(session) if a["role"] == b["role"]]
    assert {"user", "assistant"} == {turn["role"] for session in sessions.values() for turn in session}
    expected = ["user", "user"]
    assert expected == repeated


def test_texts_are_plain_and_distinct(turns: list[Row]) -> None:
    """No text is empty, repeated, untrimmed, or written in markdown."""
    all_texts = [turn["text"] for turn in turns]
    assert len(all_texts) == len(set(all_texts))
    assert all(text and text == " ".join(text.split()) for text in all_texts)
    assert not [text for text in all_texts if re.search(r"[*`#|<>\[\]_]|^\s*[-\d]+[.)]?\s", text)]


def test_turns_vary_in_length_and_script(turns: list[Row]) -> None:
    """There are very short and long turns, accents, and emoji, so that the demo meets them all."""
    lengths = [len(turn["text"].split()) for turn in turns]
    assert min(lengths) <= 6
    assert max(lengths) >= 60
    joined = {user: " ".join(t["text"] for t in turns if t["user"] == user) for user in ("ana", "bjorn", "mei")}
    assert "São" in joined["ana"]
    assert "Ærø" in joined["bjorn"]
    assert "\N{DUMPLING}" in joined["mei"]


def test_evidence_exists_and_belongs_to_who_asks(questions: list[Row], turns: list[Row]) -> None:
    """Each question has evidence, listed once, among the turns of the user who asks."""
    owner = {turn["id"]: turn["user"] for turn in turns}
    for question in questions:
        evidence = question["evidence"]
        assert evidence
        assert len(evidence) == len(set(evidence))
        assert {question["user"]} == {owner.get(turn_id) for turn_id in evidence}


def test_questions_and_answers_are_distinct_and_short(questions: list[Row]) -> None:
    """A user asks nothing twice, and every answer fits on half a line."""
    asked = [(question["user"], question["question"]) for question in questions]
    assert len(asked) == len(set(asked))
    assert all(0 < len(question["answer"].split()) <= 14 for question in questions)


def test_every_category_is_well_represented(questions: list[Row]) -> None:
    """All four categories occur at least ten times; a multi-hop question needs several turns, an update one."""
    counts = Counter(question["category"] for question in questions)
    assert {"single-hop", "multi-hop", "temporal", "updated-fact"} == set(counts)
    assert min(counts.values()) >= 10
    several = {question["category"] for question in questions if len(question["evidence"]) > 1}
    one = {question["category"] for question in questions if len(question["evidence"]) == 1}
    assert {"multi-hop"} == several
    assert {"single-hop", "temporal", "updated-fact"} == one


def test_updated_facts_are_not_from_a_first_session(questions: list[Row]) -> None:
    """The evidence of an updated fact stands in a later session, since an earlier one said otherwise."""
    updated = [question["evidence"][0] for question in questions if question["category"] == "updated-fact"]
    assert updated
    assert "1" not in {turn_id.split("-")[1] for turn_id in updated}


def test_temporal_answers_name_a_month_and_a_year(questions: list[Row]) -> None:
    """An answer to a temporal question is absolute, however relative the turn was."""
    for question in questions:
        if question["category"] == "temporal":
            assert re.search(rf"\b({MONTHS}) 20\d\d\b", question["answer"]), question["answer"]


def test_weekdays_in_answers_agree_with_the_calendar(questions: list[Row]) -> None:
    """Where an answer names weekday and date, the calendar agrees."""
    dated = re.compile(rf"(\w+day), (\d+ (?:{MONTHS}) \d{{4}})")
    found = [match.groups() for question in questions if (match := dated.search(question["answer"]))]
    assert found
    for weekday, date in found:
        assert weekday == calendar.day_name[time.strptime(date, "%d %B %Y").tm_wday]


def test_answers_can_be_read_from_their_evidence(questions: list[Row], texts: dict[str, str]) -> None:
    """Unless the answer is a resolved date, each turn of evidence shares a content word with it."""
    for question in questions:
        if re.search(r"\b20\d\d\b", question["answer"]):
            continue
        answer = content_words(question["answer"])
        for turn_id in question["evidence"]:
            assert answer & content_words(texts[turn_id]), (question["question"], turn_id)


def test_no_answer_stands_in_the_turns_of_another_user(questions: list[Row], turns: list[Row]) -> None:
    """What one user asks cannot be answered from a turn of another, so a leak would show."""
    leaks = [
        (question["question"], turn["id"])
        for question in questions
        for turn in turns
        if turn["user"] != question["user"] and content_words(question["answer"]) <= content_words(turn["text"])
    ]
    assert not leaks


@pytest.mark.parametrize("topic", ["spare key", "dog"])
def test_all_three_ask_about_the_same_topics_with_different_answers(topic: str, questions: list[Row]) -> None:
    """Topics overlap between the users while the answers differ."""
    same_topic = [question for question in questions if topic in question["question"].casefold()]
    assert {"ana", "bjorn", "mei"} == {question["user"] for question in same_topic}
    assert len(same_topic) == len({question["answer"] for question in same_topic})


def test_wording_mixes_shared_words_and_paraphrase(questions: list[Row], texts: dict[str, str]) -> None:
    """Between 60% and 80% of the questions share a content word with their evidence."""
    sharing = sum(
        bool(content_words(question["question"]) & content_words(" ".join(texts[i] for i in question["evidence"])))
        for question in questions
    )
    assert 0.6 <= sharing / len(questions) <= 0.8
