"""Recalls that are asked about times, orders and people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from warmgraph.store import MemoryRecord, RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings, ManualClock

NOW = datetime(2023, 6, 14, 18, tzinfo=timezone.utc)  # a Wednesday
HOME = ("memories", "ana")

# Each: key, author, thread, day, text.
DIARY = [
    ("kitchen", "Ana", "january", "2022-01-20", "The kitchen got new tiles and a wooden shelf."),
    ("marathon", "Ana", "may", "2022-05-15", "I finished the marathon in Porto in four hours."),
    ("massage", "Ana", "may", "2022-05-15", "A massage and a huge plate of pasta, then sleep."),
    ("camp", "Ben", "july", "2022-07-09", "We put up the tent at the lake and made a fire."),
    ("offer", "Ana", "october", "2022-10-03", "The offer from the bakery arrived and I accepted."),
    ("notice", "Ana", "october", "2022-10-04", "I told my old boss that I am leaving."),
    ("move", "Ana", "february", "2023-02-11", "All my boxes are in the flat by the river now."),
    ("lamp", "Ana", "february", "2023-02-12", "Bought a green lamp at the flea market."),
    ("concert", "Ben", "may-23", "2023-05-20", "The concert of the choir moved everybody to tears."),
    ("bike", "Ana", "june-5", "2023-06-05", "My bike has a flat tyre and squeaky brakes."),
    ("dentist", "Ana", "june-8", "2023-06-08", "The dentist filled a tooth on the left side."),
    ("soup", "Ben", "june-10", "2023-06-10", "I cooked a carrot soup with ginger for everyone."),
    ("budget", "Ana", "june-12", "2023-06-12", "The budget of the bakery was approved."),
    ("call", "Ben", "june-13", "2023-06-13", "My sister called about her garden."),
    ("rain", "Ana", "june-14", "2023-06-14", "Rain all morning, so I stayed in and painted."),
]


@pytest.fixture(params=["ram", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WarmStore]:
    """Open a store with the diary; the file is opened again after it was written."""
    clock = ManualClock(NOW)
    store = WarmStore(clock=clock) if request.param == "ram" else WarmStore.open(tmp_path / "memory.db", clock=clock)
    for at, (key, author, thread, day, text) in enumerate(DIARY):
        record = MemoryRecord(content=text, author=author, thread_id=thread, position=at, said_at=f"{day}T12:00:00")
        store.put(HOME, key, record.to_value(), index=["content"])
    if request.param == "file":
        store.close()
        store = WarmStore.open(tmp_path / "memory.db", clock=clock)
    with store:
        yield store


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did I do today?", {"rain"}),
        ("What did I do this morning?", {"rain"}),
        ("What happened yesterday?", {"call"}),
        ("What happened last weekend?", {"soup"}),
        ("What happened on Monday?", {"budget"}),
        ("What happened last Thursday?", {"dentist"}),
        ("What happened four days ago?", {"soup"}),
        ("What happened last week?", {"bike", "dentist", "soup"}),
        ("What happened this week?", {"budget", "call", "rain"}),
        ("What happened in the last three days?", {"budget", "call", "rain"}),
        ("What do you remember of last month?", {"concert"}),
        ("Tell me what happened last summer.", {"camp"}),
    ],
)
def test_a_question_for_a_time_alone_is_answered_by_what_was_said_then(
    store: WarmStore, question: str, expected: set[str]
) -> None:
    """Nothing of another time is recalled first, and all of that time is."""
    found = [item.key for item in store.recall_long_term(HOME, question).items]
    assert expected == set(found[: len(expected)])


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What happened in May 2023?", "concert"),
        ("What happened in October 2022?", "offer"),
        ("What happened at the bakery in October 2022?", "offer"),
        ("What happened at the bakery this week?", "budget"),
        ("What did Ben cook last weekend?", "soup"),
        ("What was bought in February 2023?", "lamp"),
        ("What did I hear about the bakery before 2023?", "offer"),
        ("What did I hear about the bakery since May 2023?", "budget"),
        ("Which flat thing was there last week?", "bike"),
        ("Which flat is it since February 2023, until March 2023?", "move"),
        ("What was new at home in winter 2021?", "kitchen"),
        ("Where was the fire in July?", "camp"),
    ],
)
def test_what_was_said_at_the_time_comes_before_its_like(store: WarmStore, question: str, expected: str) -> None:
    """Of two memories that share as many words, the one of that time wins."""
    assert expected == store.recall_long_term(HOME, question).items[0].key


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What came after the marathon?", "massage"),
        ("What did I do right after the marathon in Porto?", "massage"),
        ("What did I do after the offer from the bakery?", "notice"),
        ("What was said before my boss heard that I am leaving?", "offer"),
        ("What did I do after the boxes were in the flat?", "lamp"),
        ("What happened before the green lamp?", "move"),
    ],
)
def test_what_came_next_is_recalled_with_the_event(store: WarmStore, question: str, expected: str) -> None:
    """The neighbour in the thread, on the side that is asked for, is among the first two."""
    assert expected in [item.key for item in store.recall_long_term(HOME, question).items[:2]]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How long was it between the marathon and the concert of the choir?", {"marathon", "concert"}),
        ("How many weeks passed from the offer of the bakery to the boxes?", {"offer", "move"}),
        ("How many days lie between the dentist and the carrot soup?", {"dentist", "soup"}),
        ("How much time was there between the tent at the lake and the tiles?", {"camp", "kitchen"}),
    ],
)
def test_both_events_of_a_distance_are_recalled(store: WarmStore, question: str, expected: set[str]) -> None:
    """What tells of the one event does not crowd out what tells of the other."""
    assert expected <= {item.key for item in store.recall_long_term(HOME, question).items[:3]}


def test_whom_a_question_names_comes_first(store: WarmStore) -> None:
    """Of memories that say as much, those of the only author who is named win."""
    value = {"content": "The bread was good.", "said_at": "2023-06-01"}
    store.put(HOME, "ana-bread", {**value, "content": "The bread was very good.", "author": "Ana"})
    store.put(HOME, "ben-bread", {**value, "content": "The bread was really good.", "author": "Ben"})
    assert "ana-bread" == store.recall_long_term(HOME, "Did Ana like the bread?").items[0].key
    assert "ben-bread" == store.recall_long_term(HOME, "Did Ben like the bread?").items[0].key


@pytest.mark.parametrize("kind", ["ram", "file"])
def test_a_question_that_names_an_author_is_embedded_in_the_first_person(kind: str, tmp_path: Path) -> None:
    """The model gets what the author would have said; the words stay as they were asked."""
    embeddings = FakeEmbeddings()
    index = {"embed": embeddings, "dims": 16}
    store = WarmStore(index=index) if kind == "ram" else WarmStore(RoutedStore(tmp_path / "m.db", index=index))  # type: ignore[arg-type]
    with store:
        store.put(HOME, "a", {"content": "I live in Lisbon.", "author": "Ana"})
        found = store.recall_long_term(HOME, "Where does Ana live?")
    assert ["a"] == [item.key for item in found.items]
    assert ["Where does I live?"] == embeddings.queries
