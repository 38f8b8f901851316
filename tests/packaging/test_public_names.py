"""What each package offers, and what a reader may rely on when opening a file."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import warmgraph

SOURCE = Path(warmgraph.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
MODULES = [".".join(file.relative_to(SOURCE.parent).with_suffix("").parts) for file in FILES]
PACKAGES = [name.removesuffix(".__init__") for name in MODULES if name.count(".") > 1 and name.endswith(".__init__")]
MODULES = [name for name in MODULES if not name.endswith(("__init__", "__main__"))]  # the latter runs on import


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_exactly_what_is_public(name: str) -> None:
    """`__all__` of a package equals the public names found in it."""
    package = importlib.import_module(name)
    found = {
        public
        for public, value in vars(package).items()
        if not public.startswith("_") and public != "annotations" and not _is_submodule(package, public, value)
    }

    assert sorted(found) == sorted(getattr(package, "__all__", []))


@pytest.mark.parametrize("name", MODULES)
def test_all_names_exist(name: str) -> None:
    """Every name in a module's `__all__` can be imported from it, and stands there once."""
    module = importlib.import_module(name)
    names = list(getattr(module, "__all__", []))

    assert [] == [each for each in names if not hasattr(module, each)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_only_re_exports(name: str) -> None:
    """A package's `__init__.py` holds a docstring, imports and `__all__`, and nothing else."""
    tree = _parsed(SOURCE.parent.joinpath(*name.split("."), "__init__.py"))
    others = [
        ast.unparse(node)
        for node in tree.body[1:]
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Assign) and "__all__" == ast.unparse(node.targets[0]))
    ]

    assert ast.get_docstring(tree)
    assert [] == others


def test_the_top_level_resolves_every_name() -> None:
    """Each name that `warmgraph` promises is the very object that its home package offers."""
    for name in warmgraph.__all__:
        value = getattr(warmgraph, name)
        home = getattr(value, "__module__", None)

        assert name == "__version__" or home is None or getattr(importlib.import_module(home), name) is value


def test_the_top_level_tells_type_checkers_the_same() -> None:
    """The imports that only type checkers see name the same objects, from the same packages, as `__getattr__` does."""
    declared: dict[str, str] = {}
    for node in ast.walk(_parsed(SOURCE / "__init__.py")):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("warmgraph."):
            declared |= {alias.name: node.module for alias in node.names}

    assert sorted(warmgraph.__all__) == sorted([*declared, "__version__"])
    assert {name: getattr(importlib.import_module(home), name) for name, home in declared.items()} == {
        name: getattr(warmgraph, name) for name in declared
    }


def test_the_top_level_lists_its_names_before_they_are_used() -> None:
    """`dir(warmgraph)` shows lazy names, so that completion finds them, and an unknown one is an AttributeError."""
    code = "import warmgraph; print(set(warmgraph.__all__) <= set(dir(warmgraph)), hasattr(warmgraph, 'nothing'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "True False" == done.stdout.strip()


def test_recall_at_the_top_level_is_the_package() -> None:
    """`warmgraph.recall` is a package before and after it is imported, never a function of that name."""
    assert "recall" not in warmgraph.__all__
    assert isinstance(importlib.import_module("warmgraph.recall"), ModuleType)
    assert callable(importlib.import_module("warmgraph.recall").recall)


def _is_submodule(package: ModuleType, name: str, value: object) -> bool:
    return isinstance(value, ModuleType) and value.__name__ == f"{package.__name__}.{name}"


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))
