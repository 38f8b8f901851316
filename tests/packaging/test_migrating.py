"""The page for those who come from another memory: each pair of it is run, the other half where it is installed."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.knowledge_models import calls
from tests.openai_server import OpenAIServer
from tests.postgres_server import database_uri, postgres_server
from warmgraph.testing import ScriptedChatModel

__all__ = ["database_uri", "postgres_server"]

PAGE = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")
# What has to be there for the other half, by section; the first that is not is named.
PEERS = {
    "LangMem": ["langmem"],
    "WarmMemory": ["warm_memory"],
    "Headroom": ["headroom"],
    "routing-memory": ["rm"],
    "LangGraph's stores": [],
}
# What the model answers, where it matters.
LIVES = calls(("Memory", {"content": "Lives in Lisbon."}))
REPLIES: dict[str, list[Any]] = {
    "Extract memories from a conversation": [LIVES],
    "Keep them in a store": [LIVES],
    "Reflect in the background": [LIVES],
    "Summarize what is too long": ["They greeted."],
    "Let a prompt learn": [calls(("OptimizedPrompt", {"change_needed": True, "prompt": "Be brief."}))],
}
# Where the other system asks for it otherwise.
OTHER_REPLIES: dict[str, list[Any]] = {
    "Let a prompt learn": [calls(("GeneralResponse", {"logic": "", "update_prompt": True, "new_prompt": "Be brief."}))],
}


class Pair(NamedTuple):
    """What somebody had, and what they write now."""

    section: str
    title: str
    before: str
    now: str


def pairs() -> Iterator[Pair]:
    """Read the pairs off the page."""
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        for part in re.split(r"^### ", section, flags=re.MULTILINE)[1:]:
            blocks = dict(re.findall(r"^```python\n# (before|now)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL))
            yield Pair(section.partition("\n")[0], part.partition("\n")[0], blocks.get("before", ""), blocks["now"])


PAIRS = list(pairs())
SHARED = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]


def name(pair: Pair) -> str:
    """Return a name for a test."""
    return f"{pair.section}: {pair.title}"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, with a server that OpenAI's clients find by themselves."""
    monkeypatch.chdir(tmp_path)
    with OpenAIServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", server.api_key)
        yield


class Embedder:
    """Vectors of texts as routing-memory asks for them: equal ones for equal texts."""

    dim = 16

    def encode(self, text: str) -> Any:
        """Embed a text."""
        seed = int.from_bytes(sha256(text.encode()).digest()[:4], "big")
        vector = np.random.default_rng(seed).normal(size=self.dim).astype(np.float32)
        return vector / np.linalg.norm(vector)

    def encode_batch(self, texts: list[str]) -> Any:
        """Embed texts."""
        return np.stack([self.encode(text) for text in texts])


def execute(pair: Pair, code: str, script: list[Any], request: pytest.FixtureRequest) -> None:
    """Run one half after what all share."""
    known: dict[str, Any] = {"model": ScriptedChatModel(script=script * 20), "embedder": Embedder()}
    if "database_uri" in code:
        known["database_uri"] = request.getfixturevalue("database_uri")
    exec(compile(SHARED + code, f"docs/migrating.md: {pair.title}", "exec"), known)


def test_every_system_has_its_section() -> None:
    """Each of those that are promised, with pairs below it."""
    assert list(PEERS) == list(dict.fromkeys(pair.section for pair in PAIRS))


@pytest.mark.parametrize("pair", PAIRS, ids=name)
def test_the_line_that_is_written_now_runs(pair: Pair, request: pytest.FixtureRequest) -> None:
    """What the page says about it is asserted there."""
    execute(pair, pair.now, REPLIES.get(pair.title, ["Hello."]), request)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.before], ids=name)
@pytest.mark.filterwarnings("ignore")  # of other packages
def test_the_line_that_was_had_ran(pair: Pair, request: pytest.FixtureRequest) -> None:
    """Where the other package is installed it does what the page says."""
    for package in PEERS[pair.section]:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    script = OTHER_REPLIES.get(pair.title) or REPLIES.get(pair.title, ["Hello."])
    execute(pair, pair.before, script, request)
