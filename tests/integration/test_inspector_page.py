"""The inspector in a real browser: clicked, typed into, looked at."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Page, open_browser
from tests.dev_server import DevServer
from warmgraph import WarmStore

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HOSTILE = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
ANA = ("memories", "ana")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    browser.resize(1280, 900)
    browser.prefer("light")
    yield browser
    browser.open("about:blank", ready=False)


@pytest.fixture
def url(tmp_path: Path, page: Page) -> Iterator[str]:
    """What `warmgraph inspect --web` serves, for a file with a few memories."""
    file = tmp_path / "memory.db"
    with WarmStore.open(file, index={"embed": "hashing", "fields": ["content"]}) as store:
        for number in range(60):
            store.put(ANA, f"note-{number}", {"kind": "Memory", "content": f"Note number {number} of the voyage."})
        store.put(ANA, "home", {"kind": "Memory", "content": "I live in Lisbon.", "role": "user", "trust": 1.0})
        store.put(("memories", "bea@example%2Eorg"), "1", {"content": HOSTILE})
    command = [str(Path(sys.executable).with_name("warmgraph")), "inspect", "--web", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        yield served.stdout.readline().removeprefix("Open ").strip()
        assert [] == page.errors()
        page.open("about:blank", ready=False)  # lets go of the server
        served.terminate()


def brightness(page: Page) -> list[float]:
    """Take a screenshot, and return the median of its brightness and how many pixels differ much from that."""
    found: list[float] = page.driver.execute_async_script(
        """
        const [shot, done] = arguments, picture = new Image();
        picture.onload = () => {
          const canvas = document.createElement("canvas"), { width, height } = picture;
          Object.assign(canvas, { width, height });
          const pen = canvas.getContext("2d");
          pen.drawImage(picture, 0, 0);
          const data = pen.getImageData(0, 0, canvas.width, canvas.height).data, values = [];
          for (let at = 0; at < data.length; at += 4) values.push((data[at] + data[at + 1] + data[at + 2]) / 3);
          const median = values.slice().sort((a, b) => a - b)[values.length >> 1];
          done([median, values.filter((value) => Math.abs(value - median) > 100).length]);
        };
        picture.src = "data:image/png;base64," + shot;
        """,
        page.driver.get_screenshot_as_base64(),
    )
    return found


def test_a_memory_is_found_edited_restored_and_forgotten(page: Page, url: str) -> None:
    """The whole life of a memory, by mouse and keyboard."""
    page.open(url)
    page.type("#query", "Where do I live?")
    page.click("#ask button")
    page.until_text("#outcome", "recalled in")
    page.click("#list button.memory")
    page.until_text("#detail-text", "I live in Lisbon.")
    page.until_text("#detail-facts", "trust")

    page.click("#edit")
    page.type("#detail-edit", "I live in Porto.")
    page.click("#save")
    page.until_text("#detail-text", "I live in Porto.")
    page.until_text("#detail-history", "I live in Lisbon.")
    page.until_text("#list", "I live in Porto.")

    page.click("#undo")
    page.until_text("#detail-text", "I live in Lisbon.")
    page.until_text("#detail-history", "I live in Porto.")

    page.click("#forget")
    page.click("#really")
    page.until("return !document.querySelector('#detail').open")
    page.until_text("#toast", "Forgotten")
    page.until("return !document.querySelector('#list').textContent.includes('I live in')")


def test_a_cancelled_edit_changes_nothing(page: Page, url: str) -> None:
    """What was typed is gone, and the memory says what it said."""
    page.open(url)
    page.click("#list button.memory")
    page.until_text("#detail-text", "I live in Lisbon.")
    page.click("#edit")
    page.type("#detail-edit", "I live in Porto.")
    page.click("#cancel")
    assert ["I live in Lisbon."] == page.texts("#detail-text")


def test_pages_follow_each_other(page: Page, url: str) -> None:
    """Fifty memories first, and the rest when asked for."""
    page.open(url)
    page.until_text("#count", "50 of 61")
    page.click("#more")
    page.until_text("#count", "61 of 61")
    assert len(page.texts("#list > li")) == len(set(page.texts("#list > li"))) == 61


def test_what_a_memory_says_is_never_run(page: Page, url: str) -> None:
    """Markup in a memory is shown as it was written, and the page's policy would stop it besides."""
    page.open(url)
    page.click("#spaces button:nth-child(2)")
    page.until_text("#list", HOSTILE)
    page.click("#list button.memory")
    page.until_text("#detail-text", HOSTILE)
    assert "warmgraph inspector" == page.driver.title
    assert not page.texts("#detail img, #list img, #list script")


