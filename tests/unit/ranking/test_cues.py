"""What questions say besides their words."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from warmgraph.ranking import Relation, first_person, read_cues, speaks_of_time

NOW = datetime(2023, 6, 14, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("question", "names", "expected"),
    [
        ("Where does Ana live?", ["Ana"], "Where does I live?"),
        ("What is Ana's dog called?", ["Ana"], "What is my dog called?"),
        ("What is Ana\u2019s dog called?", ["Ana"], "What is my dog called?"),
        ("Who met Ana Lima at Ana's?", ["Ana Lima"], "Who met I at my?"),
        ("Where does Ana live?", ["ana"], "Where does I live?"),
        ("Where is Anaheim?", ["Ana"], "Where is Anaheim?"),
        ("What did the assistant say?", ["assistant"], "What did the assistant say?"),
        ("Where do I live?", [], "Where do I live?"),
        ("What did C++ (he) say?", ["C++ (he)"], "What did I say?"),
    ],
)
def test_a_question_is_put_as_those_it_names_would(question: str, names: list[str], expected: str) -> None:
    """Names become "I" and "my", by whole words; roles are no names."""
    assert expected == first_person(question, names)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When did she leave?", True),
        ("And when did she leave?", True),
        ("What year was that?", True),
        ("How long has she been here?", True),
        ("In which month did it rain?", True),
        ("How many weeks did it take?", True),
        ("What happened when she left?", False),
        ("How many dogs does she have?", False),
        ("Who said that?", False),
    ],
)
def test_questions_for_a_time_are_told_from_others(question: str, expected: bool) -> None:
    """Only what a question asks for counts, not every "when" in it."""
    assert expected == read_cues(question, NOW).asks_when


def test_a_text_that_says_when_is_told_from_one_that_does_not() -> None:
    """Days, dates and distances of time count; a number alone does not."""
    timely = ["See you tomorrow", "in 2021", "two weeks ago", "on the 3rd", "last Friday", "in May"]
    others = ["I walked a lot", "I have 3 dogs", "room 12", "a daily walk", ""]
    assert [True] * 6 + [False] * 5 == [speaks_of_time(text) for text in (*timely, *others)]


def test_a_word_of_grammar_at_the_beginning_is_no_name() -> None:
    """Will is a name in "Where is Will?", and none in "Will it rain?"."""
    assert "Will" in read_cues("Where is Will?", NOW).words
    assert "Will" not in read_cues("Will it rain?", NOW).words


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What came after the interview?", Relation("after", ("the interview",))),
        ("What did I do right after the marathon?", Relation("after", ("the marathon",))),
        ("Where did we go following the wedding?", Relation("after", ("the wedding",))),
        ("Who was there before the flood?", Relation("before", ("the flood",))),
        ("What happened prior to the strike?", Relation("before", ("the strike",))),
        ("How long was it between the offer and the move?", Relation("between", ("the offer", "the move"))),
        ("How many weeks passed from the surgery to the race?", Relation("between", ("the surgery", "the race"))),
        ("How much time was there between my exam and the party?", Relation("between", ("my exam", "the party"))),
        ("How did she feel after the race?", None),
        ("Why was he late after lunch?", None),
        ("What did I do after March 2023?", None),
        ("Where do I live?", None),
    ],
)
def test_the_order_that_a_question_asks_for_is_read(question: str, expected: Relation | None) -> None:
    """What came after, before or between events; a date is a time, and how somebody felt is told with the event."""
    assert expected == read_cues(question, NOW).relation
