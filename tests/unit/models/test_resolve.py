"""Names of chat models."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from warmgraph.errors import InvalidArgumentError, MissingDependencyError
from warmgraph.models import OfflineChatModel, create_chat_model, default_model
from warmgraph.testing import ScriptedChatModel


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment that names no model and no key."""
    for name in ("WARMGRAPH_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "offline"),
        ({"OPENAI_API_KEY": ""}, "offline"),
        ({"OPENAI_API_KEY": "sk-x"}, "openai:gpt-5-mini"),
        ({"OPENAI_API_KEY": "sk-x", "WARMGRAPH_MODEL": "offline"}, "offline"),
        ({"WARMGRAPH_MODEL": " "}, "offline"),
        ({"WARMGRAPH_MODEL": "anthropic:claude"}, "anthropic:claude"),
    ],
)
def test_default_model(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    """The chosen one, else OpenAI's with a key, else the one that needs nothing; empty is not set."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert expected == default_model()


@pytest.mark.parametrize("model", [None, "", " ", "offline"])
def test_offline(model: str | None) -> None:
    """Without a choice and without a key the offline model answers."""
    assert isinstance(create_chat_model(model), OfflineChatModel)


def test_a_model_is_returned_as_it_is() -> None:
    """A chat model that was made elsewhere is not touched."""
    model = ScriptedChatModel(script=["hi"])
    assert model is create_chat_model(model)


@pytest.mark.parametrize("model", ["ofline", "gpt-5", ":", "openai:", ":gpt-5", 7, ["offline"]])
def test_unknown_names(model: Any) -> None:
    """A slip of the pen is an error that lists the names there are."""
    with pytest.raises(InvalidArgumentError, match="'offline', 'openai:NAME'"):
        create_chat_model(model)


def test_unknown_provider() -> None:
    """A provider that langchain does not know is refused with langchain's reason."""
    pytest.importorskip("langchain")
    with pytest.raises(InvalidArgumentError, match="nobody"):
        create_chat_model("nobody:model")


@pytest.mark.parametrize("model", ["openai", "openai:gpt-5"])
def test_openai_without_a_key(model: str) -> None:
    """A missing key is said before the first message is sent."""
    with pytest.raises(InvalidArgumentError, match=f"OPENAI_API_KEY.*{model}"):
        create_chat_model(model)


def test_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, limits and address reach the client; "openai" alone means the default model."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    model: Any = create_chat_model("openai:gpt-5", timeout=3.0, max_retries=1)
    assert ("gpt-5", 3.0, 1) == (model.model_name, model.request_timeout, model.max_retries)
    assert "http://127.0.0.1:9/v1" == model.openai_api_base
    assert "gpt-5-mini" == getattr(create_chat_model("openai"), "model_name", None)


def test_a_provider_whose_package_is_missing() -> None:
    """The error names the package to install, and is an ImportError too."""
    pytest.importorskip("langchain")
    with pytest.raises(MissingDependencyError, match="pip install langchain-groq") as caught:
        create_chat_model("groq:llama")
    assert isinstance(caught.value, ImportError)


def test_without_langchain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other providers need langchain, which is an extra; the error names it."""
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(MissingDependencyError, match=re.escape("pip install 'warmgraph[langchain]'")):
        create_chat_model("groq:llama")
