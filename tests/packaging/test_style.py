"""What no linter checks about how the code reads."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_FILES = sorted((ROOT / "src").rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("test_*.py"))
LONGEST_FILE = 400


@pytest.mark.parametrize("file", SOURCE_FILES, ids=lambda file: str(file.relative_to(ROOT / "src")))
def test_a_file_can_be_read_in_one_sitting(file: Path) -> None:
    """No module is longer than 400 lines, and none is named for holding anything at all."""
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    assert file.stem not in {"common", "helpers", "misc", "utils"}


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: str(file.relative_to(ROOT / "tests")))
def test_a_test_opens_with_what_holds(file: Path) -> None:
    """Each test begins with a sentence, so that a failure can be read without the code."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").strip().endswith((".", "?", "!", '"', "`", ")"))
    ]

    assert [] == silent
