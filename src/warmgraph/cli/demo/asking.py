"""The process that asks: it opens the file that another process wrote, and knows nothing but the questions.

`python -m warmgraph.cli.demo.asking` reads one job as JSON from standard input and writes one JSON object a line:
"opened", an "answer" for each question, a "crossed" for each question asked in another's name, or "failed".

The agent is the real one, so it remembers the questions, too. What it has just remembered is forgotten again before
the next question: each question meets the conversation alone, and one that resembles another cannot be answered by
recalling the other. How many items are warm, and which, is left as the agent leaves it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any, TextIO
from uuid import NAMESPACE_URL, uuid5

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.messages.utils import count_tokens_approximately
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import GetOp, Item, PutOp

from warmgraph.cli.demo.replay import namespace_of
from warmgraph.cli.failures import explain
from warmgraph.nodes.agent import with_memories
from warmgraph.prebuilt import MemoryContext, create_memory_agent, create_recall_graph
from warmgraph.store import MemoryRecord, WarmStore

__all__ = ["answers", "main"]

SHOWN = 3  # memories whose text is sent back


def main() -> int:
    """Do the job that stands on standard input."""
    out = sys.stdout
    try:
        for message in answers(json.load(sys.stdin)):
            _send(out, message)
    except (KeyboardInterrupt, BrokenPipeError):
        return 1  # the process that started this one is gone or going
    except Exception as error:
        _send(out, {"type": "failed", "why": explain(error)})
        return 1
    return 0


def answers(job: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Open the file and ask.

    Args:
        job: `db`, `index` and `capacity` of the store, `model`, `k` (memories to recall), `questions` and `crossed`
            (lists of `user` and `text`).
    """
    began = perf_counter()
    with WarmStore.open(job["db"], index=job["index"], capacity=job["capacity"]) as store:
        yield {"type": "opened", "milliseconds": 1000 * (perf_counter() - began)}
        agent = create_memory_agent(job["model"], store=store, limit=job["k"], checkpointer=InMemorySaver())
        for number, question in enumerate(job["questions"]):
            outcome = _ask(agent, number, question)
            _forget(store, outcome.pop("remembered"))
            namespace = namespace_of(question["user"])
            reference = store.recall_long_term(namespace, question["text"], limit=job["k"])
            yield {
                "type": "answer",
                **outcome,
                "reference": [item.key for item in reference.items],
                "best": _read_back(store, namespace, outcome["keys"][:SHOWN]),
            }
        recall_only = create_recall_graph(store=store, limit=job["k"])
        for question in job["crossed"]:
            found = recall_only.invoke({"messages": question["text"]}, context=MemoryContext(question["user"]))
            yield {"type": "crossed", "keys": [item["key"] for item in found["recall"]["items"]]}


def _ask(agent: Any, number: int, question: Mapping[str, str]) -> dict[str, Any]:
    """Ask one question in a new thread, and note what memory did about it."""
    # The same ids in every run, so that two runs differ in nothing but their times.
    thread = str(uuid5(NAMESPACE_URL, f"warmgraph:demo:{number}"))
    asked = HumanMessage(question["text"], id=f"question-{number}")
    state: dict[str, Any] = {}
    events: list[Mapping[str, Any]] = []
    began = perf_counter()
    for mode, payload in agent.stream(
        {"messages": [asked]},
        {"configurable": {"thread_id": thread}},
        context=MemoryContext(user_id=question["user"]),
        stream_mode=["updates", "custom"],
    ):
        if mode == "custom":
            events.append(payload)
        else:
            for update in payload.values():
                state.update(update or {})
    turn_ms = 1000 * (perf_counter() - began)
    receipts = {event["type"]: event for event in events}
    recalled = receipts["memory_recall"]
    said: Sequence[BaseMessage] = state["messages"]
    return {
        "tier": recalled["tier"],
        "decision": recalled["decision"],
        "keys": [item["key"] for item in state["recall"]["items"]],
        "packed": recalled["keys"],
        "prompt_tokens": count_tokens_approximately(with_memories([asked], state["memory_items"].block or "")),
        "recall_ms": recalled["milliseconds"],
        "turn_ms": turn_ms,
        "answer": said[-1].text,
        "failures": [f"{each['node']}: {each['message']}" for each in events if each["type"] == "memory_error"],
        "remembered": receipts.get("memory_remember"),
    }


def _forget(store: WarmStore, remembered: Mapping[str, Any] | None) -> None:
    if remembered is not None:
        namespace = tuple(remembered["namespace"])
        store.batch([PutOp(namespace, key, None) for key in remembered["keys"]])


def _read_back(store: WarmStore, namespace: tuple[str, ...], keys: Sequence[str]) -> list[tuple[str, str, str]]:
    """Read memories from the file itself: asking the warm tier would count as using them."""
    assert store.long_term is not None
    found: list[tuple[str, str, str]] = []
    for item in store.long_term.batch([GetOp(namespace, key) for key in keys]):
        if isinstance(item, Item):
            record = MemoryRecord.from_value(item.value)
            found.append((item.key, record.author or "", record.text))
    return found


def _send(out: TextIO, message: Mapping[str, Any]) -> None:
    print(json.dumps(message), file=out, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
