"""`with_fast_memory` and `with_memory`: one line, and a client remembers."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langgraph.store.base import BaseStore, IndexConfig

from warmgraph.clients.afterwards import AsyncExtraction, BackgroundExtraction, Executor, InlineExtraction, Prompt
from warmgraph.clients.chat_model import MemoryChatModel
from warmgraph.clients.memory import ClientMemory
from warmgraph.clients.openai_shape import AsyncMemoryClient, MemoryClient
from warmgraph.errors import InvalidArgumentError, MissingDependencyError
from warmgraph.store import NamespaceTemplate, WarmStore

__all__ = ["DEFAULT_DB_PATH", "with_fast_memory", "with_memory"]

DEFAULT_DB_PATH = "warmgraph_memory.db"
DEFAULT_LOCAL_MODEL = "all-MiniLM-L6-v2"
DEFAULT_NAMESPACE = ("memories", "{user_id}")

_EXPECTED = "a client with `chat.completions.create`, or a LangChain chat model"


def with_fast_memory(
    client: Any,
    user_id: str,
    db_path: str | os.PathLike[str] | None = None,
    top_k: int = 5,
    use_local_embeddings: bool = False,
    embedding_model: str | None = None,
    *,
    store: BaseStore | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
) -> Any:
    """Give a client memory, without a second call of the model.

    Before each call the memories that match the user's message are put before it, in a copy. The model is asked to
    append what is worth remembering to its answer, in a block that goes by a nonce of this call; it is taken out of the
    answer, streamed or not, and remembered. Whatever fails in memory, the answer arrives; failures are logged, and
    counted in `memory.stats()`.

    Args:
        client: `openai.OpenAI`, `openai.AsyncOpenAI`, any client of that shape, or a LangChain chat model.
        user_id: Whose memories. No other user's are ever read or written.
        db_path: The file they are kept in, `"warmgraph_memory.db"` by default; ":memory:" for none. It is opened at
            once, which reads the disk.
        top_k: How many memories are put before a message at most.
        use_local_embeddings: Whether to rank by meaning too, with a model on this machine (`warmgraph[local]`). By
            default memories are ranked by their words.
        embedding_model: Name of that model.
        store: A store to use instead of a file; it stays open when the client is closed.
        namespace: Template of the namespace in the store.

    Returns:
        The client with memory, which is used as it was, and has `memory`: `search`, `add`, `get_all`, `clear`, `stats`.

    Raises:
        InvalidArgumentError: `client` is nothing of that kind, `user_id` is empty, or a file and a store are given.
        MissingDependencyError: `use_local_embeddings` without the extra.

    Example:
        >>> from warmgraph.testing import ScriptedChatModel
        >>> model = with_fast_memory(ScriptedChatModel(script=["Hello Ana."]), user_id="ana", db_path=":memory:")
        >>> _ = model.memory.add("Her name is Ana.")
        >>> model.invoke("Hello, what is my name?").content
        'Hello Ana.'
        >>> "Her name is Ana." in model.inner.prompts[0][-1].content
        True
        >>> model.memory.close()
    """
    kind = _kind_of(client)
    memory = _memory(user_id, db_path, top_k, use_local_embeddings, embedding_model, store, namespace)
    return _wrapped(kind, client, memory, InlineExtraction(memory), inline=True)


def with_memory(
    client: Any,
    user_id: str,
    db_path: str | os.PathLike[str] | None = None,
    top_k: int = 5,
    use_local_embeddings: bool = False,
    embedding_model: str | None = None,
    *,
    store: BaseStore | None = None,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    model: str | None = None,
    executor: Executor | None = None,
) -> Any:
    """Give a client memory, with a second call in the background that extracts what is worth remembering.

    The model answers as it always did, and the answer does not wait. `memory.flush()`, or `await memory.aflush()`,
    waits for extractions that are under way. They go over a `ReflectionExecutor`: beside a file of memories lies their
    queue, so a turn whose extraction a crash prevented is extracted when the same user's client is made again; a model
    that fails is asked three times.

    Args:
        client: As in `with_fast_memory`, like all but the last two.
        user_id: Whose memories.
        db_path: The file they are kept in.
        top_k: How many memories are put before a message at most.
        use_local_embeddings: Whether to rank by meaning too.
        embedding_model: Name of that model.
        store: A store to use instead of a file.
        namespace: Template of the namespace in the store.
        model: Name of the model that extracts; that of the call by default. Not for LangChain chat models.
        executor: Runs extractions, instead of that queue. Those of an async client are tasks of its event loop.

    Returns:
        The client with memory.

    Raises:
        InvalidArgumentError, MissingDependencyError: As in `with_fast_memory`.

    Example:
        >>> from warmgraph.testing import ScriptedChatModel
        >>> model = ScriptedChatModel(script=["Noted.", '[{"content": "Ana lives in Lisbon."}]'])
        >>> model = with_memory(model, user_id="ana", db_path=":memory:")
        >>> model.invoke("I'm Ana, I live in Lisbon.").content, model.memory.flush()
        ('Noted.', True)
        >>> [found.text for found in model.memory.get_all()]
        ['Ana lives in Lisbon.']
        >>> model.memory.close()
    """
    kind = _kind_of(client)
    if model is not None and kind is MemoryChatModel:
        raise InvalidArgumentError("model", expected="nothing, where the client is a chat model", got=model)
    if executor is not None and kind is AsyncMemoryClient:
        raise InvalidArgumentError("executor", expected="nothing, where the client is async", got=executor)
    memory = _memory(user_id, db_path, top_k, use_local_embeddings, embedding_model, store, namespace)

    def ask(prompt: Prompt, answered: Any) -> str:
        return _answer(client.chat.completions.create(model=model or answered, messages=prompt))

    async def aask(prompt: Prompt, answered: Any) -> str:
        return _answer(await client.chat.completions.create(model=model or answered, messages=prompt))

    def ask_chat_model(prompt: Prompt, answered: Any) -> str:
        return str(client.invoke(prompt, {"callbacks": []}).text)

    if kind is AsyncMemoryClient:
        return _wrapped(kind, client, memory, AsyncExtraction(memory, aask), inline=False)
    asks = ask_chat_model if kind is MemoryChatModel else ask
    if executor is not None:
        return _wrapped(kind, client, memory, BackgroundExtraction(memory, asks, executor), inline=False)
    from warmgraph.clients.queued import QueuedExtraction  # what it needs is half of the package

    try:
        queued = QueuedExtraction(memory, asks, NamespaceTemplate(namespace), user_id, at_once=store is None)
    except BaseException:
        memory.close()
        raise
    return _wrapped(kind, client, memory, queued, inline=False)


def _kind_of(client: Any) -> type[Any]:
    if isinstance(client, BaseChatModel):
        return MemoryChatModel
    create = getattr(getattr(getattr(client, "chat", None), "completions", None), "create", None)
    if not callable(create):
        raise InvalidArgumentError("client", expected=_EXPECTED, got=client)
    return AsyncMemoryClient if inspect.iscoroutinefunction(inspect.unwrap(create)) else MemoryClient


def _wrapped(kind: type[Any], client: Any, memory: ClientMemory, afterwards: Any, *, inline: bool) -> Any:
    if kind is MemoryChatModel:
        return MemoryChatModel(inner=client, memory=memory, afterwards=afterwards, inline=inline)
    return kind(client, memory, afterwards, inline=inline)


def _memory(
    user_id: str,
    db_path: str | os.PathLike[str] | None,
    top_k: int,
    local: bool,
    embedding_model: str | None,
    store: BaseStore | None,
    namespace: str | Sequence[str],
) -> ClientMemory:
    place = NamespaceTemplate(namespace).resolve({"user_id": user_id})
    if store is not None:
        if db_path is not None or local:
            raise InvalidArgumentError("store", expected="a store, or a file and embeddings, not both", got=store)
        return ClientMemory(store, place, top_k=top_k)
    index = _local_index(embedding_model or DEFAULT_LOCAL_MODEL) if local else None
    opened = WarmStore.open(DEFAULT_DB_PATH if db_path is None else db_path, index=index)
    try:
        memory = ClientMemory(opened, place, top_k=top_k)
    except BaseException:
        opened.close()
        raise
    memory.at_close(opened.close)
    return memory


def _local_index(name: str) -> IndexConfig:
    if importlib.util.find_spec("sentence_transformers") is None:
        raise MissingDependencyError("sentence-transformers", extra="local")
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(name)
    return {"embed": model.encode, "dims": model.get_sentence_embedding_dimension(), "fields": ["content"]}


def _answer(completion: Any) -> str:
    return str(completion.choices[0].message.content or "")
