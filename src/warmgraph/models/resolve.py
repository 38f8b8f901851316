"""From a name, or from the environment, to a chat model."""

from __future__ import annotations

import os

from langchain_core.language_models.chat_models import BaseChatModel

from warmgraph.errors import InvalidArgumentError, MissingDependencyError
from warmgraph.models.offline import OfflineChatModel

__all__ = ["DEFAULT_OPENAI_MODEL", "create_chat_model", "default_model"]

DEFAULT_OPENAI_MODEL = "gpt-5-mini"

_EXPECTED = "'offline', 'openai:NAME', 'provider:model' or a BaseChatModel"


def default_model() -> str:
    """Name the chat model that is used when nobody chose one.

    Returns:
        `WARMGRAPH_MODEL` from the environment, else OpenAI's default when `OPENAI_API_KEY` is set, else "offline".
        An empty variable counts as not set.
    """
    chosen = os.environ.get("WARMGRAPH_MODEL", "").strip()
    if chosen:
        return chosen
    return f"openai:{DEFAULT_OPENAI_MODEL}" if os.environ.get("OPENAI_API_KEY") else "offline"


def create_chat_model(
    model: str | BaseChatModel | None = None, *, timeout: float = 120.0, max_retries: int = 2
) -> BaseChatModel:
    """Make a chat model.

    Args:
        model: One of

            - None or "": what `default_model` names;
            - "offline": the deterministic `OfflineChatModel`;
            - "openai" or "openai:NAME": through langchain-openai; the key and the address come from
              `OPENAI_API_KEY` and `OPENAI_BASE_URL`. Safe on several event loops at once;
            - "provider:model": through langchain's `init_chat_model`;
            - a `BaseChatModel`, which is returned as it is.
        timeout: Seconds without a byte after which a request to OpenAI fails.
        max_retries: How often a request to OpenAI is repeated after a timeout, a 429 or a server error.

    Raises:
        InvalidArgumentError: The name is unknown, or the provider cannot be set up (a missing key, say).
        MissingDependencyError: The provider's package is not installed.

    Example:
        >>> create_chat_model("offline").invoke("I live in Lisbon.").text
        'Noted: "I live in Lisbon."'
    """
    if isinstance(model, BaseChatModel):
        return model
    if model is not None and not isinstance(model, str):
        raise InvalidArgumentError("model", expected=_EXPECTED, got=model)
    name = (model or "").strip() or default_model()
    provider, _, rest = name.partition(":")
    if name == "offline":
        return OfflineChatModel()
    if name == "openai" or (provider == "openai" and rest):
        return _openai(name, rest or DEFAULT_OPENAI_MODEL, timeout, max_retries)
    if not provider or not rest:
        raise InvalidArgumentError("model", expected=_EXPECTED, got=name)
    return _from_langchain(name)


def _openai(name: str, model: str, timeout: float, max_retries: int) -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    from warmgraph.models.openai_client import PerLoopClient

    if not os.environ.get("OPENAI_API_KEY"):
        raise InvalidArgumentError("OPENAI_API_KEY", expected=f"a key in the environment, for {name!r}", got=None)
    address = os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL")
    return ChatOpenAI(
        model=model,
        base_url=address or "https://api.openai.com/v1",  # explicit: an empty variable would be taken for an address
        stream_usage=not address,  # other servers often refuse to be asked for it
        timeout=timeout,
        max_retries=max_retries,
        http_async_client=PerLoopClient(timeout=timeout),
    )


def _from_langchain(name: str) -> BaseChatModel:
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise MissingDependencyError("langchain", extra="langchain") from error
    try:
        model = init_chat_model(name)
    except ImportError as error:
        missing = MissingDependencyError(name.partition(":")[0], extra="langchain")
        missing.msg = str(error)  # it names the package of the provider, which no extra of ours brings
        raise missing from error
    except Exception as error:
        raise InvalidArgumentError("model", expected=f"{_EXPECTED} ({error})", got=name) from error
    if not isinstance(model, BaseChatModel):
        raise InvalidArgumentError("model", expected=_EXPECTED, got=name)
    return model
