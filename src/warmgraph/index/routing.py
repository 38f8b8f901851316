"""What is made from a sample of vectors and kept: the rotation of their codes, and the cells."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import numpy as np

from warmgraph.errors import InvalidArgumentError
from warmgraph.index.base import FloatArray
from warmgraph.index.codebook import Codebook
from warmgraph.index.flat import of_length_1
from warmgraph.index.plan import Plan
from warmgraph.index.signs import SignCoder

__all__ = ["Routing"]

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Routing:
    """Rotation and cells without a vector in them: some seconds of work at 100,000 vectors, and two megabytes.

    Args:
        coder: Makes the codes.
        codebook: Names the cells; `None` for one cell. An index that takes it over goes on to move it.
        fitted: How many vectors there were when it was made.

    Example:
        >>> made = Routing.fit(np.eye(8, dtype=np.float32), 8, Plan(routed_from=8, nlist=2))
        >>> again = Routing.from_bytes(made.to_bytes(), dims=8)
        >>> again.fitted, again.codebook.nlist
        (8, 2)
    """

    coder: SignCoder
    codebook: Codebook | None
    fitted: int

    @classmethod
    def fit(cls, sample: FloatArray, count: int, plan: Plan, *, rest: float = 0.0) -> Routing:
        """Make rotation and cells for `count` vectors like those of a sample.

        Args:
            sample: Array of shape (n, dims), float32, of length 1.
            count: How many there will be.
            plan: From when on cells are made, and how many.
            rest: Seconds to rest now and then, where others need the processor meanwhile.
        """
        codebook = None
        if count >= plan.routed_from:
            codebook = Codebook(min(plan.cells(count), len(sample)), plan.seed).fit(sample, rest)
        return cls(SignCoder.fit(sample, plan.bits, plan.seed, rest), codebook, count)

    @classmethod
    def sampled(cls, rows: FloatArray, count: int, plan: Plan) -> Routing:
        """Make rotation and cells for `count` vectors from a sample of these, which may have any length."""
        rng = np.random.default_rng(plan.seed)
        sample = rng.choice(len(rows), min(len(rows), plan.sample(count)), replace=False)
        return cls.fit(of_length_1(rows[np.sort(sample)]), count, plan)

    @property
    def dims(self) -> int:
        """Length of the vectors."""
        return len(self.coder.mean)

    def copied(self) -> Routing:
        """Return a copy that no write to an index moves."""
        codebook = self.codebook
        if codebook is not None:
            codebook = Codebook.placed(codebook.centroids_.copy(), codebook.axes_)
        return Routing(self.coder, codebook, self.fitted)

    def to_bytes(self) -> bytes:
        """Return it as `from_bytes` reads it."""
        arrays = {
            "header": np.array([_FORMAT, self.dims, self.fitted]),
            "rotation": self.coder.rotation,
            "mean": self.coder.mean,
        }
        if self.codebook is not None:
            arrays |= {"axes": self.codebook.axes_, "centroids": self.codebook.centroids_}
        stream = io.BytesIO()
        np.savez(stream, **arrays)  # type: ignore[arg-type]
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, dims: int) -> Routing:
        """Return what `to_bytes` has written; cells are where they were, and without members.

        Raises:
            InvalidArgumentError: It is damaged, or was made for vectors of another length.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
            version, held, fitted = (int(number) for number in found["header"])
            if (version, held) != (_FORMAT, dims):
                raise ValueError(f"{held} dimensions in format {version}")
            codebook = None
            if "centroids" in found:
                codebook = Codebook.placed(found["centroids"].astype(np.float32), found["axes"].astype(np.float32))
            return cls(SignCoder(found["rotation"], found["mean"]), codebook, fitted)
        except (ValueError, EOFError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise InvalidArgumentError("data", expected=f"routing of {dims} dimensions", got=str(error)) from error
