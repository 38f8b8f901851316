"""Vectors as bits: the sign of each component after centring and one fixed rotation."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from warmgraph.errors import InvalidArgumentError
from warmgraph.forks import pause
from warmgraph.index.base import FloatArray

__all__ = ["CodeArray", "SignCoder", "principal_axes"]

CodeArray: TypeAlias = npt.NDArray[np.uint64]

_BITS = 384
"""Bits of a code: the most that keep an item within 64 bytes. With the best 200 of 100,000 compared exactly 384 bits
find .990 of the true ten, 320 .985. Shorter vectors are turned into more bits than they have components, because fewer
bits say too little about the order."""

_SAMPLE = 8192

_DIRECT, _ROUNDS, _SPARE = 512, 3, 32
"""Up to so many dimensions principal axes are computed outright; beyond in so many rounds, with so many to spare."""

ROUNDING = 1e-5
"""By how much a component of a vector of length 1 may differ from one product to another."""

_AT_ONCE = 2**25
"""Multiplications of one product, which keeps a processor, or the threads of BLAS, for a millisecond or two."""


class SignCoder:
    """Turns vectors into codes whose Hamming distance grows with the angle between the vectors.

    The mean is subtracted first, because real embeddings lie in a cone: without it most bits would be the same in all
    codes. Vectors longer than the code are cut to their first principal axes (256 bits of 384 dimensions: recall .982
    against .967 with random ones). The rotation spreads what distinguishes two vectors evenly over the bits; one
    fitted to the data (ITQ) takes seconds and finds hardly more (.994 against .990). All is fixed once made: no code
    is computed twice.

    Args:
        rotation: Array of shape (dims, bits), float32; bits a multiple of 64.
        mean: Array of shape (dims,), float32.

    Example:
        >>> coder = SignCoder.fit(np.eye(8, dtype=np.float32), seed=0)
        >>> coder.encode(np.eye(8, dtype=np.float32)).shape
        (8, 6)
    """

    def __init__(self, rotation: FloatArray, mean: FloatArray) -> None:
        self.rotation: FloatArray = rotation
        self.mean: FloatArray = mean
        self.words: int = rotation.shape[1] // 64
        self._offset = mean @ rotation

    @classmethod
    def fit(cls, vectors: FloatArray, bits: int = _BITS, seed: int = 0, rest: float = 0.0) -> SignCoder:
        """Make a coder for vectors like these.

        Args:
            vectors: Array of shape (n, dims), float32: a sample.
            bits: Bits of a code, a multiple of 64.
            seed: Of the rotation.
            rest: Seconds to rest now and then, where others need the processor meanwhile.

        Raises:
            InvalidArgumentError: `bits` is not a positive multiple of 64.
        """
        if bits < 64 or bits % 64:
            raise InvalidArgumentError("bits", expected="a positive multiple of 64", got=bits)
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        rng = np.random.default_rng(seed)
        dims = vectors.shape[1]
        if dims > bits:
            axes = principal_axes(vectors[:_SAMPLE] - mean, bits, rest)
            return cls((axes @ _directions(bits, bits, rng)).astype(np.float32), mean)
        return cls(_directions(dims, bits, rng).astype(np.float32), mean)

    def encode(self, vectors: FloatArray) -> CodeArray:
        """Return the codes of vectors: array of shape (n, words), uint64."""
        return np.packbits(vectors @ self.rotation > self._offset, axis=1).view(np.uint64)

    def encode_one(self, vector: FloatArray) -> CodeArray:
        """Return the code of one vector of shape (dims,): array of shape (words, 1), uint64."""
        return np.packbits(vector @ self.rotation > self._offset).view(np.uint64)[:, None]

    def _check(self, codes: CodeArray, vectors: FloatArray) -> None:
        """Assert that codes of shape (n, words) are those of vectors of length 1.

        Products of one row and of many differ in their last digits: where a component is hardly more than 0, as all
        are of a vector that is the mean, either bit is right.
        """
        components = vectors @ self.rotation - self._offset
        bits = np.unpackbits(np.ascontiguousarray(codes).view(np.uint8), axis=1).astype(bool)
        assert ((bits == (components > 0)) | (np.abs(components) < ROUNDING)).all()

    @property
    def nbytes(self) -> int:
        """Bytes in RAM."""
        return self.rotation.nbytes + self.mean.nbytes + self._offset.nbytes


def principal_axes(vectors: FloatArray, number: int, rest: float = 0.0) -> FloatArray:
    """Return the directions along which vectors vary most: array of shape (dims, number), float32, orthonormal.

    Of long vectors the directions are approached from random ones (Halko, Martinsson and Tropp, SIAM Review 53, 2011):
    all eigenvectors of 4,096 dimensions would take minutes.
    """
    if vectors.shape[1] <= max(_DIRECT, 2 * number):
        _, axes = np.linalg.eigh(_scatter(vectors, None, rest))
        return np.ascontiguousarray(axes[:, : -number - 1 : -1], dtype=np.float32)
    rng = np.random.default_rng(0)
    basis: FloatArray = rng.standard_normal((vectors.shape[1], number + _SPARE), dtype=np.float32)
    for _ in range(_ROUNDS):
        basis = _orthonormal(_scatter(vectors, basis, rest)).astype(np.float32)
    _, turned = np.linalg.eigh(basis.T @ _scatter(vectors, basis, rest))
    return np.ascontiguousarray(basis @ turned[:, : -number - 1 : -1], dtype=np.float32)


def _scatter(vectors: FloatArray, basis: FloatArray | None, rest: float) -> npt.NDArray[np.float64]:
    """Return vectors.T @ vectors, or vectors.T @ vectors @ basis, in products of which none takes long."""
    dims = vectors.shape[1]
    found = np.zeros((dims, dims if basis is None else basis.shape[1]))
    step = max(_AT_ONCE // (dims * found.shape[1]), 16)
    for start in range(0, len(vectors), step):
        part = vectors[start : start + step]
        found += part.T @ (part if basis is None else part @ basis)
        pause(rest)
    return found


def _directions(dims: int, number: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return random directions, orthonormal in groups: evenly spread, they err less than free ones."""
    groups = [_orthonormal(rng.standard_normal((dims, dims))) for _ in range(-(-number // dims))]
    return np.concatenate(groups, axis=1)[:, :number]


def _orthonormal(columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return an orthonormal basis of what some columns span.

    Not by `numpy.linalg.qr`, which keeps the interpreter for half of its time: 5 ms for 384 columns.
    """
    squares, axes = np.linalg.eigh(columns.T @ columns)
    basis: npt.NDArray[np.float64] = columns @ (axes / np.sqrt(np.maximum(squares, squares[-1] * 1e-14)))
    return basis
