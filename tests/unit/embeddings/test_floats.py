"""What models return, as arrays: by the quick way where that is safe, else not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from warmgraph.embeddings.floats import of_floats


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([[0.5, 1.0], [2.0, 3.0]], [[0.5, 1.0], [2.0, 3.0]]),
        ([0.5, 1.0], [0.5, 1.0]),
        ([[0.5, 1, True]], [[0.5, 1.0, 1.0]]),
        ([[0.5, np.float64(0.25)]], [[0.5, 0.25]]),
        ([np.array([0.5, 1.0], np.float32)], [[0.5, 1.0]]),
    ],
)
def test_plain_answers_become_arrays_of_ones_own(answer: Any, expected: Any) -> None:
    """Lists of numbers and a list of one array: float32, writable, and no view of what was given."""
    found = of_floats(answer)

    assert found is not None
    assert expected == found.tolist()
    assert np.float32 == found.dtype
    found[...] = 7.0
    assert 7.0 not in np.ravel(answer)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [[]],
        [[1, 2]],
        [[0.5, "x"]],
        [[0.5, None]],
        [[0.5], [0.5, 1.0]],
        [[0.5, 1.0], [0.5]],
        [[0.5], "a"],
        ([0.5],),
        np.zeros((1, 2), np.float32),
        [np.zeros(2)],
        [np.zeros((1, 2), np.float32)],
        [np.zeros(2, np.float32), np.zeros(2, np.float32)],
    ],
    ids=repr,
)
def test_anything_else_is_left_to_the_general_way(answer: Any) -> None:
    """What is empty, ragged or no number is not decided here."""
    assert of_floats(answer) is None
