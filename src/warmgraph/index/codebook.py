"""Cells of the vector space: k-means centroids, and which of them a vector belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from warmgraph.errors import DimensionError, InvalidArgumentError
from warmgraph.forks import pause
from warmgraph.index.base import BLOCK, FloatArray, IntArray
from warmgraph.index.groups import grouped
from warmgraph.index.signs import principal_axes

__all__ = ["Codebook"]

_AXES = 128
"""Centroids are compared along so many principal axes: 22 us a query for 2,048 cells instead of 58, at the same recall
(.9748 against .9740 with 12% of 512 cells probed). 64 cost a point where few cells are probed."""

_SAMPLE = 8192
_ROUNDS = 3

_CELLS_AT_ONCE = 2**17
"""Scores of cells computed by one product, which keeps a processor, or the threads of BLAS, for a millisecond. Others
wait no longer for them; a million take as long each."""


class Codebook:
    """`nlist` cells, each the running mean of its members.

    Writes move centroids, reads never do. Cells are compared by direction, since what is searched for is the cosine.
    Long vectors are first projected on their principal axes; means and comparisons take place there.

    Args:
        nlist: Number of cells.
        seed: Of the fit.

    Attributes:
        centroids_: Array of shape (nlist, axes), float32: directions of length 1 along the axes.
        axes_: Array of shape (dims, axes), float32: orthonormal.

    Example:
        >>> points = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], np.float32)
        >>> codebook = Codebook(nlist=2, seed=0).fit(points)
        >>> cells = codebook.predict(points)
        >>> bool(cells[0] == cells[1] != cells[2] == cells[3])
        True
    """

    def __init__(self, nlist: int, seed: int = 0) -> None:
        if type(nlist) is not int or nlist < 1:
            raise InvalidArgumentError("nlist", expected="an int >= 1", got=nlist)
        self.nlist: int = nlist
        self.seed: int = seed
        self.centroids_: FloatArray = np.empty((0, 0), np.float32)
        self.axes_: FloatArray = np.empty((0, 0), np.float32)
        self._centroids = self.centroids_  # with room for more cells
        self._sums: npt.NDArray[np.float64] = np.empty((0, 0))
        self._counts: IntArray = np.empty(0, np.int64)

    def fit(self, vectors: FloatArray, rest: float = 0.0) -> Codebook:
        """Place the cells where a sample of vectors lies.

        Args:
            vectors: Array of shape (n, dims), float32, of length 1; n at least `nlist`.
            rest: Seconds to rest after each batch, where others need the processor meanwhile.

        Raises:
            DimensionError: There are fewer vectors than cells.
        """
        if vectors.ndim != 2 or len(vectors) < self.nlist:
            raise DimensionError(
                "vectors", expected=f"at least {self.nlist} rows, one for each cell", got=vectors.shape
            )
        dims = vectors.shape[1]
        self.axes_ = principal_axes(vectors[:_SAMPLE], _AXES, rest) if dims > _AXES else np.eye(dims, dtype=np.float32)
        # Starting from random points: a better start costs more than all rounds, and the cells route no better (recall
        # .9685 against .9688 at the same number of probes).
        start = np.random.default_rng(self.seed).choice(len(vectors), self.nlist, replace=False)
        self._place(_unit(self.project(vectors[start])))
        for _ in range(_ROUNDS):
            self.forget_members()
            for part in self._parts(len(vectors)):
                points = self.project(vectors[part])
                self._count(points, self.assign(points)[0])
                pause(rest)
            self._centre(np.flatnonzero(self._counts))
        self.forget_members()
        return self

    @classmethod
    def placed(cls, centroids: FloatArray, axes: FloatArray) -> Codebook:
        """Return a codebook whose cells lie where those of another did, without members.

        Args:
            centroids: Array of shape (nlist, axes), float32.
            axes: Array of shape (dims, axes), float32.
        """
        found = cls(len(centroids))
        found.axes_ = axes
        found._place(centroids)
        return found

    def _place(self, centroids: FloatArray) -> None:
        """Put empty cells somewhere; a cell stays there until it has members."""
        self._centroids = centroids
        self._sums = np.zeros(centroids.shape)
        self._counts = np.zeros(len(centroids), np.int64)
        self._show(len(centroids))

    def project(self, vectors: FloatArray) -> FloatArray:
        """Return vectors along the axes: shape (..., axes). What the other methods take as `points`."""
        return vectors @ self.axes_

    def scores(self, point: FloatArray) -> FloatArray:
        """Return how near each cell is to a projected vector: array of shape (nlist,), float32."""
        return self.centroids_ @ point

    def predict(self, vectors: FloatArray) -> IntArray:
        """Return the nearest cell of each vector: array of shape (n,), int64."""
        return self.assign(self.project(vectors))[0]

    def assign(self, points: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return the nearest cell of each projected vector, and its score: arrays of shape (n,)."""
        cells, best = np.empty(len(points), np.int64), np.empty(len(points), np.float32)
        for part in self._parts(len(points)):
            scores = points[part] @ self.centroids_.T
            nearest = cells[part] = scores.argmax(axis=1)
            best[part] = scores[np.arange(len(scores)), nearest]
        return cells, best

    def partial_fit(self, points: FloatArray, cells: IntArray, sign: int = 1) -> Codebook:
        """Move cells to the mean of their members after some have come, or gone.

        Args:
            points: Array of shape (n, axes), float32: projected vectors.
            cells: Array of shape (n,), int64: their cells.
            sign: 1 for members that came, -1 for members that went.
        """
        for start in range(0, len(cells), BLOCK):
            part = slice(start, start + BLOCK)
            touched = self._count(points[part], cells[part], sign)
            held = self._counts[touched] > 0
            self._centre(touched[held])
            self._sums[touched[~held]] = 0.0
        return self

    def forget_members(self) -> None:
        """Count from nothing again; cells stay where they are until members come."""
        self._sums[:], self._counts[:] = 0.0, 0

    def split(self, cell: int, points: FloatArray) -> npt.NDArray[np.bool_]:
        """Divide a cell in two: a new one is added and the members are shared out.

        Args:
            cell: The cell.
            points: Array of shape (n, axes), float32: all of its members, projected.

        Returns:
            Array of shape (n,), bool: which members the new cell, number `nlist - 1`, has got.
        """
        leaving = _halves(points)
        new = self.nlist
        self._grow(new + 1)
        for half, members in ((cell, points[~leaving]), (new, points[leaving])):
            self._sums[half] = members.sum(axis=0, dtype=np.float64)
            self._counts[half] = len(members)
            self.centroids_[half] = _unit(self._sums[half][None])[0]
        return leaving

    def drop(self, cell: int) -> None:
        """Remove a cell without members. The last cell takes its number."""
        last = self.nlist - 1
        for array in (self._centroids, self._sums, self._counts):
            array[cell] = array[last]
        self._show(last)

    def _parts(self, count: int) -> Iterator[slice]:
        """Yield slices of points of which one product compares each with all cells."""
        step = min(max(_CELLS_AT_ONCE // self.nlist, 1), BLOCK)
        for start in range(0, count, step):
            yield slice(start, start + step)

    def _count(self, points: FloatArray, cells: IntArray, sign: int = 1) -> IntArray:
        """Count points to their cells, or from them, without moving these; return which have been touched.

        By `bincount`, since `reduceat` and `add.at` keep the interpreter, from searches too, until they are done.
        """
        touched, sizes, order = grouped(cells)
        axes = points.shape[1]
        places = np.repeat(np.arange(len(touched)) * axes, sizes)[:, None] + np.arange(axes)
        sums = np.bincount(places.ravel(), points.take(order, axis=0).ravel(), len(touched) * axes)
        self._sums[touched] += sign * sums.reshape(-1, axes)
        self._counts[touched] += sign * sizes
        return touched

    def _centre(self, cells: IntArray) -> None:
        """Move cells to the means of their members."""
        if len(cells):
            self.centroids_[cells] = _unit(self._sums[cells])

    def _grow(self, nlist: int) -> None:
        if nlist > len(self._counts):
            more = max(nlist // 8, 8)
            self._centroids = np.concatenate([self._centroids, np.zeros((more, self._centroids.shape[1]), np.float32)])
            self._sums = np.concatenate([self._sums, np.zeros((more, self._sums.shape[1]))])
            self._counts = np.concatenate([self._counts, np.zeros(more, np.int64)])
        self._show(nlist)

    def _show(self, nlist: int) -> None:
        self.nlist = nlist
        self.centroids_ = self._centroids[:nlist]

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return what `restored` needs."""
        nlist = self.nlist
        return {
            "axes": self.axes_,
            "centroids": self.centroids_,
            "sums": self._sums[:nlist],
            "members": self._counts[:nlist],
        }

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Codebook:
        """Return the codebook that `arrays` was taken from."""
        found = cls(len(arrays["centroids"]))
        found.axes_ = arrays["axes"].astype(np.float32)
        found._centroids = arrays["centroids"].astype(np.float32)
        found._sums, found._counts = arrays["sums"].astype(np.float64), arrays["members"].astype(np.int64)
        found._show(found.nlist)
        return found

    @property
    def nbytes(self) -> int:
        """Bytes in RAM."""
        return self._centroids.nbytes + self.axes_.nbytes + self._sums.nbytes + self._counts.nbytes

    def _check(self, points: FloatArray, cells: npt.NDArray[np.integer]) -> None:
        """Assert that each cell is the mean of these, its members."""
        assert np.array_equal(self._counts[: self.nlist], np.bincount(cells, minlength=self.nlist))
        sums = np.zeros((self.nlist, self.centroids_.shape[1]))
        np.add.at(sums, cells, points.astype(np.float64))
        np.testing.assert_allclose(self._sums[: self.nlist], sums, atol=1e-4)
        full = self._counts[: self.nlist] > 0
        np.testing.assert_allclose(self.centroids_[full], _unit(self._sums[: self.nlist][full]), atol=1e-5)


def _unit(rows: npt.NDArray[np.floating]) -> FloatArray:
    lengths = np.sqrt(np.vecdot(rows, rows))
    lengths[lengths < 1e-12] = 1.0
    unit: FloatArray = np.divide(rows, lengths[:, None], out=np.empty(rows.shape, np.float32), casting="same_kind")
    return unit


def _halves(points: FloatArray, rounds: int = 4) -> npt.NDArray[np.bool_]:
    """Return a division of points in two by 2-means, started along the direction in which they vary most."""
    centred = points - points.mean(axis=0)
    far = centred[int(np.vecdot(centred, centred).argmax())]
    leaving: npt.NDArray[np.bool_] = centred @ far > 0
    for _ in range(rounds):
        if not leaving.any() or leaving.all():
            break
        near, away = centred[~leaving].mean(axis=0), centred[leaving].mean(axis=0)
        leaving = centred @ (away - near) > (away @ away - near @ near) / 2
    if not leaving.any() or leaving.all():  # all the same: any division is as good
        leaving = np.arange(len(points)) >= len(points) // 2
    return leaving
