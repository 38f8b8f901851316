"""A map of a namespace."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from warmgraph.index import Entry, NamespaceIndex, RoutedIndex
from warmgraph.index.cells import codebook_of
from warmgraph.index.plan import Plan
from warmgraph.server.inspector import project
from warmgraph.server.inspector.projection import project_words


def around(centres: NDArray[np.float32], each: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    rows = np.repeat(centres, each, axis=0) + rng.normal(0, 0.02, (len(centres) * each, centres.shape[1]))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def index_of(rows: NDArray[np.float32], make: type[RoutedIndex] | None = None) -> NamespaceIndex:
    index = NamespaceIndex() if make is None else NamespaceIndex(lambda dims: make(dims, plan=SMALL))
    index.fill([Entry(str(number), seq=number, vectors=row[None]) for number, row in enumerate(rows)])
    return index


SMALL = Plan(codes_from=100, routed_from=200, nlist=8, fewest=2)
CENTRES = np.eye(16, dtype=np.float32)[:4]


def test_vectors_that_are_alike_lie_close() -> None:
    """Groups stay groups, each apart from the others by more than it is wide."""
    found = project(index_of(around(np.eye(16, dtype=np.float32)[:3], 20)))
    places = np.array([(point.x, point.y) for point in found.points]).reshape(3, 20, 2)
    centres, widths = places.mean(axis=1), places.std(axis=1).max()
    apart = min(float(np.linalg.norm(centres[a] - centres[b])) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert "vectors" == found.kind
    assert apart > 5 * widths
    assert np.abs(places).max() <= 1.0
    assert 0.8 < found.explained <= 1.0


def test_a_codebook_is_shown_with_the_cells_that_a_question_probes() -> None:
    """Every point has its cell, and the probed ones are those near the question."""
    rows = around(CENTRES, 150)
    index = index_of(rows, RoutedIndex)
    assert isinstance(index.vectors, RoutedIndex)
    index.vectors.refit()
    codebook = codebook_of(index.vectors)
    assert codebook is not None
    found = project(index, rows[0])
    assert "codebook" == found.kind
    assert codebook.nlist == len(found.cells)
    assert len(found.points) == sum(cell.size for cell in found.cells)
    probed = [at for at, cell in enumerate(found.cells) if cell.probed]
    assert found.probed == len(probed) >= 1
    assert found.points[0].cell in probed
    assert found.query == (found.points[0].x, found.points[0].y)


def test_of_many_memories_a_sample_is_shown() -> None:
    """The same one each time, with the number of all."""
    index = index_of(around(CENTRES, 100))
    found = project(index, most=50)
    assert (50, 400) == (len(found.points), found.total)
    assert found == project(index, most=50)


def test_warm_memories_are_marked() -> None:
    """By the bits that the router peeks at."""
    index = index_of(around(CENTRES, 2))
    index.set_warm("3", True)
    assert ["3"] == [point.key for point in project(index).points if point.warm]


@pytest.mark.parametrize("rows", [np.zeros((0, 4)), np.ones((1, 4)), np.ones((5, 4)), np.zeros((3, 4)), np.eye(2)])
def test_any_number_of_vectors_has_a_map(rows: NDArray[np.float64]) -> None:
    """One vector, equal ones, vectors of nothing, or none at all."""
    found = project(index_of(rows.astype(np.float32)))
    assert len(rows) == len(found.points)
    assert all(np.isfinite((point.x, point.y)).all() for point in found.points)


def test_memories_without_vectors_are_placed_by_their_words() -> None:
    """Those that share words lie closer than those that do not."""
    texts = ["the red bicycle in the garden", "the red bicycle of Ana", "a lighthouse keeper sings"]
    found = project_words(["1", "2", "3"], texts, "red bicycle")
    one, other, far = (np.array((point.x, point.y)) for point in found.points)
    assert np.linalg.norm(one - other) < np.linalg.norm(one - far)
    assert found.query is not None
    assert ("words", "nothing") == (found.kind, project_words([], [], "red").kind)
