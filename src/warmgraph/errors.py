"""Errors of warmgraph.

Each error says which argument or part failed, what was expected and what came, and also inherits the builtin
that callers already catch::

    WarmGraphError (Exception)
     +-- InvalidArgumentError (ValueError)        a bad argument; nothing was changed
     |    +-- UnresolvedNamespaceError            a namespace template without a value: fails closed
     |    +-- InvalidFilterError                  a search filter that no store could answer
     |    +-- InvalidValueError (TypeError)       a value that JSON cannot hold
     |    `-- DimensionError                      a vector of the wrong shape, or not finite
     +-- MissingDependencyError (ImportError)     an extra is not installed; the message names it
     +-- EmbeddingError (RuntimeError)            the embedding function failed or answered nonsense
     +-- RerankError (RuntimeError)               the reranker failed, or cannot be called from here
     +-- ExtractionError (RuntimeError)           a model did not answer with memories, in the calls that it had
     +-- ReflectionError (RuntimeError)           a background job could not be taken or finished
     |    +-- ExecutorClosedError                 submitted after shutdown()
     |    `-- JobLeftError                        the job stays in its queue, and runs when that is opened again
     `-- StoreError (RuntimeError)                the long-term store could not do what was asked
          +-- ImportDataError (ValueError)        a line of an export is damaged; nothing was imported
          +-- StoreClosedError                    used after close()
          +-- StoreCorruptError                   the file is damaged, or not a file of ours
          +-- StoreVersionError                   the file is of a version of warmgraph that this one cannot work with
          `-- StoreUnavailableError (OSError)     the disk is full, read-only, locked or gone; the database is away
"""

from __future__ import annotations

__all__ = [
    "DimensionError",
    "EmbeddingError",
    "ExecutorClosedError",
    "ExtractionError",
    "ImportDataError",
    "InvalidArgumentError",
    "InvalidFilterError",
    "InvalidValueError",
    "JobLeftError",
    "MissingDependencyError",
    "ReflectionError",
    "RerankError",
    "StoreClosedError",
    "StoreCorruptError",
    "StoreError",
    "StoreUnavailableError",
    "StoreVersionError",
    "UnresolvedNamespaceError",
    "WarmGraphError",
]


class WarmGraphError(Exception):
    """Root of all errors that warmgraph raises."""


class InvalidArgumentError(WarmGraphError, ValueError):
    """An argument is not what it has to be. Nothing was changed.

    Args:
        argument: Name of the argument, as the caller wrote it.
        expected: What it has to be.
        got: What came.

    Example:
        >>> raise InvalidArgumentError("limit", expected="an integer >= 1", got=0)
        Traceback (most recent call last):
        ...
        warmgraph.errors.InvalidArgumentError: limit: expected an integer >= 1, got 0
    """

    def __init__(self, argument: str, *, expected: str, got: object) -> None:
        self.argument = argument
        self.expected = expected
        self.got = got
        super().__init__(argument, expected, got)

    def __str__(self) -> str:
        return f"{self.argument}: expected {self.expected}, got {_shorten(self.got)}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.argument, self.expected, _shorten(self.got)))


class UnresolvedNamespaceError(InvalidArgumentError):
    """A namespace template has no value for a variable: memory fails closed, never to a shared default."""


class InvalidFilterError(InvalidArgumentError):
    """A search filter uses an unknown operator or an operand that it cannot take."""


class InvalidValueError(InvalidArgumentError, TypeError):
    """A value holds something that JSON cannot express."""


class DimensionError(InvalidArgumentError):
    """A vector has the wrong number of dimensions, the wrong dtype, or is not finite."""


class MissingDependencyError(WarmGraphError, ImportError):
    """An optional dependency is not installed.

    Args:
        package: The package that is missing.
        extra: The extra of warmgraph that brings it.
    """

    def __init__(self, package: str, *, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{package} is not installed; it comes with: pip install 'warmgraph[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_missing, (self.package, self.extra))


class EmbeddingError(WarmGraphError, RuntimeError):
    """The embedding function failed, or returned something that is not one vector per text."""


class RerankError(WarmGraphError, RuntimeError):
    """The reranker failed, or is async and was called from sync code."""


class ExtractionError(WarmGraphError, RuntimeError):
    """A model was asked for tool calls or JSON, and answered otherwise as often as it could be asked."""


class ReflectionError(WarmGraphError, RuntimeError):
    """A background job could not be taken or finished."""


class ExecutorClosedError(ReflectionError):
    """A job was submitted after `shutdown()`."""


class JobLeftError(ReflectionError):
    """The executor ended before the job ran; it stays in its queue, and runs when that is opened again."""


class StoreError(WarmGraphError, RuntimeError):
    """The long-term store could not do what was asked."""


class ImportDataError(StoreError, ValueError):
    """A line of an export is not what it has to be, or meets what is there already. Nothing was imported.

    Args:
        line: Its number, from 1.
        expected: What it has to be.
        got: What came.

    Example:
        >>> raise ImportDataError(7, expected="a JSON object", got="{")
        Traceback (most recent call last):
        ...
        warmgraph.errors.ImportDataError: line 7: expected a JSON object, got '{'
    """

    def __init__(self, line: int, *, expected: str, got: object) -> None:
        self.line: int = line
        self.expected: str = expected
        self.got: str = _shorten(got)
        super().__init__(line, expected, self.got)

    def __str__(self) -> str:
        return f"line {self.line}: expected {self.expected}, got {self.got}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_import, (self.line, self.expected, self.got))


class StoreClosedError(StoreError):
    """The store was used after `close()`."""


class StoreCorruptError(StoreError):
    """The file is damaged, or is not a file of warmgraph."""


class StoreVersionError(StoreError):
    """The file is of another version of warmgraph: a newer one wrote it, or brought it up to date while it was open."""


class StoreUnavailableError(StoreError, OSError):
    """The disk is full, read-only, locked by another process, or gone; or the database is away."""


def _shorten(value: object, limit: int = 200) -> str:
    text = value if isinstance(value, _Shown) else repr(value)
    return _Shown(text if len(text) <= limit else f"{text[: limit - 3]}...")


class _Shown(str):
    """A representation made before pickling, which must not be quoted a second time."""

    __slots__ = ()


def _rebuild(kind: type[InvalidArgumentError], argument: str, expected: str, got: str) -> InvalidArgumentError:
    return kind(argument, expected=expected, got=_Shown(got))


def _rebuild_import(line: int, expected: str, got: str) -> ImportDataError:
    return ImportDataError(line, expected=expected, got=_Shown(got))


def _rebuild_missing(package: str, extra: str) -> MissingDependencyError:
    return MissingDependencyError(package, extra=extra)
