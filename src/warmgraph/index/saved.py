"""A routed index as a file."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from warmgraph.errors import InvalidArgumentError
from warmgraph.index.base import IntArray
from warmgraph.index.codebook import Codebook
from warmgraph.index.coded import CodedVectors
from warmgraph.index.pages import PAGE
from warmgraph.index.rows import VectorRows
from warmgraph.index.signs import SignCoder

if TYPE_CHECKING:
    from warmgraph.index.routed import RoutedIndex

__all__ = ["load", "save"]

_FORMAT = 1
_BLOCK = 4096
_TOLERATED = 4
"""Bits that a code may differ by from one computed anew: products over few rows and over many round differently."""


def save(index: RoutedIndex, target: Path | BinaryIO) -> None:
    """Write an index to a file, which then holds the new state or the one before, whatever happens; or to a stream."""
    arrays = _arrays(index)
    if not isinstance(target, Path):
        np.savez(target, **arrays)
        return
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def load(index: RoutedIndex, source: Path | BinaryIO) -> None:
    """Bring what was saved into an index that is empty.

    Raises:
        InvalidArgumentError: It is not a saved index, is damaged, or was made for other vectors.
        FileNotFoundError: There is no such file.
    """
    try:
        with np.load(
            io.BytesIO(source.read_bytes()) if isinstance(source, Path) else source, allow_pickle=False
        ) as file:
            found = {name: file[name] for name in file.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidArgumentError("source", expected="a saved index, undamaged", got=source) from error
    dims, version = (int(number) for number in found.get("header", np.zeros(2, np.int64)))
    if version != _FORMAT or dims != index.dims:
        expected = f"an index of {index.dims} dimensions in format {_FORMAT}"
        raise InvalidArgumentError("source", expected=expected, got=f"{dims} dimensions in format {version}")
    coded = _restored(index, found) if "codes" in found else None
    index._recent.upsert(found["recent_slots"], found["recent_rows"])
    if coded is not None:
        index._replace(coded)
        index._fitted = int(found["fitted"])


def _arrays(index: RoutedIndex) -> dict[str, Any]:
    slots, rows = index._recent.contents()
    arrays: dict[str, Any] = {"header": np.array([index.dims, _FORMAT]), "recent_slots": slots, "recent_rows": rows}
    coded = index._coded
    if coded is None:
        return arrays
    coded.settle()
    arrays |= {"rotation": coded.coder.rotation, "mean": coded.coder.mean, "fitted": np.array(index._fitted)}
    arrays |= coded.pages.arrays()
    if coded.codebook is not None:
        arrays |= coded.codebook.arrays()
    places = coded.places.several()
    arrays["several"] = np.array([(slot, place) for slot, found in places for place in found], np.int64).reshape(-1, 2)
    if coded.rows.path is None:
        arrays["rows"] = coded.rows.array[: coded.pages.span * PAGE]
    else:
        coded.rows.flush()
        arrays["mapped"] = np.array(coded.rows.path.name)
    return arrays


def _restored(index: RoutedIndex, found: Mapping[str, Any]) -> CodedVectors:
    codebook = Codebook.restored(found) if "centroids" in found else None
    coder = SignCoder(found["rotation"], found["mean"])
    total = found["codes"].shape[1] * PAGE
    if "mapped" not in found:
        rows = index._files.new()
        rows.reserve(total)
        rows.array[:total] = found["rows"]
    else:
        directory = index._files.directory
        path = None if directory is None else directory / str(found["mapped"])
        if path is None or not path.exists() or path.stat().st_size < total * index.dims * 4:
            raise InvalidArgumentError("source", expected="the file of its vectors in `path`", got=found["mapped"])
        rows = VectorRows.opened(index.dims, path, total)
        index._files.clear(but=path)
    coded = CodedVectors(coder, codebook, rows, adapts=index.plan.nlist is None)
    coded.pages.restore(found)
    taken = coded.pages.taken()
    coded.places.put(*_in_order(coded.pages.owners[taken].astype(np.int64), taken, found["several"]))
    if "mapped" in found:
        _drop_stale(coded, taken)
    return coded


def _in_order(slots: IntArray, positions: IntArray, several: IntArray) -> tuple[IntArray, IntArray]:
    """Return slots and positions so that several vectors of one slot come in the order they were given."""
    single = ~np.isin(slots, several[:, 0])
    return np.concatenate([slots[single], several[:, 0]]), np.concatenate([positions[single], several[:, 1]])


def _drop_stale(coded: CodedVectors, taken: IntArray) -> None:
    """Remove slots whose vectors in the file are not those that their codes were made of.

    After a crash the file is newer than what was saved. Whoever keeps the vectors sees what is missing, and writes it.
    """
    flat = coded.pages.codes.reshape(coded.pages.words, -1)
    stale: list[int] = []
    for start in range(0, len(taken), _BLOCK):
        part = taken[start : start + _BLOCK]
        differing = np.bitwise_count(flat[:, part].T ^ coded.coder.encode(coded.rows.take(part))).sum(axis=1)
        stale += coded.pages.owners[part[differing > _TOLERATED]].tolist()
    if stale:
        coded.remove_damaged(stale)
