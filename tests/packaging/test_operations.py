"""The operations page: its commands are run, and its figures are those of the results."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from warmgraph.cli import main
from warmgraph.cli.guide.documents import put_in_figures
from warmgraph.cli.guide.figures import Results
from warmgraph.store import RoutedStore, inspect_file

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"
ANA = ("memories", "ana")


def blocks() -> list[str]:
    """Return what the page tells to type."""
    return re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def run_in(folder: Path, script: str) -> str:
    """Run a script as a shell does, and return what it says."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("sh") is None, reason="this system has no sh")
def test_the_commands_of_the_page_back_up_restore_and_erase(tmp_path: Path) -> None:
    """In the order in which they stand there; what was written after the backup is gone, everything before is there."""
    path = tmp_path / "memory.db"
    backup, restore, take_in, erase = blocks()
    with RoutedStore(path, index={"embed": "hashing", "fields": ["content"]}) as store:
        for n in range(20):
            store.put(ANA, str(n), {"content": f"fact {n}"})
        run_in(tmp_path, backup)  # while it is open
        store.put(ANA, "later", {"content": "after the backup"})
    assert "nothing is wrong" in run_in(tmp_path, restore)
    with RoutedStore(path) as store:
        assert {str(n) for n in range(20)} == {item.key for item in store.search(ANA, limit=50)}
    assert "20 memories" in run_in(tmp_path, take_in)
    assert 20 == inspect_file(tmp_path / "restored.db").items
    assert '"memories": 20' in run_in(tmp_path, erase)
    assert 0 == inspect_file(path).items


def test_figures_are_those_of_the_results() -> None:
    """Each that says where it comes from; `make guide` puts them in anew."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("<!--=") > 20
    assert text == put_in_figures(text, Results(ROOT / "bench" / "results"))


def test_links_lead_somewhere() -> None:
    """Files that the page names are there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", PAGE.read_text(encoding="utf-8"))
    assert links
    assert [] == [link for link in links if not (PAGE.parent / link).exists()]


def test_figures_are_put_in_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A figure that is out of date is replaced; the rest of a document stays as it is."""
    page = tmp_path / "page.md"
    page.write_text("Takes <!--=turn#sync_checkpointer_none/bare_ms*2|milliseconds-->nothing<!--/--> in all.\n")
    assert 0 == main(["guide", "--documents", str(page), "--results", str(ROOT / "bench" / "results")])
    assert "figures put in" in capsys.readouterr().out
    found = re.fullmatch(r"Takes <!--=turn#\S+-->([\d.]+ ms)<!--/--> in all\.\n", page.read_text())
    assert found is not None
