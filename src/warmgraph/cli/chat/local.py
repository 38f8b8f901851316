"""A chat with an agent that runs in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from warmgraph.cli.arguments import check_database
from warmgraph.cli.chat.sessions import Event, Memory, memory_of
from warmgraph.cli.failures import explain
from warmgraph.models import create_chat_model, default_model
from warmgraph.nodes import DEFAULT_NAMESPACE
from warmgraph.prebuilt import MemoryContext, create_memory_agent
from warmgraph.server import default_index, default_path
from warmgraph.store import MemoryRecord, NamespaceTemplate, WarmStore

__all__ = ["LocalSession"]

# A thread that is taken up again gets this many of its messages back.
LONGEST_THREAD = 1_000


class LocalSession:
    """The memory agent on one SQLite file.

    Threads are not kept, memories are: a thread that is named again gets its messages back from memory.

    Args:
        db: The file; by default that of the server.
        user: Whose memories to use.
        thread: The thread to go on with; `None` for a new one.
        model: Name of the chat model; `None` for the default one.

    Raises:
        InvalidArgumentError: The model or the user is unusable.
        CommandError: There is no such file, and none can be made there; or it may not be read or written.
        StoreUnavailableError, StoreCorruptError, StoreVersionError: The file cannot be used.
    """

    def __init__(self, db: Path | None, *, user: str, thread: str | None = None, model: str | None = None) -> None:
        self.user = user
        self._namespace = NamespaceTemplate(DEFAULT_NAMESPACE).resolve({"user_id": user})
        chat_model = create_chat_model(model)
        option, db = ("WARMGRAPH_DB", default_path()) if db is None else ("--db", db)
        check_database(db, option)
        self.about: str = f"model {model or default_model()}, memories in {db}"
        self._store = WarmStore.open(db, index=default_index())
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        try:
            self._agent = create_memory_agent(chat_model, store=self._store, checkpointer=InMemorySaver())
            self.thread: str = thread or str(uuid4())
            if thread is not None:
                self._take_up(thread)
        except BaseException:
            self.close()
            raise

    def say(self, text: str) -> Iterator[Event]:
        """Send a message; yield the answer piece by piece, and what memory tells about itself."""
        # On an event loop, although nothing else happens meanwhile: there Ctrl-C cancels a request that hangs. A sync
        # graph would wait for it to end.
        stream = self._agent.astream(
            {"messages": [HumanMessage(text)]},
            self._config(),
            context=MemoryContext(user_id=self.user),
            stream_mode=["messages", "custom"],
        )
        steps = aiter(stream)
        try:
            while True:
                mode, payload = cast(tuple[str, Any], self._runner.run(_next(steps)))
                if mode == "custom":
                    yield payload
                    continue
                message, _ = payload
                if isinstance(message, AIMessage) and message.text:
                    yield message.text
        except StopAsyncIteration:
            return
        finally:
            self._runner.run(_close(stream))

    def new_thread(self) -> None:
        """Begin a new thread."""
        self.thread = str(uuid4())

    def memories(self, query: str, limit: int) -> Sequence[Memory]:
        """Return what is remembered: the best for a query, or the newest without one."""
        if query:
            found = self._store.recall_long_term(self._namespace, query, limit=limit).items
        else:
            found = self._store.search(self._namespace, limit=limit)
        return [memory_of(item.value) for item in found]

    def explain(self, error: Exception) -> str:
        """Say in one line why a call above failed."""
        return explain(error)

    def close(self) -> None:
        """Close the file."""
        self._runner.close()
        self._store.close()

    def _config(self) -> RunnableConfig:
        return {"configurable": {"thread_id": self.thread}}

    def _take_up(self, thread: str) -> None:
        said = self._store.search(self._namespace, filter={"thread_id": thread}, limit=LONGEST_THREAD)
        records = sorted((MemoryRecord.from_value(item.value) for item in said), key=lambda each: each.position or 0)
        messages: list[AnyMessage] = [
            AIMessage(record.text, id=record.message_id)
            if record.role == "assistant"
            else HumanMessage(record.text, id=record.message_id)
            for record in records
        ]
        if messages:
            self._agent.update_state(self._config(), {"messages": messages}, as_node="remember")


async def _next(stream: AsyncIterator[Any]) -> Any:
    return await anext(stream)


async def _close(stream: AsyncIterator[Any]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()
