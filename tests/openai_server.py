"""A real HTTP server on the loopback interface that speaks OpenAI's protocol, for tests.

It serves `/v1/chat/completions` (streaming and not, tool calls, usage) and `/v1/embeddings`, keeps connections
alive, records what it was asked, and can be told to misbehave: a wrong key, a rate limit, an answer that never
comes, a stream that breaks off.

Example:
    >>> import json, urllib.request
    >>> with OpenAIServer() as server:
    ...     server.reply_with("Lisbon.")
    ...     body = json.dumps({"model": "any", "messages": [{"role": "user", "content": "Where do I live?"}]})
    ...     request = urllib.request.Request(f"{server.url}/chat/completions", body.encode(), server.headers)
    ...     with urllib.request.urlopen(request) as response:
    ...         answer = json.load(response)
    >>> answer["choices"][0]["message"]["content"]
    'Lisbon.'
    >>> server.requests[0].body["messages"][0]["content"]
    'Where do I live?'
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

__all__ = ["Fault", "OpenAIServer", "RecordedRequest", "Reply", "ToolCall"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call in a reply."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers to one chat request. Streamed word by word when the client asks for a stream."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a request can go wrong.

    Args:
        kind: "error" answers with `status`; "hang" never answers (until the server closes); "drop" breaks the
            connection off after `tokens` words of the answer (after the headers, for an answer without a stream);
            "cut" ends a stream in good order after `tokens` words, but without a finish reason or `[DONE]`.
        status: HTTP status of an "error".
        code: OpenAI's error code, such as "rate_limit_exceeded".
        retry_after_ms: Sent as `retry-after-ms`, so that a client that honours it does not make a test wait.
        tokens: Words sent before a "drop" or a "cut".
    """

    kind: Literal["error", "hang", "drop", "cut"]
    status: int = 500
    code: str = "server_error"
    retry_after_ms: int | None = None
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it arrived: path below `/v1`, headers in lower case, decoded JSON."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class OpenAIServer:
    """An OpenAI-compatible server on 127.0.0.1, on a free port, for as long as its `with` block lasts.

    Args:
        api_key: The only key it accepts; any other is answered with 401.
        dims: Dimensions of the embeddings. They are deterministic: the same text gives the same unit vector.
        accepts_tokens: Whether `/v1/embeddings` takes token ids instead of text, as only OpenAI itself does.
        responder: Makes the reply to a request body when no reply is queued. By default it repeats the last
            user message.
    """

    api_key: str = "sk-local-test"
    dims: int = 8
    accepts_tokens: bool = False
    responder: Callable[[dict[str, Any]], Reply] = field(default=lambda body: Reply(f"You said: {_last_user(body)}"))
    requests: list[RecordedRequest] = field(default_factory=list, init=False)
    _replies: deque[Reply] = field(default_factory=deque, init=False)
    _faults: deque[Fault] = field(default_factory=deque, init=False)
    _standing_fault: Fault | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _closing: threading.Event = field(default_factory=threading.Event, init=False)
    _server: _Server | None = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="openai-server")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Base URL, ending in `/v1`: the value for OPENAI_BASE_URL."""
        assert self._server is not None, "use it as a context manager"
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def headers(self) -> dict[str, str]:
        """Headers of an accepted request."""
        return {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point an OpenAI client here."""
        return {"OPENAI_API_KEY": self.api_key, "OPENAI_BASE_URL": self.url}

    def reply_with(self, *replies: Reply | str) -> None:
        """Queue replies for the next chat requests."""
        with self._lock:
            self._replies.extend(Reply(reply) if isinstance(reply, str) else reply for reply in replies)

    def fail(self, fault: Fault, *, times: int | None = None) -> None:
        """Let the next `times` requests fail, or every request from now on (`None`)."""
        with self._lock:
            if times is None:
                self._standing_fault = fault
            else:
                self._faults.extend([fault] * times)

    def rate_limit(self, *, times: int | None = None, retry_after_ms: int = 1) -> None:
        """Answer with 429."""
        self.fail(Fault("error", 429, "rate_limit_exceeded", retry_after_ms), times=times)

    def hang(self, *, times: int | None = None) -> None:
        """Accept requests and never answer."""
        self.fail(Fault("hang"), times=times)

    def drop_stream(self, *, after_tokens: int = 1, times: int | None = None) -> None:
        """Break the connection off in the middle of an answer."""
        self.fail(Fault("drop", tokens=after_tokens), times=times)

    def requests_to(self, path: str) -> list[RecordedRequest]:
        """Return the requests to a path such as "/chat/completions", in the order of arrival."""
        with self._lock:
            return [request for request in self.requests if request.path == path]

    def _record(self, request: RecordedRequest) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            return self._faults.popleft() if self._faults else self._standing_fault

    def _next_reply(self, body: dict[str, Any]) -> Reply:
        with self._lock:
            if self._replies:
                return self._replies.popleft()
        return self.responder(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close() joins the handlers: nothing of a test outlives it
    block_on_close = True

    def __init__(self, owner: OpenAIServer) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep alive, so that their handlers return."""
        with self._connections_lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away (a timeout, a cancelled run) is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per flush, not one per header
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        owner = self.server.owner
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.removeprefix("/v1")
        body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = owner._record(RecordedRequest(path, headers, body))
        if headers.get("authorization") != f"Bearer {owner.api_key}":
            self._send_error(401, "invalid_api_key", "Incorrect API key provided.")
        elif fault is not None and fault.kind == "error":
            self._send_error(fault.status, fault.code, f"This is a test: {fault.code}.", fault.retry_after_ms)
        elif fault is not None and fault.kind == "hang":
            owner._closing.wait()
            self.close_connection = True
        elif path == "/chat/completions":
            self._chat(body, owner._next_reply(body), fault)
        elif path == "/embeddings":
            self._embed(body, fault)
        else:
            self._send_error(404, "not_found", f"No such path: {self.path}")

    def _chat(self, body: dict[str, Any], reply: Reply, fault: Fault | None) -> None:
        prompt_tokens = len(_tokens(json.dumps(body.get("messages", []))))
        completion_tokens = max(1, len(_tokens(reply.text)))
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        }
        head = {"id": "chatcmpl-test", "created": 1_800_000_000, "model": body.get("model", "")}
        finish = "tool_calls" if reply.tool_calls else "stop"
        if not body.get("stream"):
            message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
            if reply.tool_calls:
                message["tool_calls"] = [_tool_call(call, index) for index, call in enumerate(reply.tool_calls)]
            choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
            answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
            self._send_json(200, answer, drop=fault is not None)
            return

        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": token} for token in _tokens(reply.text)]
        for index, call in enumerate(reply.tool_calls):
            deltas += _tool_call_deltas(call, index)
        events = [
            {
                **head,
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
            }
            for delta in deltas
        ]
        last = {"index": 0, "delta": {}, "finish_reason": finish}
        closing: list[dict[str, Any]] = [{**head, "object": "chat.completion.chunk", "choices": [last]}]
        if (body.get("stream_options") or {}).get("include_usage"):
            closing.append({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        if fault is not None:
            events = events[: fault.tokens + 1]
            self._send_events([json.dumps(event) for event in events], drop=fault.kind == "drop")
        else:
            self._send_events([*(json.dumps(event) for event in events + closing), "[DONE]"])

    def _embed(self, body: dict[str, Any], fault: Fault | None) -> None:
        owner = self.server.owner
        given = body.get("input")
        inputs = given if isinstance(given, list) and not all(isinstance(part, int) for part in given) else [given]
        if not owner.accepts_tokens and not all(isinstance(part, str) for part in inputs):
            self._send_error(400, "invalid_type", "'input' must be a string or an array of strings.")
            return
        as_base64 = body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": _encode(_vector(str(part), owner.dims), as_base64)}
            for index, part in enumerate(inputs)
        ]
        used = sum(len(_tokens(str(part))) for part in inputs)
        usage = {"prompt_tokens": used, "total_tokens": used}
        answer = {"object": "list", "data": data, "model": body.get("model", ""), "usage": usage}
        self._send_json(200, answer, drop=fault is not None)

    def _send_error(self, status: int, code: str, message: str, retry_after_ms: int | None = None) -> None:
        extra = {"retry-after-ms": str(retry_after_ms)} if retry_after_ms is not None else {}
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        self._send_json(status, {"error": error}, extra)

    def _send_json(
        self, status: int, content: Mapping[str, Any], extra: Mapping[str, str] | None = None, *, drop: bool = False
    ) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload[: len(payload) // 2] if drop else payload)
        self.wfile.flush()
        if drop:
            self._break_off()

    def _send_events(self, events: Iterable[str], *, drop: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        if drop:
            self._break_off()
            return
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _break_off(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet: the requests are recorded."""


def _last_user(body: dict[str, Any]) -> str:
    for message in reversed(body.get("messages", [])):
        if message.get("role") == "user":
            content = message["content"]
            if isinstance(content, str):
                return content
            return "".join(part.get("text", "") for part in content)
    return ""


def _tokens(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def _tool_call(call: ToolCall, index: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments))}
    return {"id": f"call_{index}_{call.name}", "type": "function", "function": function}


def _tool_call_deltas(call: ToolCall, index: int) -> list[dict[str, Any]]:
    """Stream a call as OpenAI does: the name first, then its arguments in pieces."""
    whole = _tool_call(call, index)
    arguments = whole["function"]["arguments"]
    opening = {**whole, "index": index, "function": {"name": call.name, "arguments": ""}}
    half = len(arguments) // 2
    pieces = [{"index": index, "function": {"arguments": piece}} for piece in (arguments[:half], arguments[half:])]
    return [{"tool_calls": [part]} for part in [opening, *pieces]]


def _vector(text: str, dims: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(dims)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _encode(vector: np.ndarray[Any, np.dtype[np.float32]], as_base64: bool) -> str | list[float]:
    return base64.b64encode(vector.tobytes()).decode("ascii") if as_base64 else [float(value) for value in vector]
