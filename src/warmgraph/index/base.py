"""What every index of vectors can do, and what it says about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from warmgraph.errors import DimensionError, InvalidArgumentError

if TYPE_CHECKING:
    from warmgraph.index.arena import Tenant

__all__ = [
    "MAX_NORM",
    "MAX_SLOT",
    "BoolArray",
    "FloatArray",
    "Hits",
    "IndexStats",
    "IntArray",
    "Metric",
    "VectorIndex",
    "norms",
]

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Metric: TypeAlias = Literal["cosine", "dot", "l2"]

MAX_SLOT = 2**31 - 2
"""Slots index arrays, so memory grows with the highest one: they are meant to be handed out densely and reused."""

MAX_NORM = 1e18
"""Longest vector that `dot` and `l2` take: products of longer ones overflow float32."""

BLOCK = 1024
"""Rows worked on at a time where that takes a temporary array."""


class Hits(NamedTuple):
    """What a search found, best first; equal scores: the higher slot first.

    Attributes:
        slots: Array of shape (m,), int64.
        scores: Array of shape (m,), float32; higher is better, whatever the metric.
    """

    slots: IntArray
    scores: FloatArray

    def above(self, threshold: float) -> Hits:
        """Return the hits whose scores are at least a threshold.

        Raises:
            InvalidArgumentError: The threshold is not a number.
        """
        if threshold != threshold:
            raise InvalidArgumentError("score_threshold", expected="a number", got=threshold)
        count = int((self.scores >= threshold).sum())
        return Hits(self.slots[:count], self.scores[:count])


@dataclass(frozen=True, slots=True)
class IndexStats:
    """Size of an index.

    Attributes:
        items: Slots held.
        vectors: Vectors held; 0 for an index of words.
        ram_bytes: Memory taken, with what is reserved for growth.
        disk_bytes: Bytes on disk.
    """

    items: int
    vectors: int
    ram_bytes: int
    disk_bytes: int


class VectorIndex(ABC):
    """Vectors addressed by *slot*: a small non-negative int that the caller hands out, one for each item.

    A slot holds one vector or several (an item may be embedded in parts); its score is the best of them. A slot may
    be reused once it is removed. Scores are the cosine, the dot product, or the negative Euclidean distance (`l2`).
    The cosine with a zero vector is 0.

    An index is not thread-safe by itself: whoever owns it takes a lock.

    Args:
        dims: Length of the vectors.
        metric: "cosine", "dot" or "l2".

    Raises:
        InvalidArgumentError: `dims` is not an int >= 1, or `metric` is none of the three.
    """

    dims: int
    metric: Metric

    def __init__(self, dims: int, metric: Metric = "cosine") -> None:
        if type(dims) is not int or dims < 1:
            raise InvalidArgumentError("dims", expected="an int >= 1", got=dims)
        if metric not in get_args(Metric):
            raise InvalidArgumentError("metric", expected="'cosine', 'dot' or 'l2'", got=metric)
        self.dims = dims
        self.metric = metric

    @abstractmethod
    def upsert(self, slots: Sequence[int] | IntArray, vectors: FloatArray) -> None:
        """Give each slot named its vectors, in place of those it had.

        Args:
            slots: Array of shape (n,), int. A slot named m times gets m vectors.
            vectors: Array of shape (n, dims), float32 or what converts to it without overflow.

        Raises:
            InvalidArgumentError: A slot is not an int from 0 to `MAX_SLOT`. Nothing was changed.
            DimensionError: `vectors` has the wrong shape or dtype, or is not finite. Nothing was changed.
        """

    def upsert_one(self, slot: int, vector: FloatArray) -> None:
        """Give one slot one vector, of shape (dims,); as `upsert` does, with less ado where an index can."""
        self.upsert([slot], vector[None])

    @abstractmethod
    def remove(self, slots: Iterable[int]) -> None:
        """Forget the vectors of `slots`; slots that hold none are ignored."""

    @abstractmethod
    def search(
        self, query: FloatArray, k: int, *, allowed: BoolArray | None = None, score_threshold: float | None = None
    ) -> Hits:
        """Return the best `k` slots, or all if there are fewer.

        Args:
            query: Array of shape (dims,), float32.
            k: How many; at least 1.
            allowed: Mask over slots, shape (m,), bool: only slots that are set in it are returned. Slots from m on
                count as not set.
            score_threshold: Slots with lower scores are left out.

        Raises:
            InvalidArgumentError: `k` is not an int >= 1, `allowed` is not a mask, or `score_threshold` not a number.
            DimensionError: `query` has the wrong shape or dtype, or is not finite.
        """

    @property
    def tenant(self) -> Tenant | None:
        """Where all vectors lie, beside those of other indexes in an arena; `None` where they do not."""
        return None

    @property
    def compares_all(self) -> bool:
        """Whether a search looks at every vector, so that it costs no less than `scores`."""
        return True

    @property
    def estimates_differ(self) -> bool:
        """Whether `estimates` are other than `scores`, so that it matters which are to be exact."""
        return False

    @abstractmethod
    def scores(self, query: FloatArray, size: int) -> FloatArray:
        """Return the score of each slot below `size`.

        Args:
            query: Array of shape (dims,), float32.
            size: Length of the answer.

        Returns:
            Array of shape (size,), float32, by slot; -inf where a slot has no vector. The caller owns it.

        Raises:
            DimensionError: `query` has the wrong shape or dtype, or is not finite.
        """

    def estimates(self, query: FloatArray, size: int, exactly: IntArray) -> FloatArray:
        """Return about what score each slot below `size` has, where `scores` would have to look at everything.

        Args:
            query: Array of shape (dims,), float32.
            size: Length of the answer.
            exactly: Slots whose scores are to be exact, array of shape (m,), int64. The best ones are in any case.

        Returns:
            Array as that of `scores`.

        Raises:
            DimensionError: `query` has the wrong shape or dtype, or is not finite.
        """
        return self.scores(query, size)

    @abstractmethod
    def vectors_of(self, slot: int) -> FloatArray:
        """Return a copy of a slot's vectors as they are kept (for cosine: of length 1), shape (m, dims)."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of slots held."""

    @abstractmethod
    def __contains__(self, slot: object) -> bool:
        """Return whether `slot` holds a vector."""

    @abstractmethod
    def stats(self) -> IndexStats:
        """Return the size of the index."""

    @abstractmethod
    def _check(self) -> None:
        """Assert all invariants; for tests."""

    def _checked_rows(self, slots: Sequence[int] | IntArray, vectors: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return `slots` as int64 and `vectors` as finite float32, or raise."""
        if self._is_one_row(slots, vectors):
            return np.array(slots, np.int64), vectors
        numbers = np.asarray(slots)
        if numbers.size == 0:
            numbers = numbers.astype(np.int64)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            raise InvalidArgumentError("slots", expected="a sequence of ints", got=slots)
        if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) <= MAX_SLOT:
            raise InvalidArgumentError("slots", expected=f"ints from 0 to {MAX_SLOT}", got=slots)
        rows = _as_float32(vectors, "vectors")
        if rows.size == 0 and numbers.size == 0:
            rows = rows.reshape(0, self.dims)
        if rows.shape != (numbers.size, self.dims):
            expected = f"shape ({numbers.size}, {self.dims}), one row for each slot"
            raise DimensionError("vectors", expected=expected, got=rows.shape)
        if not np.isfinite(rows).all():
            first = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise DimensionError("vectors", expected="finite float32 numbers", got=f"row {first}: {rows[first]}")
        if self.metric != "cosine" and rows.size:
            longest = float(norms(rows).max())
            if longest > MAX_NORM:
                raise DimensionError("vectors", expected=f"vectors of length <= {MAX_NORM:.0e}", got=longest)
        return numbers.astype(np.int64, copy=False), rows

    def _is_one_row(self, slots: Sequence[int] | IntArray, vectors: FloatArray) -> bool:
        """Whether this is the usual write, one good vector: the checks of any input take four times as long."""
        return (
            type(slots) is list
            and len(slots) == 1
            and type(slots[0]) is int
            and 0 <= slots[0] <= MAX_SLOT
            and type(vectors) is np.ndarray
            and vectors.dtype == np.float32
            and vectors.shape == (1, self.dims)
            # Neither infinite nor NaN, then no component is.
            and 1e-30 < _square(vectors[0]) < 1e30
        )

    @staticmethod
    def _checked_k(k: int) -> int:
        if not isinstance(k, int | np.integer) or k < 1:
            raise InvalidArgumentError("k", expected="an int >= 1", got=k)
        return int(k)

    @staticmethod
    def _check_mask(allowed: BoolArray) -> None:
        if not isinstance(allowed, np.ndarray) or allowed.dtype != np.bool_ or allowed.ndim != 1:
            raise InvalidArgumentError(
                "allowed", expected="a mask over slots: an array of bool, shape (m,)", got=allowed
            )

    def _checked_query(self, query: FloatArray) -> FloatArray:
        """Return `query` as float32, of length 1 (or 0) where the metric is the cosine, or raise."""
        if type(query) is not np.ndarray or query.dtype != np.float32:
            query = _as_float32(query, "query")
        if query.shape != (self.dims,):
            raise DimensionError("query", expected=f"shape ({self.dims},)", got=query.shape)
        square = _square(query)
        # Nothing that is not finite passes either test, so the usual query needs no look at its components.
        if self.metric == "cosine":
            if abs(square - 1.0) < 1e-6:
                return query
            if 1e-30 < square < 1e30:
                return query * np.float32(square**-0.5)
        elif square < 1e36:
            return query
        if not np.isfinite(query).all():
            raise DimensionError("query", expected="finite float32 numbers", got=query)
        length = float(norms(query[None])[0])
        if self.metric == "cosine":
            return (query / (length or 1.0)).astype(np.float32)
        if length > MAX_NORM:
            raise DimensionError("query", expected=f"a vector of length <= {MAX_NORM:.0e}", got=length)
        return query


def _as_float32(values: object, argument: str) -> FloatArray:
    try:
        array = np.asarray(values)
    except ValueError as error:  # ragged rows
        raise DimensionError(argument, expected="an array of numbers", got=values) from error
    if array.dtype.kind not in "fiu" and array.size:
        raise DimensionError(argument, expected="real numbers", got=f"dtype {array.dtype}")
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and is refused as such
        return array.astype(np.float32, copy=False)


def _square(vector: FloatArray) -> float:
    return float(np.vdot(vector, vector))  # which does not warn where it overflows, and needs no `errstate`


def norms(rows: FloatArray) -> npt.NDArray[np.float64]:
    """Return the Euclidean length of each row; float64, for float32 squares overflow and vanish."""
    lengths = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK].astype(np.float64)
        np.vecdot(block, block, out=lengths[start : start + BLOCK])
    return np.sqrt(lengths, out=lengths)
