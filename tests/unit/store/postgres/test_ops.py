from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.base import GetOp, SearchOp

from warmgraph.store.filters import compile_filter
from warmgraph.store.plan import Get, Search
from warmgraph.store.postgres.ops import as_op, is_plain

NS = ("memories", "ana")


@pytest.mark.parametrize(
    ("filter", "plain"),
    [
        (None, True),
        ({}, True),
        ({"kind": "fact", "active": True, "n": 3, "x": 0.5}, True),
        ({"gone": None}, False),
        ({"n": {"$gt": 3}}, False),
        ({"$and": [{"n": 3}]}, False),
        ({"user.name": "ana"}, False),
        ({"x": float("nan")}, False),
        ({"tags": ["a"]}, False),
        ({"text": "a\0b"}, False),
    ],
)
def test_plain_filters_are_left_to_the_database(filter: Any, plain: bool) -> None:
    """Only comparisons that mean the same everywhere are."""
    assert plain is is_plain(filter)


def test_a_page_is_asked_for_with_all_that_come_before_it() -> None:
    """The database returns the ranking up to the end of the page, and cuts nothing off itself."""
    assert SearchOp(NS, None, 30, 0, "pears", True) == as_op(Search(NS, "pears", limit=10, offset=20))


def test_a_filter_of_our_own_is_left_out_and_more_is_asked_for() -> None:
    """What we filter ourselves is looked for more widely, and not renewed, since not all of it is returned."""
    filter = {"n": {"$gt": 3}}
    read = Search(NS, "pears", compile_filter(filter), limit=40, filter=filter)
    assert SearchOp(NS, None, 160, 0, "pears", False) == as_op(read)


def test_gets_are_handed_on() -> None:
    """A get is what it was."""
    assert GetOp(NS, "home", False) == as_op(Get(NS, "home", False))
