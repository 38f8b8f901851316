"""`RunningSummary`, the state of a summarization."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import pytest

from warmgraph.errors import InvalidArgumentError
from warmgraph.short_term import RunningSummary

RUNNING = RunningSummary("S", {"2", "1"}, "2")


@dataclass
class Theirs:
    """What LangMem calls a RunningSummary."""

    summary: str
    summarized_message_ids: set[str]
    last_summarized_message_id: str | None


def test_it_is_understood_in_every_form() -> None:
    """Itself, the dict that a checkpoint returns, and an object with the same attributes are the same summary."""
    forms: list[Any] = [RUNNING, dict(RUNNING), Theirs("S", {"1", "2"}, "2"), pickle.loads(pickle.dumps(RUNNING))]

    assert [RUNNING] * 4 == [RunningSummary.of(form) for form in forms]
    assert RUNNING == copy.deepcopy(RUNNING)
    assert RunningSummary.of(None) is None


def test_the_same_ids_are_the_same_bytes() -> None:
    """A set is stored sorted, and a list in its order, so that a checkpoint does not change by chance."""
    assert ["1", "2"] == RUNNING["summarized_message_ids"]
    assert ["2", "1"] == RunningSummary("S", ["2", "1"], "1")["summarized_message_ids"]


@pytest.mark.parametrize("value", [1, "S", {}, {"summary": "S"}, {**RUNNING, "summarized_message_ids": "12"}, [1]])
def test_anything_else_is_refused(value: Any) -> None:
    """What is no summary is an error that says what one is."""
    with pytest.raises(InvalidArgumentError, match="summarized_message_ids"):
        RunningSummary.of(value)
