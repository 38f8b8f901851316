"""What the README and its companions tell a reader to type."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/migrating.md"]


def test_the_readme_shows_what_really_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python example of the README prints what the README says, one after the other, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```(?:python|pycon)\n(.*?)^```$", _text("README.md"), flags=re.MULTILINE | re.DOTALL)
    session = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README.md", "README.md", 0)
    report: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=flags).run(session, out=report.append)

    assert session.examples
    assert "" == "".join(report)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_exists(name: str) -> None:
    """A `make` command in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", _text(name), flags=re.MULTILINE))

    assert set() == named - targets


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_into_the_repository_leads_somewhere(name: str) -> None:
    """A relative link in a document names a file that exists."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", _text(name))

    assert [] == [link for link in links if not (ROOT / link).exists()]


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
