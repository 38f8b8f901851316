"""The error tree: what callers catch, and what they read."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from warmgraph import errors
from warmgraph.errors import ImportDataError, InvalidArgumentError, MissingDependencyError, WarmGraphError

ALL = [getattr(errors, name) for name in errors.__all__]
ARGUMENT_ERRORS = [kind for kind in ALL if issubclass(kind, InvalidArgumentError)]


def make(kind: type[WarmGraphError]) -> WarmGraphError:
    """Make an error of any kind."""
    if issubclass(kind, InvalidArgumentError):
        return kind("limit", expected="an integer >= 1", got=0)
    if issubclass(kind, MissingDependencyError):
        return kind("torch", extra="local")
    if issubclass(kind, ImportDataError):
        return kind(7, expected="a JSON object", got="{")
    return kind("the disk is full")


def test_everything_public_is_listed() -> None:
    """`__all__` names the errors of the module, all of them."""
    defined = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)}
    assert set(errors.__all__) == {name for name in defined if not name.startswith("_")}


@pytest.mark.parametrize("kind", ALL)
def test_one_root(kind: type[WarmGraphError]) -> None:
    """Whoever catches WarmGraphError catches every error of ours, and no interrupt."""
    assert issubclass(kind, WarmGraphError)
    assert issubclass(kind, Exception)


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("InvalidArgumentError", ValueError),
        ("UnresolvedNamespaceError", ValueError),
        ("InvalidFilterError", ValueError),
        ("InvalidValueError", TypeError),
        ("InvalidValueError", ValueError),
        ("DimensionError", ValueError),
        ("MissingDependencyError", ImportError),
        ("EmbeddingError", RuntimeError),
        ("ExtractionError", RuntimeError),
        ("StoreError", RuntimeError),
        ("ImportDataError", ValueError),
        ("StoreClosedError", RuntimeError),
        ("StoreCorruptError", RuntimeError),
        ("StoreVersionError", RuntimeError),
        ("StoreUnavailableError", OSError),
    ],
)
def test_builtins_that_callers_already_catch(name: str, builtin: type[Exception]) -> None:
    """Each error is also the builtin that the module docstring promises."""
    assert issubclass(getattr(errors, name), builtin)
    assert builtin.__name__ in str(errors.__doc__)


@pytest.mark.parametrize("kind", ALL)
def test_the_tree_is_drawn(kind: type[WarmGraphError]) -> None:
    """The picture in the module docstring shows every error."""
    assert kind.__name__ in str(errors.__doc__)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("duplicate", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_survives_another_process(kind: type[WarmGraphError], duplicate: object) -> None:
    """Errors cross process boundaries with their type and their message."""
    error = make(kind)
    assert callable(duplicate)
    again = duplicate(error)
    assert kind is type(again)
    assert str(error) == str(again)
    assert str(error) == str(duplicate(again))


@pytest.mark.parametrize("kind", ARGUMENT_ERRORS)
def test_an_argument_error_names_everything(kind: type[InvalidArgumentError]) -> None:
    """Which argument, what was expected, what came: in the message and as attributes."""
    error = make(kind)
    assert isinstance(error, InvalidArgumentError)
    assert "limit: expected an integer >= 1, got 0" == str(error)
    assert ("limit", "an integer >= 1", 0) == (error.argument, error.expected, error.got)


@pytest.mark.parametrize("duplicate", [lambda e: e, lambda e: pickle.loads(pickle.dumps(e))])
def test_what_came_is_shown_in_short(duplicate: object) -> None:
    """A huge value does not flood the log, before and after pickling; an unpicklable one crosses as its text."""
    assert callable(duplicate)
    long = str(duplicate(InvalidArgumentError("texts", expected="a string", got=["x"] * 10_000)))
    assert long.startswith("texts: expected a string, got ['x', 'x',")
    assert long.endswith("...")
    assert len(long) < 260
    assert "<lambda>" in str(duplicate(InvalidArgumentError("embed", expected="a model", got=lambda: 0)))


def test_a_missing_dependency_says_what_to_install() -> None:
    """The message is the command."""
    error = MissingDependencyError("sentence-transformers", extra="local")
    assert "sentence-transformers is not installed; it comes with: pip install 'warmgraph[local]'" == str(error)
    assert ("sentence-transformers", "local") == (error.package, error.extra)
