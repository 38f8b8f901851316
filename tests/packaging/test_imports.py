"""What importing warmgraph loads, and what it may not reach for."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import warmgraph

SOURCE = Path(warmgraph.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

# Each takes from a tenth of a second to several seconds to import.
HEAVY = ("langchain_openai", "langgraph.graph", "openai", "scipy", "sklearn")


def test_importing_loads_nothing_heavy() -> None:
    """`import warmgraph` adds nothing but itself to `langgraph.store.base`; `warmgraph bench import` times it."""
    base = _modules_after("import langgraph.store.base")
    ours = _modules_after("import langgraph.store.base, warmgraph")

    assert set() == {name for name in ours - base if not name.startswith(("warmgraph", "importlib"))}


@pytest.mark.parametrize("name", ["RoutedStore", "WarmStore"])
def test_a_store_comes_without_models_and_graphs(name: str) -> None:
    """Importing a store loads neither scikit-learn nor a model client nor the graph engine."""
    loaded = _modules_after(f"from warmgraph import {name}")

    assert [] == [heavy for heavy in HEAVY if heavy in loaded]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_only_public_names_of_langgraph_are_used(file: Path) -> None:
    """No module imports a private module or a private name of LangGraph or LangChain."""
    private = [
        name
        for name in _imported_names(file)
        if name.startswith(("langgraph", "langchain"))
        and any(part.startswith("_") and not part.startswith("__") for part in name.split("."))
    ]

    assert [] == private


def test_each_module_is_loaded_once() -> None:
    """Tests and doctests share one copy of each module, so that a class is the same class everywhere."""
    names: dict[str, list[str]] = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(SOURCE):
            names.setdefault(file, []).append(name)

    assert {} == {file: copies for file, copies in names.items() if len(copies) > 1}


def _modules_after(statement: str) -> set[str]:
    return set(_python(f"{statement}\nimport sys\nprint(*sys.modules)").split())


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def _imported_names(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
