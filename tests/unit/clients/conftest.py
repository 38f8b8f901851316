"""A server that answers as a model does that was asked for a block."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import openai  # noqa: TID253 (the client is what is tested)
import pytest
from langgraph.store.memory import InMemoryStore

from tests.openai_server import OpenAIServer, Reply


def last_user_text(body: dict[str, Any]) -> str:
    """Return the text of the last message of the user, as the server got it."""
    content = [message["content"] for message in body["messages"] if message["role"] == "user"][-1]
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def tags_in(text: str) -> tuple[str, str]:
    """Return the tags that a model was asked to use."""
    nonces = re.findall(r"<memory-(\w+)>", text)
    return (f"<memory-{nonces[-1]}>", f"</memory-{nonces[-1]}>") if nonces else ("", "")


def answering(template: str) -> Callable[[dict[str, Any]], Reply]:
    """Answer with a text in which OPEN and CLOSE stand for this call's tags."""

    def respond(body: dict[str, Any]) -> Reply:
        opening, closing = tags_in(last_user_text(body))
        return Reply(template.replace("OPEN", opening).replace("CLOSE", closing))

    return respond


def block(*facts: str) -> str:
    """Write a block with facts."""
    return f"OPEN{json.dumps([{'content': fact, 'category': 'fact'} for fact in facts])}CLOSE"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """Return a server that speaks OpenAI's protocol."""
    with OpenAIServer() as started:
        yield started


@pytest.fixture
def client(server: OpenAIServer) -> Iterator[openai.OpenAI]:
    """Return OpenAI's own client of it."""
    with openai.OpenAI(api_key=server.api_key, base_url=server.url, max_retries=0) as made:
        yield made


@pytest.fixture
def store() -> InMemoryStore:
    """Return a store that is not ours."""
    return InMemoryStore()
