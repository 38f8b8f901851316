"""A chat with an agent on a LangGraph server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from warmgraph.cli.chat.sessions import Event, Memory, memory_of
from warmgraph.cli.failures import CommandError, explain, explain_name
from warmgraph.errors import MissingDependencyError
from warmgraph.store.namespaces import NamespaceTemplate

if TYPE_CHECKING:
    from langgraph_sdk.client import SyncLangGraphClient

__all__ = ["RemoteSession"]


class RemoteSession:
    """The memory agent on a server; threads and memories are the server's.

    Args:
        url: Address of the server.
        user: Whose memories to use.
        thread: The thread to go on with, a UUID; `None` for a new one.
        assistant: The graph on that server, by name, or an assistant by its id.

    Raises:
        CommandError: No such server, graph or thread.
        MissingDependencyError: `langgraph_sdk` is not installed.
    """

    def __init__(self, url: str, *, user: str, thread: str | None = None, assistant: str = "memory_agent") -> None:
        self.user = user
        self.about: str = f"{assistant} at {url}"
        self._who = f"the server at {url}"
        self._assistant = assistant
        self._namespace = NamespaceTemplate().resolve({"user_id": user})
        connect = _sdk()
        self._check_server(url)
        self._client = connect(url=url)
        try:
            self._check_assistant()
            if thread is None:
                self.new_thread()
            else:
                self.thread: str = thread
                self._client.threads.create(thread_id=thread, if_exists="do_nothing")
        except Exception as error:
            self.close()
            raise CommandError(self.explain(error)) from error

    def say(self, text: str) -> Iterator[Event]:
        """Send a message; yield the answer piece by piece, and what memory tells about itself."""
        asked: dict[str, Any] = {"messages": [{"role": "user", "content": text}]}
        stream = self._client.runs.stream(
            self.thread,
            self._assistant,
            input=asked,
            context={"user_id": self.user},
            stream_mode=["messages-tuple", "custom"],
        )
        for part in stream:
            data: Any = part.data
            if part.event == "custom":
                yield data
            elif part.event == "messages":
                yield from _pieces(data[0])
            elif part.event == "error":
                raise CommandError(_server_error(data))

    def new_thread(self) -> None:
        """Begin a new thread on the server."""
        self.thread = self._client.threads.create()["thread_id"]

    def memories(self, query: str, limit: int) -> Sequence[Memory]:
        """Return what is remembered: the best for a query, or the newest without one."""
        found = self._client.store.search_items(self._namespace, query=query or None, limit=limit)
        return [memory_of(item["value"]) for item in found["items"]]

    def explain(self, error: Exception) -> str:
        """Say in one line why a call above failed."""
        return explain(error, self._who, key="LANGGRAPH_API_KEY")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _check_server(self, url: str) -> None:
        """Ask for a sign of life; the client itself would try for seven seconds before it gives up."""
        import httpx

        try:
            alive = httpx.get(f"{url.rstrip('/')}/ok")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise CommandError(f"--url: {url} is no address; write it like http://127.0.0.1:2024") from error
        except httpx.TransportError as error:
            raise CommandError(f"{self.explain(error)}. `make run` starts one; without --url none is needed") from error
        if alive.status_code != httpx.codes.OK:
            raise CommandError(f"{self._who} is no LangGraph server: it answers {alive.status_code} to /ok")

    def _check_assistant(self) -> None:
        """Fail now, and not with the first message. A graph is named; an assistant of it has a UUID."""
        if _is_uuid(self._assistant):
            self._client.assistants.get(self._assistant)
        else:
            self._client.assistants.search(graph_id=self._assistant, limit=1)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _sdk() -> Callable[..., SyncLangGraphClient]:
    try:
        from langgraph_sdk import get_sync_client
    except ImportError as error:
        raise MissingDependencyError("langgraph_sdk", extra="server") from error
    return get_sync_client


def _pieces(message: Mapping[str, Any]) -> Iterator[str]:
    if message.get("type") not in ("AIMessageChunk", "ai"):
        return
    content = message.get("content") or ""
    parts = [content] if isinstance(content, str) else content
    for part in parts:
        text = part if isinstance(part, str) else part.get("text", "") if part.get("type") == "text" else ""
        if text:
            yield text


def _server_error(data: Any) -> str:
    if not isinstance(data, Mapping):
        return f"the server reports: {data}"
    name, message = str(data.get("error", "an error")), str(data.get("message", ""))
    # The message is often "An internal error occurred": servers keep to themselves what may hold a secret.
    known = explain_name(name)
    return f"{known} (the server reports {name})" if known else f"the server reports {name}: {message}".rstrip(": ")
