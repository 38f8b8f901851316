"""`warmgraph bench page`: how long the inspector takes to show something, in a real browser."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table, percentile
from warmgraph.errors import MissingDependencyError, WarmGraphError

__all__ = ["BAR_MILLISECONDS", "PAGE"]

# The most that the first paint may take from loopback, by the median.
BAR_MILLISECONDS = 300.0
WORDS = 12  # of a memory
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

_DESCRIPTION = """
Fills a file with --items memories, serves it as `warmgraph inspect --web` does, and loads the page again and again in a
headless Chromium, with an empty cache. Measured by the browser itself, from the beginning of each load: the first
paint, the first content, and when memories are on the screen. At the width of a phone and of
a desk, where it is noted whether anything is wider than the screen.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--items", type=at_least_one, default=10_000, metavar="N", help="memories of the user (default: %(default)s)"
    )
    parser.add_argument(
        "--loads", type=at_least_one, default=15, metavar="N", help="loads to time at each width (default: %(default)s)"
    )


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "memory.db"
        tell(f"writing {args.items} memories")
        _fill(file, args.items)
        timings: dict[str, dict[str, list[float]]] = {}
        wider: dict[str, int] = {}
        with _served(file) as url, _browser(Path(directory) / "profile") as driver:
            for name, width, height in (("phone", 360, 740), ("desk", 1280, 900)):
                tell(f"{args.loads} loads at {width} pixels")
                timings[name], wider[name] = _time(driver, url, width, height, args.loads)
    first = max(percentile(timing["first_paint"], 0.5) for timing in timings.values())
    rows = [
        [f"{name}, {what.replace('_', ' ')}", f"{percentile(took, 0.5):.0f}", f"{percentile(took, 0.9):.0f}"]
        for name, timing in timings.items()
        for what, took in timing.items()
    ]
    figures: dict[str, Any] = {
        **{
            f"{name}_{what}_p50_ms": percentile(took, 0.5)
            for name, timing in timings.items()
            for what, took in timing.items()
        },
        **{f"{name}_pixels_too_wide": pixels for name, pixels in wider.items()},
    }
    table = Table(["a load", "p50 ms", "p90 ms"], rows, title=f"The page over {args.items} memories")
    verdict = "within" if first <= BAR_MILLISECONDS else "above"
    conclusion = f"the first paint comes after {first:.0f} ms (p50): {verdict} the bar of {BAR_MILLISECONDS:.0f} ms."
    command = f"warmgraph bench page --items {args.items} --loads {args.loads}"
    return Report("page", {"items": args.items, "loads": args.loads, "command": command}, figures, [table], conclusion)


def _fill(file: Any, items: int) -> None:
    from random import Random

    from langgraph.store.base import PutOp

    from warmgraph.bench.words import Vocabulary
    from warmgraph.store import WarmStore

    words = Vocabulary(Random(0), 5_000)
    values = [{"kind": "Memory", "content": " ".join(words.some(WORDS)), "role": "user"} for _ in range(items)]
    with WarmStore.open(file) as store:
        for at in range(0, items, 500):
            batch = enumerate(values[at : at + 500], start=at)
            store.batch([PutOp(("memories", "ana"), str(number), value, index=["content"]) for number, value in batch])


@contextmanager
def _served(file: Any) -> Iterator[str]:
    """Serve the page from a process of its own, as the command line does."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "warmgraph.cli", "inspect", "--web", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        try:
            told = served.stdout.readline()
            if not told:
                raise WarmGraphError("the page could not be served")
            yield told.removeprefix("Open ").strip()
        finally:
            served.terminate()


@contextmanager
def _browser(profile: Any) -> Iterator[Any]:
    import shutil

    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        raise MissingDependencyError("selenium", extra="bench") from None
    chromium, chromedriver = next(filter(None, map(shutil.which, CHROMIUM)), None), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        raise WarmGraphError("there is no Chromium with its chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    quiet = ("quic", "background-networking", "component-update", "sync", "gpu", "dev-shm-usage")
    for argument in ("headless", "no-sandbox", "no-first-run", *(f"disable-{each}" for each in quiet)):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={profile}")
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        yield driver
    finally:
        driver.quit()


def _time(driver: Any, url: str, width: int, height: int, loads: int) -> tuple[dict[str, list[float]], int]:
    """Load the page so often, once before to warm up; return what the browser measured, and pixels that overhang."""
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    took: dict[str, list[float]] = {"first_paint": [], "first_content": [], "memories_shown": []}
    wider = 0
    for load in range(loads + 1):
        driver.get("about:blank")
        driver.get(url)
        found = driver.execute_async_script(
            """
            const done = arguments[0];
            const look = () => {
              const paints = performance.getEntriesByType("paint"), shown = performance.getEntriesByName("memories")[0];
              if (paints.length < 2 || !shown) { requestAnimationFrame(look); return; }
              done([...paints.map((each) => each.startTime), shown.startTime,
                document.documentElement.scrollWidth - innerWidth]);
            };
            look();
            """
        )
        if load:
            for values, value in zip(took.values(), found, strict=False):
                values.append(float(value))
        wider = max(wider, int(found[3]))
    return took, wider


PAGE = Benchmark(
    name="page",
    summary="how long the inspector takes to show something, in a real browser",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
