"""Ways in which one user of a server may try to reach another's memory: each returns all that it was told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from langgraph_sdk.client import SyncLangGraphClient

__all__ = ["DELETIONS", "READS", "TAKEOVERS", "Caller", "Victim", "attempt", "said"]

SECRET = "heliotrope"
"""A word that only the victim's memory holds."""


def said(text: str) -> Any:
    """Return the input of a run."""
    return {"messages": [{"role": "user", "content": text}]}


QUESTION = said("Which word opens the safe?")


@dataclass(frozen=True)
class Victim:
    """Whose memory is wanted, and what there is of it."""

    user: str
    thread: str
    run: str
    assistant: str
    key: str

    @property
    def namespace(self) -> list[str]:
        return ["memories", self.user]


@dataclass(frozen=True)
class Caller:
    """Who calls: an SDK client, and a plain one for what the SDK would not send."""

    client: SyncLangGraphClient
    http: httpx.Client


Attack = Callable[[Caller, Victim], Any]


def attempt(attack: Attack, caller: Caller, victim: Victim) -> str:
    """Return what an attack was told: its result, or what refused it."""
    try:
        return str(attack(caller, victim))
    except httpx.HTTPStatusError as error:
        return f"{error.response.status_code} {error.response.text}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def ask(caller: Caller, graph: str = "recall", thread: str | None = None, **request: Any) -> Any:
    """Have a graph recall the secret."""
    given: Any = {"input": QUESTION, **request}
    return caller.client.runs.wait(thread, graph, **given)


def own_thread(caller: Caller) -> str:
    return str(caller.client.threads.create()["thread_id"])


def sent(caller: Caller, method: str, path: str, **request: Any) -> str:
    return caller.http.request(method, path, **request).text


def with_assistant_of_own(caller: Caller, victim: Victim) -> Any:
    made = caller.client.assistants.create("recall", context={"user_id": victim.user})
    return ask(caller, made["assistant_id"])


def through_a_checkpoint(caller: Caller, victim: Victim) -> Any:
    thread = own_thread(caller)
    return (
        ask(caller, "memory_agent", thread, checkpoint={"thread_id": victim.thread, "checkpoint_ns": ""}),
        caller.client.threads.get_state(thread),
    )


def with_a_forged_trace(caller: Caller, victim: Victim) -> Any:
    trace = {"namespace": victim.namespace, "query": "safe", "items": [{"key": victim.key, "score": 1, "tier": "warm"}]}
    question = {"messages": [{"role": "user", "content": "safe?", "id": "1"}]}
    return ask(caller, input={**question, "recall": {**trace, "message_id": "1", "tier": "warm", "milliseconds": 0}})


def with_a_forged_pointer(caller: Caller, victim: Victim) -> Any:
    pointer: Any = {"namespace": victim.namespace, "thread_id": victim.thread}
    done = caller.client.runs.wait(None, "reflect", input=pointer)
    return done, caller.client.store.search_items([], limit=100)


def by_mcp(caller: Caller, victim: Victim) -> str:
    claim = {"user_id": victim.user}
    call = {"name": "recall", "arguments": {**QUESTION, **claim, "context": claim}}
    headers = {"accept": "application/json, text/event-stream"}
    return sent(caller, "POST", "/mcp", headers=headers, json=rpc("tools/call", call))


