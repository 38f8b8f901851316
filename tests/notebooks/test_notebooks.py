"""The notebooks run from top to bottom, offline, and are committed with what they print."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 60

pytestmark = [pytest.mark.notebooks, pytest.mark.timeout(300)]


def test_there_are_notebooks() -> None:
    """The folder is found, so that the tests below have something to run."""
    assert NOTEBOOKS


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs(file: Path, tmp_path: Path) -> None:
    """Every cell runs without an error, each within a minute, in a folder of its own."""
    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env={**os.environ, "JUPYTER_PLATFORM_DIRS": "1"})

    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_committed_as_it_ran(file: Path) -> None:
    """It opens with an explanation, and its code cells hold the outputs of one run in order, without an error."""
    notebook = nbformat.read(file, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]

    assert "markdown" == notebook.cells[0].cell_type
    assert list(range(1, len(code) + 1)) == [cell.execution_count for cell in code]
    assert [] == [out for cell in code for out in cell.outputs if out.output_type == "error"]
    assert any(cell.outputs for cell in code)
