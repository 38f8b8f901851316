"""A map of a namespace: its vectors in two dimensions, the cells that they lie in, and where a query looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from warmgraph.embeddings import HashingEmbeddings
from warmgraph.index import Codebook, NamespaceIndex, RoutedIndex
from warmgraph.index.cells import codebook_of

__all__ = ["Cell", "Point", "Projection", "project", "project_words"]

MOST = 2_000
"""Points on a map; more are a blur, and a page of a megabyte."""

ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Point:
    """A memory on the map: its key, its place, its cell (-1 without cells), and whether it is warm."""

    key: str
    x: float
    y: float
    cell: int
    warm: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the codebook: its place, how many members of it the map shows, and whether the query probed it."""

    x: float
    y: float
    size: int
    probed: bool


@dataclass(frozen=True, slots=True)
class Projection:
    """A map.

    Args:
        kind: What it shows: the cells of a "codebook", "vectors" alone, "words" where nothing is embedded, or
            "nothing".
        points: Memories.
        cells: Cells of the codebook.
        query: Where the query lies.
        total: How many memories there are, on the map or not.
        explained: Share of the spread that two dimensions show, in [0, 1].
    """

    kind: Literal["codebook", "vectors", "words", "nothing"]
    points: Sequence[Point] = ()
    cells: Sequence[Cell] = ()
    query: tuple[float, float] | None = None
    total: int = 0
    explained: float = 0.0
    probed: int = field(default=0)


def project(
    index: NamespaceIndex, query: NDArray[np.float32] | None = None, *, most: int = MOST, seed: int = 0
) -> Projection:
    """Project the vectors of a namespace onto the two directions in which they spread most.

    Args:
        index: The index of the namespace.
        query: Array of shape (dims,), float32: a query to show with the cells that it probes.
        most: Points on the map; of more memories a sample is shown.
        seed: Chooses the sample.

    Example:
        >>> from warmgraph.index import Entry
        >>> index = NamespaceIndex()
        >>> for number, row in enumerate(np.eye(4, dtype=np.float32)):
        ...     index.upsert(Entry(str(number), seq=number, vectors=row[None]))
        >>> found = project(index)
        >>> found.kind, len(found.points), found.total
        ('vectors', 4, 4)
    """
    with index.lock:
        vectors, total = index.vectors, len(index)
        if vectors is None or not len(vectors):
            return Projection("nothing", total=total)
        places = [(key, slot) for key, slot in index.places() if slot in vectors]
        if len(places) > most:
            chosen = np.random.default_rng(seed).choice(len(places), most, replace=False)
            places = [places[at] for at in sorted(chosen.tolist())]
        rows = np.stack([vectors.vectors_of(slot)[0] for _, slot in places])
        warm = index.warm[[slot for _, slot in places]].tolist()
        codebook = codebook_of(vectors)
        probes = 0
        if codebook is not None and query is not None and isinstance(vectors, RoutedIndex):
            probes = vectors.search_with_signals(query, 10).signals.probed_cells
        cells = [-1] * len(rows) if codebook is None else codebook.predict(rows).tolist()
        centres = None if codebook is None else _centres(codebook)
        near = _probed(codebook, query, probes)
    axes = _Axes(rows)
    places_of = axes.places(rows)
    points = [
        Point(key, x, y, cell, lit) for (key, _), (x, y), cell, lit in zip(places, places_of, cells, warm, strict=True)
    ]
    return Projection(
        "vectors" if codebook is None else "codebook",
        points,
        [] if centres is None else _cells(axes.places(centres), np.array(places_of), np.array(cells), near),
        None if query is None else axes.places(query[None])[0],
        total,
        axes.explained,
        len(near),
    )


def project_words(keys: Sequence[str], texts: Sequence[str], query: str = "", total: int = 0) -> Projection:
    """Project memories that have no vectors, by their words."""
    if not texts:
        return Projection("nothing", total=total)
    embed = HashingEmbeddings()
    rows = embed.vectors(list(texts))
    axes = _Axes(rows)
    points = [Point(key, x, y, -1, False) for key, (x, y) in zip(keys, axes.places(rows), strict=True)]
    asked = axes.places(embed.vectors([query]))[0] if query else None
    return Projection("words", points, (), asked, total or len(points), axes.explained)


class _Axes:
    """The two main directions of some rows, found by a few rounds of subspace iteration; always the same ones."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self._mean = rows.mean(axis=0)
        spread = rows - self._mean
        basis = np.random.default_rng(0).standard_normal((rows.shape[1], 2)).astype(np.float32)
        for _ in range(ROUNDS):
            basis, _ = np.linalg.qr(spread.T @ (spread @ basis))
        self._basis = basis
        seen = spread @ basis
        self._scale = float(np.abs(seen).max()) or 1.0
        self.explained = float((seen**2).sum() / max(float((spread**2).sum()), 1e-12))

    def places(self, rows: NDArray[np.float32]) -> list[tuple[float, float]]:
        """Return where rows lie, in [-1, 1] as far as they are among those that made the axes."""
        found = (rows - self._mean) @ self._basis / self._scale
        return [(round(float(x), 4), round(float(y), 4)) for x, y in found]


def _cells(
    centres: Sequence[tuple[float, float]], places: NDArray[np.float64], cells: NDArray[np.int64], near: set[int]
) -> list[Cell]:
    """Return the cells, each amid its members: a centroid has length 1, and would lie outside of them."""
    found = []
    for at, centre in enumerate(centres):
        own = places[cells == at]
        x, y = own.mean(axis=0).tolist() if len(own) else centre
        found.append(Cell(round(x, 4), round(y, 4), len(own), at in near))
    return found


def _centres(codebook: Codebook) -> NDArray[np.float32]:
    """Return the centroids as vectors."""
    return np.asarray(codebook.centroids_ @ codebook.axes_.T, np.float32)


def _probed(codebook: Codebook | None, query: NDArray[np.float32] | None, count: int) -> set[int]:
    if codebook is None or query is None or not count:
        return set()
    scores = codebook.scores(codebook.project(query / max(float(np.linalg.norm(query)), 1e-12)))
    return set(np.argsort(-scores, kind="stable")[:count].tolist())
