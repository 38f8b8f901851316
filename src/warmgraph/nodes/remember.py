"""remember: write what was said in this turn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.constants import END
from langgraph.store.base import BaseStore, PutOp
from langgraph.types import Command, RetryPolicy

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import DimensionError, EmbeddingError, StoreError
from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.summarizer import Summarizer
from warmgraph.nodes.traces import current_trace
from warmgraph.nodes.turns import current_turn, message_text, turn_keys
from warmgraph.speakers import is_human
from warmgraph.steps import Io, Steps
from warmgraph.store import NamespaceTemplate, WordsPut
from warmgraph.store.contract import StepStore
from warmgraph.store.records import is_question

__all__ = ["create_remember_node"]


def create_remember_node(
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    importance: float | None = None,
    ttl: float | None = None,
    clock: Clock | None = None,
    retry_policy: RetryPolicy | None = None,
    summarizer: Summarizer | None = None,
    summarize: str = "summarize",
    name: str = "remember",
) -> MemoryNode:
    """Create the node that ends a turn: it writes one record for each human and each final AI message of it.

    Reads `messages`; writes to the store only. Tool calls and their results are not remembered, nor are messages
    without text. A human message goes by thread and message id, an answer by the human message that it answers: a
    node that is retried, or a run that is resumed, writes the same rows again and never a second one. A turn that is
    run again from a checkpoint replaces its answer; of a fork that says something else, both branches are kept. Where
    the model that embeds is away the records are written without vectors, which they get later (`WordsPut`), and
    `memory_errors` tells of it.

    Args:
        namespace: Template of the namespace.
        importance: Importance of the records, in [0, 1]; `None` leaves it to the store, which judges by their words.
        ttl: How long they live, in minutes; `None` for the store's default.
        clock: Tells when the turn was, where the node `recall` did not.
        retry_policy: The policy that `add_node` gets for this node.
        summarizer: Says whether the thread should be summarized now. The node then sends the run to the node
            `summarize`, and otherwise leads on only where the graph has an edge: a turn without a summary pays for no
            further step.
        summarize: Name of that node.
        name: Name of the node.

    Example:
        >>> from langgraph.graph import MessagesState, StateGraph
        >>> from langgraph.store.memory import InMemoryStore
        >>> store = InMemoryStore()
        >>> builder = StateGraph(MessagesState).add_node(create_remember_node()).set_entry_point("remember")
        >>> graph = builder.compile(store=store)
        >>> _ = graph.invoke({"messages": [("user", "I live in Lisbon.")]}, {"configurable": {"user_id": "ana"}})
        >>> [item.value["content"] for item in store.search(("memories", "ana"))]
        ['I live in Lisbon.']
    """
    template = NamespaceTemplate(namespace)
    clock = clock if clock is not None else SystemClock()

    def logic(state: MemoryReads, visit: Visit) -> Steps[Any]:
        update = yield from remember(state, visit)
        try:
            due = summarizer is not None and summarizer.due(state, visit)
        except Exception as error:  # somebody's token counter
            failures = (update or {}).get("memory_errors", ())
            return {"memory_errors": [*failures, visit.failed(error)]}
        return Command(goto=summarize, update=update) if due else update

    def remember(state: MemoryReads, visit: Visit) -> Steps[dict[str, Any] | None]:
        began = perf_counter()
        place = visit.namespace(template)
        messages = state.get("messages", [])
        trace = current_trace(state)
        # The time at which the turn began: written again, a row is the same row, to the second.
        said_at = trace["at"] if trace is not None else clock.now().isoformat(timespec="seconds")
        # What an answer was given is what is in use: consolidation forgets by it.
        recalled = [item["key"] for item in trace["items"]] if trace is not None else []
        turn, thread_id = current_turn(messages), visit.thread_id
        keys = turn_keys(thread_id, [messages[at] for at in turn])
        said: list[tuple[int, str, str]] = []
        asked = False
        for at, key in zip(turn, keys, strict=True):
            message = messages[at]
            if text := message_text(message):
                said.append((at, key, text))
                asked = asked or is_human(message)
        if not asked:
            return None  # an answer to nothing that was said tells nothing
        try:
            store = visit.store
            lives = ttl if ttl is not None else (store.ttl_config or {}).get("default_ttl")
            ops = [
                PutOp(
                    place,
                    key,
                    _value(messages[at], text, at, thread_id, said_at, importance, recalled),
                    index=["content"],  # ids and times are not embedded
                    ttl=lives,
                )
                for at, key, text in said
            ]
            unembedded = yield from _write(store, ops)
        except Exception as error:
            return {"memory_errors": [visit.failed(error, [text for _, _, text in said])]}
        failures = [] if unembedded is None else [visit.noted(unembedded, [text for _, _, text in said])]
        visit.emit(
            {
                "type": "memory_remember",
                "namespace": list(place),
                "keys": [op.key for op in ops],
                "milliseconds": (perf_counter() - began) * 1000,
            }
        )
        return {"memory_errors": failures} if failures else None

    ends = (summarize, END) if summarizer is not None else ()
    return MemoryNode(name, logic, goto=ends, retry_policy=retry_policy)


def _write(store: BaseStore, ops: Sequence[PutOp]) -> Steps[Exception | None]:
    """Write, and where the model that embeds is away, write without vectors: what was said is not lost.

    Returns:
        Why there are no vectors; `None` if there are.
    """
    unembedded: Exception | None = None
    for batch in _without_repetition(ops):
        try:
            yield Io(partial(store.batch, batch), partial(store.abatch, batch))
        except Exception as error:
            if not _embeds(store, error):
                raise
            bare = [_bare(store, op) for op in batch]
            try:
                yield Io(partial(store.batch, bare), partial(store.abatch, bare))
            except Exception:
                raise error from None  # it was not the model
            unembedded = error
    return unembedded


def _embeds(store: BaseStore, error: Exception) -> bool:
    """Whether an error may be that of a model. Of ours it says so; other stores let through whatever was raised."""
    if isinstance(store, StepStore) and isinstance(error, EmbeddingError | DimensionError):
        return True
    if isinstance(error, StoreError):
        return False
    long_term = getattr(store, "long_term", store)
    return not isinstance(long_term, StepStore) and getattr(long_term, "index_config", None) is not None


def _bare(store: BaseStore, op: PutOp) -> PutOp:
    """Return a put that needs no model: of our stores one that is embedded later, of others one by key alone."""
    return WordsPut(*op) if isinstance(store, StepStore) else op._replace(index=False)


def _without_repetition(ops: Sequence[PutOp]) -> list[list[PutOp]]:
    """Split a batch in which two messages have the same text: `InMemoryStore` refuses it when it embeds."""
    batches: list[dict[str, PutOp]] = [{}]
    for op in ops:
        text = op.value["content"] if op.value is not None else ""
        for batch in batches:
            if text not in batch:
                batch[text] = op
                break
        else:
            batches.append({text: op})
    return [list(batch.values()) for batch in batches]


def _value(
    message: BaseMessage,
    text: str,
    position: int,
    thread_id: str | None,
    said_at: str,
    importance: float | None,
    recalled: list[str],
) -> dict[str, Any]:
    """Return what `MemoryRecord.to_value` would: written out, because two of these are on the way of every turn."""
    value: dict[str, Any] = {
        "kind": "Memory",
        "content": text,
        "role": "user" if is_human(message) else "assistant",
        "position": position,
        "said_at": said_at,
        "is_question": is_question(text),
    }
    if message.name is not None:
        value["author"] = message.name
    if thread_id is not None:
        value["thread_id"] = thread_id
    if message.id is not None:
        value["message_id"] = message.id
    if importance is not None:
        value["importance"] = importance
    if recalled and value["role"] == "assistant":
        value["meta"] = {"recalled": recalled}
    return value
