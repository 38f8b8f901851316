"""Times that questions speak of."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.ranking import Period, read_period

NOW = datetime(2023, 6, 14, 15, 30, tzinfo=timezone.utc)  # a Wednesday
ALWAYS = "9999"


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("What did I do today?", "2023-06-14", "2023-06-14"),
        ("Who called this morning?", "2023-06-14", "2023-06-14"),
        ("What did we eat yesterday?", "2023-06-13", "2023-06-13"),
        ("Where were you last night?", "2023-06-13", "2023-06-13"),
        ("Who came the day before yesterday?", "2023-06-12", "2023-06-12"),
        ("What have I planned this week?", "2023-06-12", "2023-06-18"),
        ("Where did I go last week?", "2023-06-05", "2023-06-11"),
        ("What did Ana cook last weekend?", "2023-06-10", "2023-06-11"),
        ("What did she say the previous week?", "2023-06-05", "2023-06-11"),
        ("What happened last month?", "2023-05-01", "2023-05-31"),
        ("What have I bought this month?", "2023-06-01", "2023-06-30"),
        ("Which races did I run last year?", "2022-01-01", "2022-12-31"),
        ("What are the goals this year?", "2023-01-01", "2023-12-31"),
        ("Who visited on Monday?", "2023-06-12", "2023-06-12"),
        ("What did I promise on Wednesday?", "2023-06-14", "2023-06-14"),
        ("What did I promise last Wednesday?", "2023-06-07", "2023-06-07"),
        ("Who did I meet last Friday?", "2023-06-09", "2023-06-09"),
        ("What broke three days ago?", "2023-06-11", "2023-06-11"),
        ("What was decided a week ago?", "2023-06-05", "2023-06-11"),
        ("Where was I two months ago?", "2023-04-01", "2023-04-30"),
        ("What did he study 3 years ago?", "2020-01-01", "2020-12-31"),
        ("What did I read in the last 10 days?", "2023-06-04", "2023-06-14"),
        ("Which films did we see over the past two weeks?", "2023-05-31", "2023-06-14"),
        ("What is new recently?", "2023-05-15", "2023-06-14"),
        ("What happened in May 2023?", "2023-05-01", "2023-05-31"),
        ("What did I write in early February, 2022?", "2022-02-01", "2022-02-28"),
        ("What happened on 31 February 2023?", "2023-02-01", "2023-02-28"),
        ("What happened in May?", "2023-05-01", "2023-05-31"),
        ("What happened in June?", "2023-06-01", "2023-06-30"),
        ("Where did we travel in October?", "2022-10-01", "2022-10-31"),
        ("Where did we travel last June?", "2022-06-01", "2022-06-30"),
        ("What did she sign on 8 May 2023?", "2023-05-08", "2023-05-08"),
        ("What did she sign on May 8th, 2023?", "2023-05-08", "2023-05-08"),
        ("What did she sign on the 8th of May?", "2023-05-08", "2023-05-08"),
        ("Who wrote on 24 December?", "2022-12-24", "2022-12-24"),
        ("What is in the log of 2023-05-08?", "2023-05-08", "2023-05-08"),
        ("Which job did I have in 2021?", "2021-01-01", "2021-12-31"),
        ("Where did they camp in the summer of 2022?", "2022-06-01", "2022-08-31"),
        ("Where did they camp last summer?", "2022-06-01", "2022-08-31"),
        ("What did I plant this spring?", "2023-03-01", "2023-05-31"),
        ("Where did we ski in winter 2021?", "2021-12-01", "2022-02-28"),
        ("What did I learn between March and May 2023?", "2023-03-01", "2023-05-31"),
        ("What did I learn from January 2022 to March 2022?", "2022-01-01", "2022-03-31"),
        ("What changed since Monday?", "2023-06-12", ALWAYS),
        ("What changed since May 2023?", "2023-05-01", ALWAYS),
        ("What changed after March 2023?", "2023-04-01", ALWAYS),
    ],
)
def test_the_time_of_a_question_is_read(question: str, first: str, last: str) -> None:
    """Days of the answer, the first and the last one; what lacks a year is the last one there was."""
    period = read_period(question, NOW)
    assert period is not None
    assert first == _day(period.start)
    assert last == (ALWAYS if period.end == float("inf") else _day(period.end - 1))


@pytest.mark.parametrize(
    ("question", "end"),
    [
        ("What did I own before June 2023?", "2023-06-01"),
        ("What did I own before 2022?", "2022-01-01"),
        ("What did I have to do by Monday?", "2023-06-13"),
        ("Where did I live until March 2021?", "2021-04-01"),
    ],
)
def test_a_time_may_have_an_end_alone(question: str, end: str) -> None:
    """Before a month means before its first day, until a month means with it."""
    period = read_period(question, NOW)
    assert period is not None
    assert (float("-inf"), end) == (period.start, _day(period.end))


@pytest.mark.parametrize(
    "question",
    [
        "Where do I live?",
        "What may I eat?",
        "Did she march with them?",
        "How did she fall?",
        "What came after the interview?",
        "When did Ana move?",
        "Who is second to none?",
        "",
    ],
)
def test_other_questions_speak_of_no_time(question: str) -> None:
    """Verbs that are spelt like months, and events, are no times."""
    assert read_period(question, NOW) is None


def test_the_words_of_a_time_can_be_told_from_the_rest() -> None:
    """They are named by their place, and "last week" is relative where "May 2023" is not."""
    question = "Where did I go last week with Ana?"
    period = read_period(question, NOW)
    assert period is not None
    assert ("last week", True) == (question[slice(*period.words)].strip(), period.relative)
    dated = read_period("Where did I go in May 2023?", NOW)
    assert dated is not None
    assert not dated.relative


def test_a_time_has_the_zone_of_now() -> None:
    """Yesterday begins at the midnight of whoever asks."""
    east = timezone(timedelta(hours=9))
    began, ended = (datetime(2023, 6, day, tzinfo=east).timestamp() for day in (14, 15))  # there it is Thursday
    assert Period(began, ended, (0, 9), True) == read_period("yesterday", NOW.astimezone(east))


WORDS = [
    "in",
    "on",
    "last",
    "the",
    "between",
    "from",
    "and",
    "to",
    "since",
    "before",
    "after",
    "until",
    "this",
    "past",
    "ago",
    "days",
    "weeks",
    "months",
    "years",
    "year",
    "month",
    "week",
    "weekend",
    "may",
    "june",
    "31",
    "0",
    "2020",
    "2024",
    "9999",
    "29",
    "february",
    "monday",
    "spring",
    "winter",
    "of",
    "a",
    "few",
    "couple",
    "recently",
    "2023-02-30",
    "st",
    "?",
    ",",
]


@given(st.lists(st.sampled_from(WORDS), max_size=9), st.integers(631_152_000, 4_102_444_800))
def test_no_text_is_too_odd(words: list[str], now: int) -> None:
    """Whatever the words, there is a time that begins before it ends, or none."""
    period = read_period(" ".join(words), datetime.fromtimestamp(now, timezone.utc))
    assert period is None or period.start < period.end


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).date().isoformat()
