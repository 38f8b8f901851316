"""Values: what JSON holds, copied."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, UserDict
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.errors import InvalidValueError
from warmgraph.store.values import MAX_DEPTH, copy_value, freeze_value, size_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)
VALUES = st.dictionaries(st.text(), JSON, max_size=5)


@given(VALUES)
def test_json_is_frozen_as_it_is(value: dict[str, Any]) -> None:
    """Freezing changes nothing that JSON holds, and what is frozen can be written and read."""
    frozen = freeze_value(value)
    assert value == frozen
    assert frozen == json.loads(json.dumps(frozen))
    assert frozen == copy_value(frozen)


@given(VALUES)
def test_copies_share_no_container(value: dict[str, Any]) -> None:
    """No dict and no list of a copy is one of the original."""

    def containers(inner: Any) -> set[int]:
        found = {id(inner)} if isinstance(inner, (dict, list)) else set()
        for each in inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ():
            found |= containers(each)
        return found

    assert not containers(value) & containers(freeze_value(value))
    assert not containers(value) & containers(copy_value(value))


class Color(str, Enum):  # noqa: UP042
    """A text that is an enum."""

    RED = "red"


class Level(IntEnum):
    """A number that is an enum."""

    HIGH = 3


class Name(str):
    """A text of a class of its own."""

    __slots__ = ()


def test_what_is_json_in_other_clothes_is_undressed() -> None:
    """Tuples, enums, mappings, subclasses and numpy floats become plain JSON; keys become strings."""
    value = {
        "tuple": (1, (2,)),
        "enum": Color.RED,
        "level": Level.HIGH,
        "name": Name("ana"),
        "ordered": OrderedDict(a=1),
        "proxy": MappingProxyType({"b": UserDict(c=2)}),
        "float": np.float64(0.5),
        Name("key"): 1,
        2: 3,
        None: 4,
        True: 5,
        1.5: 6,
    }
    frozen = freeze_value(value)
    expected = {
        "tuple": [1, [2]],
        "enum": "red",
        "level": 3,
        "name": "ana",
        "ordered": {"a": 1},
        "proxy": {"b": {"c": 2}},
        "float": 0.5,
        "key": 1,
        "2": 3,
        "null": 4,
        "true": 5,
        "1.5": 6,
    }
    assert expected == frozen
    assert {str, int, float, dict, list} == {type(inner) for inner in frozen.values()}
    assert {str} == {type(key) for key in frozen}


def test_not_a_number_is_kept() -> None:
    """Python's JSON knows NaN and infinities."""
    frozen = freeze_value({"nan": math.nan, "inf": -math.inf})
    assert math.isnan(frozen["nan"])
    assert -math.inf == frozen["inf"]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": {"b": [1, object()]}}, r"value\.a\.b\[1\]"),
        ({"a": {"b": "\ud800"}}, r"value\.a\.b"),
        ({"a": {"\udcff": 1}}, r"a key of value\.a"),
        ({"a": {(1, 2): 1}}, r"value\.a"),
        ({"n": 10**4301}, r"value\.n"),
        ({"n": -(10**4301)}, r"value\.n"),
        ({"i": np.int64(1)}, r"value\.i"),
    ],
)
def test_an_error_says_where(value: dict[str, Any], where: str) -> None:
    """The path to what JSON cannot hold is in the message."""
    with pytest.raises(InvalidValueError, match=f"^{where}: expected"):
        freeze_value(value)


def test_values_may_be_nested_so_deep_and_no_deeper() -> None:
    """The bound is the same wherever on the stack the value is read."""
    value: dict[str, Any] = {}
    for _ in range(MAX_DEPTH - 1):
        value = {"x": value}
    assert value == freeze_value(value)
    with pytest.raises(InvalidValueError, match="nested at most"):
        freeze_value({"x": value})


def test_a_copy_of_what_is_not_json_is_deep() -> None:
    """Other stores may hold anything; it is copied all the same."""
    held = {"set": {1, 2}, "tuple": ([1],)}
    copied = copy_value(held)
    assert held == copied
    assert held["set"] is not copied["set"]


@given(VALUES)
def test_a_size_grows_with_its_value(value: dict[str, Any]) -> None:
    """Adding something makes a value larger, by at least its text."""
    assert size_of({**value, "one more key": "x" * 100}) > size_of(value) + 100 * ("one more key" not in value)
