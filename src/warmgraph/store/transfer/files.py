"""Where an export goes, and where an import comes from: a file, compressed or not, or a stream."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

from warmgraph.errors import ImportDataError, StoreUnavailableError

__all__ = ["Source", "Target", "rereadable", "writing"]

Target: TypeAlias = str | os.PathLike[str] | IO[str]
Source: TypeAlias = str | os.PathLike[str] | Iterable[str]


@contextmanager
def writing(target: Target) -> Iterator[IO[str]]:
    """Give a stream to write to. A file stands under its name once all of it is on disk, or not at all.

    Args:
        target: A file, which is compressed when its name ends in ".gz", or a text stream.
    """
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    path = Path(target)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        try:
            with partial.open("xb") as raw:
                if path.suffix == ".gz":
                    with gzip.GzipFile(path.stem, "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
                        yield from _text(packed)
                else:
                    yield from _text(raw)
                raw.flush()
                os.fsync(raw.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnavailableError(f"{path}: {error.strerror or error}") from error


def _text(raw: IO[bytes] | gzip.GzipFile) -> Iterator[IO[str]]:
    stream = io.TextIOWrapper(raw, encoding="utf-8", newline="\n", write_through=False)
    try:
        yield stream
        stream.flush()
    finally:
        stream.detach()


@contextmanager
def rereadable(source: Source) -> Iterator[Callable[[], Iterator[bytes]]]:
    """Give what reads the lines of a source as often as it is called: to check all of them before any is taken in.

    What can be read only once is kept in a file without a name meanwhile.

    Args:
        source: A file, or lines.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        yield lambda: _lines(path)
        return
    with tempfile.TemporaryFile() as kept:
        for line in source:
            kept.write(line.encode("utf-8", "surrogatepass").rstrip(b"\n") + b"\n")
        kept.flush()
        yield lambda: _rewound(kept)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as raw:
            if raw.read(2) != b"\x1f\x8b":
                raw.seek(0)
                yield from raw
                return
            raw.seek(0)
            number = 0
            try:
                with gzip.GzipFile(fileobj=raw) as packed:
                    for line in packed:
                        number += 1
                        yield line
            except (EOFError, gzip.BadGzipFile) as error:
                raise ImportDataError(number + 1, expected="an undamaged gzip file", got=str(error)) from error
    except OSError as error:
        if isinstance(error, StoreUnavailableError):
            raise
        raise StoreUnavailableError(f"{path}: {error.strerror or error}") from error


def _rewound(kept: IO[bytes]) -> Iterator[bytes]:
    kept.seek(0)
    yield from kept
