"""Where exact vectors lie: in RAM, or in a memory-mapped file."""

from __future__ import annotations

import logging
import mmap
import os
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO

import numpy as np

from warmgraph.forks import pause
from warmgraph.index.base import FloatArray, IntArray

__all__ = ["VectorFiles", "VectorRows"]

logger: logging.Logger = logging.getLogger(__name__)

_GROWTH = 1.25
"""Room is made this much ahead."""

_PIECE = 2**18
"""Bytes given back at a time, 20 to 40 us."""


class VectorRows:
    """Vectors by row, in RAM or in a file that is mapped into memory.

    A file is a cache: it can be made again from what the caller keeps, and nothing says after a crash how far it got.
    What lies in it counts as memory of the system, which takes it back when it is short, not of the process.

    Args:
        dims: Length of the vectors.
        path: The file, written anew; `None` for RAM.
        beside: A directory for a file without a name, of which nothing is left when the process ends, however it does.
            RAM is used where there is no room.

    Example:
        >>> rows = VectorRows(dims=2)
        >>> rows.reserve(3)
        >>> rows.array[2] = [3, 4]
        >>> rows.take(np.array([2])).tolist()
        [[3.0, 4.0]]
    """

    def __init__(self, dims: int, path: Path | None = None, *, beside: Path | None = None) -> None:
        self.dims: int = dims
        self.path: Path | None = path
        self.array: FloatArray = np.empty((0, dims), np.float32)
        self._map: mmap.mmap | None = None
        self._unnamed = None if beside is None else _unnamed_in(beside)
        if self._unnamed is not None:
            weakref.finalize(self, self._unnamed.close)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)

    @classmethod
    def opened(cls, dims: int, path: Path, rows: int) -> VectorRows:
        """Return the vectors that lie in a file; of `rows` rows, the file may hold more."""
        found = cls.__new__(cls)
        found.dims, found.path, found._map, found._unnamed = dims, path, None, None
        found.array = np.empty((0, dims), np.float32)
        found._map_file(rows)
        return found

    def take(self, rows: IntArray) -> FloatArray:
        """Return a copy of rows: array of shape (m, dims), float32."""
        return self.array.take(rows, axis=0)

    def reserve(self, rows: int) -> None:
        """Make room for so many rows in all; those there are stay."""
        held = len(self.array)
        if rows <= held:
            return
        rows = max(rows, int(held * _GROWTH))
        if self.path is not None:
            self._map_file(rows)
        elif self._unnamed is None or not self._map_unnamed(self._unnamed, rows):
            self._map_memory(rows)

    def discard(self) -> None:
        """Remove the file, if there is one. Who still reads it reads on."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def release(self, rest: float) -> None:
        """Give back the memory piece by piece, for vectors that nobody reads any more.

        Dropping 150 MB at once takes 13 ms, in which the interpreter stands still.

        Args:
            rest: Seconds to rest after each piece.
        """
        self.array = self.array[:0].copy()
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            for start in range(0, len(self._map), _PIECE):
                self._map.madvise(mmap.MADV_DONTNEED, start, min(_PIECE, len(self._map) - start))
                pause(rest)
        self._map = None

    def flush(self) -> None:
        """Write to disk what has been changed in a file."""
        if self._map is not None:
            self._map.flush()

    @property
    def ram_bytes(self) -> int:
        """Bytes in RAM, with what is reserved."""
        return 0 if self._on_disk else self.array.nbytes

    @property
    def disk_bytes(self) -> int:
        """Bytes on disk, with what is reserved."""
        return self.array.nbytes if self._on_disk else 0

    @property
    def _on_disk(self) -> bool:
        return self.path is not None or self._unnamed is not None

    def _map_memory(self, rows: int) -> None:
        """Have RAM for so many rows.

        The system moves what there is to a larger place without copying it where it can: growing by copies made every
        insert into 40,000 vectors 130 us slower.
        """
        size = rows * self.dims * 4
        held = self.array
        if self._map is not None and sys.platform.startswith("linux"):
            self.array = held = np.empty((0, self.dims), np.float32)  # nothing may look at memory that moves
            try:
                self._map.resize(size)
            except BufferError:  # somebody does
                held = np.frombuffer(self._map, np.float32).reshape(-1, self.dims)
            else:
                self.array = np.frombuffer(self._map, np.float32).reshape(rows, self.dims)
                return
        if sys.platform.startswith("linux"):  # memory that is shared, the default, does not grow
            self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        else:
            self._map = mmap.mmap(-1, size)
        self.array = np.frombuffer(self._map, np.float32).reshape(rows, self.dims)
        self.array[: len(held)] = held

    def _map_file(self, rows: int) -> None:
        assert self.path is not None
        size = rows * self.dims * 4
        with open(self.path, "r+b" if self.path.exists() else "w+b") as file:
            if os.fstat(file.fileno()).st_size < size:
                file.truncate(size)
            self._show(file.fileno(), rows)

    def _map_unnamed(self, file: IO[bytes], rows: int) -> bool:
        """Have disk for so many rows; False, and none from now on, where there is no room."""
        size = rows * self.dims * 4
        try:
            # Space is taken now: writing into a hole of a file when the disk is full would kill the process.
            if hasattr(os, "posix_fallocate") and size:
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            self._show(file.fileno(), rows)
        except OSError as error:
            logger.warning("no room on disk for vectors, which stay in RAM: %s", error)
            self._unnamed = self._map = None
            return False
        return True

    def _show(self, descriptor: int, rows: int) -> None:
        """Map so many rows of a file, which has them."""
        if not rows:
            return
        # The map before is dropped with the last array on it: a search that still reads it is not disturbed.
        self._map = mmap.mmap(descriptor, rows * self.dims * 4)
        if hasattr(mmap, "MADV_RANDOM"):  # vectors are read singly: reading ahead would only push others out
            self._map.madvise(mmap.MADV_RANDOM)
        self.array = np.frombuffer(self._map, np.float32).reshape(rows, self.dims)


class VectorFiles:
    """Makes room for vectors: in RAM, or in a directory, where each gets a new file.

    Args:
        dims: Length of the vectors.
        directory: Where the files lie; `None` for RAM.
        unnamed: Whether they have no names, and end with the process.
    """

    def __init__(self, dims: int, directory: Path | None, *, unnamed: bool = False) -> None:
        self.dims: int = dims
        self.directory: Path | None = directory
        self._unnamed = unnamed
        self._made = 0

    def clear(self, but: Path | None = None) -> None:
        """Remove the files of an earlier life, but one."""
        if self.directory is not None:
            for path in self.directory.glob("vectors-*.f32"):
                if path != but:
                    path.unlink(missing_ok=True)

    def new(self, *, few: bool = False) -> VectorRows:
        """Return room without a vector in it.

        Args:
            few: Whether there will be so few that a file without a name is not worth its descriptors.
        """
        if self.directory is None or (self._unnamed and few):
            return VectorRows(self.dims)
        if self._unnamed:
            return VectorRows(self.dims, beside=self.directory)
        self._made += 1
        return VectorRows(self.dims, self.directory / f"vectors-{os.getpid()}-{id(self):x}-{self._made}.f32")


def _unnamed_in(directory: Path) -> IO[bytes] | None:
    try:
        file: IO[bytes] = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115
    except OSError as error:
        logger.warning("no file for vectors in %s, which stay in RAM: %s", directory, error)
        return None
    return file