def rpc(method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def by_a2a(caller: Caller, victim: Victim) -> str:
    assistant = caller.client.assistants.search(graph_id="memory_agent")[0]["assistant_id"]
    message = {
        "role": "user",
        "kind": "message",
        "messageId": "1",
        "contextId": victim.thread,
        "parts": [{"kind": "text", "text": "Which word opens the safe?"}],
    }
    return sent(caller, "POST", f"/a2a/{assistant}", json=rpc("message/send", {"message": message}))


def by_batch(caller: Caller, victim: Victim) -> Any:
    payload: Any = {"assistant_id": "recall", "context": {"user_id": victim.user}, "input": QUESTION}
    made = caller.client.runs.create_batch([payload])
    return [caller.client.runs.join(str(run["thread_id"]), str(run["run_id"])) for run in made]


def copied(caller: Caller, victim: Victim) -> Any:
    caller.client.threads.copy(victim.thread)
    return [caller.client.threads.get_state(thread["thread_id"]) for thread in caller.client.threads.search()]


def by_command(caller: Caller, victim: Victim) -> str:
    """Start a run by the protocol that web clients speak, on a thread of one's own."""
    thread = own_thread(caller)
    claim = {"configurable": {"user_id": victim.user}}
    command = {"id": 1, "method": "run.start", "params": {"assistant_id": "recall", "input": QUESTION, "config": claim}}
    told = sent(caller, "POST", f"/threads/{thread}/commands", json=command)
    with suppress(Exception):
        told += str([caller.client.runs.join(thread, run["run_id"]) for run in caller.client.runs.list(thread)])
    return told


def by_event_stream(caller: Caller, victim: Victim) -> str:
    """Listen to the victim's thread while the victim says nothing new."""
    told = ""
    body = {"channels": ["values", "messages"], "since": 0}
    with suppress(httpx.ReadTimeout):
        request: Any = {"json": body, "timeout": httpx.Timeout(60, read=3)}
        with caller.http.stream("POST", f"/threads/{victim.thread}/stream/events", **request) as answer:
            told = f"{answer.status_code} "
            for text in answer.iter_text():
                told += text
    return told


# What reads. The owner, who calls the same, gets to see the secret where the mark says so.
READS: dict[str, tuple[bool, Attack]] = {
    "search the namespace": (True, lambda c, v: c.client.store.search_items(v.namespace)),
    "search it by a query": (True, lambda c, v: c.client.store.search_items(v.namespace, query="safe")),
    "search everything": (True, lambda c, v: c.client.store.search_items([], limit=1000)),
    "search all memories": (True, lambda c, v: c.client.store.search_items(["memories"], limit=1000)),
    "search with a wildcard": (False, lambda c, v: c.client.store.search_items(["memories", "*"], limit=1000)),
    "search with a filter for the text": (
        True,
        lambda c, v: c.client.store.search_items([], filter={"role": {"$in": ["user"]}}, limit=1000),
    ),
    "get the item": (True, lambda c, v: c.client.store.get_item(v.namespace, v.key)),
    "get it with odd labels": (
        False,
        lambda c, v: sent(c, "GET", f"/store/items?namespace=memories..{v.user}&key={v.key}"),
    ),
    "get its history": (
        False,
        lambda c, v: c.client.store.search_items(["_warmgraph", "history", "2", *v.namespace], limit=1000),
    ),
    "run in the name of the victim": (True, lambda c, v: ask(c, context={"user_id": v.user})),
    "run under the other name of the id": (True, lambda c, v: ask(c, context={"langgraph_user_id": v.user})),
    "run with configurable": (True, lambda c, v: ask(c, config={"configurable": {"user_id": v.user}})),
    "run with a forged user": (
        True,
        lambda c, v: ask(c, config={"configurable": {"langgraph_auth_user": {"identity": v.user}}}),
    ),
    "run with a forged user id": (
        True,
        lambda c, v: ask(c, config={"configurable": {"langgraph_auth_user_id": v.user, "user_id": v.user}}),
    ),
    "run an assistant made for it": (True, with_assistant_of_own),
    "run the victim's assistant": (True, lambda c, v: ask(c, v.assistant)),
    "run with a forged trace": (True, with_a_forged_trace),
    "run in a batch": (True, by_batch),
    "stream a run": (
        True,
        lambda c, v: list(
            c.client.runs.stream(
                None,
                "recall",
                input=QUESTION,
                context={"user_id": v.user},
                stream_mode=["values", "debug"],
            )
        ),
    ),
    "run on the victim's thread": (True, lambda c, v: ask(c, "memory_agent", v.thread)),
    "start from the victim's checkpoint": (False, through_a_checkpoint),
    "reflect for the victim": (False, with_a_forged_pointer),
    "call a tool over MCP": (True, by_mcp),
    "go on by A2A": (True, by_a2a),
    "start a run by a command": (True, by_command),
    "listen to the thread": (False, by_event_stream),
    "read the thread": (True, lambda c, v: c.client.threads.get(v.thread)),
    "read the thread's state": (True, lambda c, v: c.client.threads.get_state(v.thread)),
    "read the thread's history": (True, lambda c, v: c.client.threads.get_history(v.thread)),
    "list all threads": (True, lambda c, v: c.client.threads.search(limit=1000)),
    "list the threads of an owner": (
        True,
        lambda c, v: c.client.threads.search(metadata={"owner": v.user}, limit=1000),
    ),
    "copy the thread": (True, copied),
    "create the thread anew": (
        True,
        lambda c, v: c.client.threads.create(thread_id=v.thread, if_exists="do_nothing"),
    ),
    "join the run": (True, lambda c, v: c.client.runs.join(v.thread, v.run)),
    "list the runs": (True, lambda c, v: sent(c, "GET", f"/threads/{v.thread}/runs?limit=10")),
    "read the assistant": (True, lambda c, v: c.client.assistants.get(v.assistant)),
    "list all assistants": (True, lambda c, v: c.client.assistants.search(limit=1000)),
    "make the server call itself": (
        False,
        lambda c, v: ask(c, context={}, webhook="/store/items/search"),
    ),
}

# What changes something that is the victim's.
TAKEOVERS: dict[str, Attack] = {
    "put into the namespace": lambda c, v: c.client.store.put_item(v.namespace, v.key, {"content": "overwritten"}),
    "plant a memory": lambda c, v: c.client.store.put_item(v.namespace, "planted", {"content": "overwritten"}),
    "plant it below": lambda c, v: c.client.store.put_item([*v.namespace, "x"], "planted", {"content": "overwritten"}),
    "have the agent remember it": lambda c, v: c.client.runs.wait(
        None,
        "memory_agent",
        input=said("It was overwritten."),
        context={"user_id": v.user},
    ),
    "say it on the thread": lambda c, v: c.client.threads.update_state(v.thread, said("overwritten")),
    "become the thread's owner": lambda c, v: c.client.threads.update(v.thread, metadata={"owner": "ana"}),
    "change the assistant": lambda c, v: c.client.assistants.update(v.assistant, metadata={"owner": "ana"}),
    "change everybody's assistant": lambda c, v: c.client.assistants.update(
        c.client.assistants.search(graph_id="recall", metadata={"created_by": "system"})[0]["assistant_id"],
        context={"user_id": "ana"},
    ),
}

DELETIONS: dict[str, Attack] = {
    "delete the item": lambda c, v: c.client.store.delete_item(v.namespace, v.key),
    "delete the thread": lambda c, v: c.client.threads.delete(v.thread),
    "delete the run": lambda c, v: c.client.runs.delete(v.thread, v.run),
    "cancel the run": lambda c, v: c.client.runs.cancel(v.thread, v.run),
    "delete the assistant": lambda c, v: c.client.assistants.delete(v.assistant),
}
