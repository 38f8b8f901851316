"""The guide: made anew, it is whole, and nothing of it was typed by hand that can be measured or drawn."""

from __future__ import annotations

import doctest
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from warmgraph import create_memory_agent
from warmgraph.cli import main
from warmgraph.cli.guide import examples
from warmgraph.cli.guide.figures import WRITTEN_AS
from warmgraph.cli.program import create_parser, list_commands
from warmgraph.prebuilt import create_recall_graph

RESULTS = Path(__file__).parents[3] / "bench" / "results"
VOID = {"meta", "link", "br", "img", "path", "rect", "input", "hr"}


class Page(HTMLParser):
    """What a test has to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)
        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if dict(attrs).get("id"):
            self.ids.append(dict(attrs)["id"])
        if tag == "data":
            self.data.append((dict(attrs), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        """Note a tag that holds nothing."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        """Note what a figure is written as."""
        if self.open and self.open[-1] == "data":
            attrs, before = self.data[-1]
            self.data[-1] = attrs, before + data


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the guide, and return it."""
    file = tmp_path_factory.mktemp("guide") / "deep" / "guide.html"
    assert 0 == main(["guide", "--output", str(file), "--results", str(RESULTS)])
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    """Return the guide, read."""
    return Page(text)


def test_every_tag_is_closed_and_every_anchor_leads_somewhere(page: Page) -> None:
    """Each section can be reached from the top, and each id stands once, but for those of markers."""
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    sections = {attrs["id"] for tag, attrs in page.tags if tag == "section" and "id" in attrs}
    assert len(sections) >= 7
    assert all(link is not None and link.startswith("#") for link in links)
    assert set() == {str(link)[1:] for link in links} - set(page.ids)
    assert sections <= {str(link)[1:] for link in links}
    ids = [each for each in page.ids if each != "tip"]
    assert len(ids) == len(set(ids))


def test_nothing_comes_from_outside(text: str, page: Page) -> None:
    """No address of anything that a browser would fetch: it is one file, and works without a network."""
    assert [] == re.findall(r"https?://", text)
    assert [] == [attrs for _, attrs in page.tags if {"src", "srcset", "action"} & attrs.keys()]
    assert [] == [attrs for tag, attrs in page.tags if tag in ("link", "img", "iframe", "object")]
    assert "url(" not in text.replace("url(#tip)", "")
    assert "{{" not in text


def test_every_figure_is_that_of_a_result(page: Page) -> None:
    """It names where it stands, and is what stands there, rounded."""
    assert len(page.data) > 40
    for attrs, shown in page.data:
        file, _, path = str(attrs["title"]).partition("#")
        found: Any = json.loads((RESULTS / file).read_text())["figures"]
        for step in path.split("/"):
            found = found[int(step)] if isinstance(found, list) else found[step]
        assert float(found) == float(str(attrs["value"]))
        assert shown in {write(float(found)) for write in WRITTEN_AS.values()}


@pytest.mark.parametrize("word", ["ms", "µs", "kB", "MB", "%"])
def test_no_figure_is_typed_by_hand(word: str) -> None:
    """The text that is put around them has no number with a unit."""
    source = Path(examples.__file__).with_name("page.html").read_text(encoding="utf-8")
    assert [] == re.findall(rf"[0-9][0-9.,]*\s?{word}(?![a-z])", re.sub(r"<style>.*?</style>", "", source, flags=re.S))


def test_the_pictures_are_those_of_the_graphs(text: str) -> None:
    """Each node and each edge of a graph is in its picture, and nothing else."""

    def tool(text: str) -> str:
        """Stand for the tools of a user."""
        return text

    graphs = [create_memory_agent("offline", reflection="reflect", tools=[tool]), create_recall_graph()]
    pictures = re.findall(r'<svg class="graph".*?</svg>', text)
    for picture, compiled in zip(pictures, graphs, strict=False):
        graph = compiled.get_graph()
        assert {node.id for node in graph.nodes.values()} == set(re.findall(r'data-node="([^"]+)"', picture))
        edges = re.findall(r'class="(edge[^"]*)" data-from="([^"]+)" data-to="([^"]+)"', picture)
        assert {(edge.source, edge.target, edge.conditional) for edge in graph.edges} == {
            (source, target, "decides" in kind) for kind, source, target in edges
        }


def test_nodes_stand_apart_and_within_their_picture(text: str) -> None:
    """No two boxes of a picture overlap, and none is cut off."""
    for picture in re.findall(r'<svg class="graph".*?</svg>', text):
        width, height = map(float, re.findall(r'viewBox="0 0 (\d+) (\d+)"', picture)[0])
        pattern = r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"'
        boxes = [tuple(map(float, box)) for box in re.findall(pattern, picture)]
        for number, (x, y, w, h) in enumerate(boxes):
            assert 0 <= x
            assert x + w <= width
            assert 0 <= y
            assert y + h <= height
            for other_x, other_y, other_w, other_h in boxes[:number]:
                apart = x >= other_x + other_w or other_x >= x + w or y >= other_y + other_h or other_y >= y + h
                assert apart


def test_every_command_is_listed(text: str) -> None:
    """Those of the program, with its own words."""
    for name, told in list_commands(create_parser()):
        assert f"<code>warmgraph {name}</code></td><td>" in text
        assert told


def test_the_examples_do_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, one after the other, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    source = "\n".join([examples.AGENT, examples.STORE, examples.NODES, examples.ERASE])
    session = doctest.DocTestParser().get_doctest(source, {}, "the guide", "the guide", 0)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(session, out=said.append)
    assert session.examples
    assert "" == "".join(said)


def test_a_result_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what measures it; no page is written."""
    out = tmp_path / "guide.html"
    assert 1 == main(["guide", "--results", str(tmp_path / "none"), "--output", str(out)])
    assert "is no directory" in capsys.readouterr().err
    shutil.copytree(RESULTS, tmp_path / "results")
    (tmp_path / "results" / "store.json").unlink()
    assert 1 == main(["guide", "--results", str(tmp_path / "results"), "--output", str(out)])
    assert "store.json: no results of a benchmark" in capsys.readouterr().err
    shutil.copy(RESULTS / "turn.json", tmp_path / "results" / "store.json")
    assert 1 == main(["guide", "--results", str(tmp_path / "results"), "--output", str(out)])
    assert "make results" in capsys.readouterr().err
    assert not out.exists()