def test_a_phone_shows_every_view_without_scrolling_sideways(page: Page, url: str) -> None:
    """At 360 pixels nothing is wider than the screen, and the namespace can be chosen."""
    page.resize(360, 740)
    page.open(url)
    wide = "return document.documentElement.scrollWidth"
    assert 360 == page.driver.execute_script(wide)
    assert page.find("#chosen").is_displayed()
    for view in ("live", "space", "memories"):
        page.click(f"[data-view={view}]")
        page.until(f"return !document.querySelector('#view-{view}').hidden")
        if view == "space":
            page.until_text("#map-key", "memory")
        assert 360 == page.driver.execute_script(wide), view
    page.click("#list button.memory")
    page.until("return document.querySelector('#detail').open")
    box = page.find("#detail").rect
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


def test_the_page_is_dark_for_who_prefers_dark(page: Page, url: str) -> None:
    """Paper and text change places."""
    page.open(url)
    paper, ink = brightness(page)
    page.prefer("dark")
    dark_paper, dark_ink = brightness(page)
    assert paper > 230
    assert dark_paper < 50
    assert min(ink, dark_ink) > 2_000  # pixels of text that stand out


def test_the_map_shows_memories_and_a_question(page: Page, url: str) -> None:
    """Points are drawn, a question has its place, and a point opens its memory."""
    page.open(url)
    page.click("[data-view=space]")
    page.until_text("#map-about", "61 memories")
    page.type("#map-query", "Where do I live?")
    page.click("#locate button")
    page.until_text("#map-key", "the question")
    drawn = (
        "const c = document.querySelector('#map'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
    )
    assert page.driver.execute_script(f"{drawn}.some((value) => value > 0)")
    x, y, _ = page.driver.execute_script("return state.spots[0]")
    page.driver.execute_script(
        "const box = document.querySelector('#map').getBoundingClientRect();"
        "document.querySelector('#map').dispatchEvent(new MouseEvent('click',"
        " { clientX: box.x + arguments[0], clientY: box.y + arguments[1], bubbles: true }))",
        x,
        y,
    )
    page.until("return document.querySelector('#detail').open")


def test_without_the_token_there_is_nothing_to_see(page: Page, url: str) -> None:
    """The address without its token asks for one; a wrong one is refused."""
    page.open(url.partition("#")[0], ready=False)  # of another port than the page before: nothing is kept for it
    page.until("return !document.querySelector('#gate').hidden")
    page.type("#credential", "not the token")
    page.click("#gate button")
    page.until_text("#gate-error", "not known")
    page.type("#credential", url.partition("#token=")[2])
    page.click("#gate button")
    page.until_text("#list", "I live in Lisbon.")
    assert all("401" in error for error in page.errors())  # the browser notes what was refused


@pytest.mark.server
def test_a_deployment_shows_callers_their_own_and_what_happens_live(page: Page, tmp_path: Path) -> None:
    """By API key: one's own memories and receipts as they come, nothing of anybody else."""
    keys = {"WARMGRAPH_API_KEYS": "ana=ana-key-0123456789,bea=bea-key-0123456789"}
    with DevServer(tmp_path / "project", environment=keys) as server:
        with server.client({"x-api-key": "bea-key-0123456789"}) as bea:
            bea.store.put_item(["memories", "bea"], "1", {"content": "My safe opens with heliotrope."})
        with server.client({"x-api-key": "ana-key-0123456789"}) as ana:
            told: Any = {"messages": [{"role": "user", "content": "I live in Lisbon."}]}
            ana.runs.wait(None, "memory_agent", input=told)
            page.open(f"{server.url}/inspector", ready=False)
            page.driver.execute_script("sessionStorage.clear()")
            page.open(f"{server.url}/inspector", ready=False)
            page.type("#credential", "ana-key-0123456789")
            page.click("#gate button")
            page.until_text("#list", "I live in Lisbon.")
            assert ["ana"] == page.texts("#who")
            page.click("[data-view=live]")
            page.until_text("#stream-state", "live")
            page.until_text("#receipts", "remember")
            before = len(page.texts("#receipts li"))
            ana.runs.wait(None, "recall", input=told)
            page.until(f"return document.querySelectorAll('#receipts li').length > {before}")
            page.until_text("#receipts", "recalled")
            page.until_text("#tiles", "hit rate")
            assert "bea" not in page.driver.page_source
            assert "heliotrope" not in page.driver.page_source
            assert [] == [error for error in page.errors() if "401" not in error]  # before it was known who asks
            page.open("about:blank", ready=False)
    assert "BlockingError" not in server.log
