"""reflect: give a reflector what was remembered since it was last asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha1
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.store.base import BaseStore, Item, PutOp, SearchItem, SearchOp
from langgraph.types import RetryPolicy
from typing_extensions import TypedDict

from warmgraph.errors import InvalidArgumentError
from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.reflection.running import JOB_KEY, as_runnable
from warmgraph.steps import Io, Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["ReflectionPointer", "ReflectionState", "create_reflect_node"]

WATERMARKS = ("_warmgraph", "reflection")
PAGE = 200
# Clocks of processes differ, and a write may be seen after one that was made later: what was written so shortly before
# the newest known record is compared by key and content, what is older is known.
MARGIN = timedelta(hours=1)
_RUNS = uuid5(NAMESPACE_URL, "warmgraph:reflection-run")
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class ReflectionPointer(TypedDict, total=False):
    """Where to look: what `schedule_reflection` hands over.

    Attributes:
        namespace: The namespace; it has to be the one of the user for whom the graph runs.
        thread_id: The conversation; `None` for what was said outside of any.
        up_to: The message that the turn ended with, for whoever reads traces: what came later is read as well.
    """

    namespace: list[str] | None
    thread_id: str | None
    up_to: str | None


class ReflectionState(ReflectionPointer, total=False):
    """The pointer, and how many messages were reflected on."""

    reflected: int


def create_reflect_node(
    reflector: Runnable[Any, Any] | Any,
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    max_messages: int = 50,
    retry_policy: RetryPolicy | None = None,
    name: str = "reflect",
) -> MemoryNode:
    """Create the node that reads what was remembered of a thread since it last ran, and calls a reflector with it.

    Reads a `ReflectionPointer`; writes `reflected`. How far it came is a watermark in the store, written after the
    reflector has returned: a run that fails, or is rolled back, is made up for by the next one. The reflector's config
    has `configurable["reflection_job"]`, the same whenever it is given the same messages, to derive keys from.

    Args:
        reflector: A Runnable or a function of `{"messages": [...]}`: what was said, in order, with the ids that the
            messages had. Their `response_metadata` has `said_at`, `thread_id`, and `key`, that of the record.
        namespace: Template of the namespace.
        max_messages: How many messages the reflector gets at once; it is called as often as it takes.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node, and of the watermarks.

    Raises:
        InvalidArgumentError: A bad argument.
    """
    if isinstance(max_messages, bool) or not isinstance(max_messages, int) or max_messages < 1:
        raise InvalidArgumentError("max_messages", expected="an integer >= 1", got=max_messages)
    template = NamespaceTemplate(namespace)
    runnable = as_runnable(reflector)

    def logic(state: Any, visit: Visit) -> Steps[dict[str, Any]]:
        place, thread = visit.namespace(template), state.get("thread_id")
        claimed = state.get("namespace")
        if claimed is not None and tuple(claimed) != place:
            raise InvalidArgumentError("namespace", expected=f"{list(place)}, that of the user", got=claimed)
        store, where, key = visit.store, (*WATERMARKS, *place), f"{name}/{thread or ''}"
        mark = yield Io(partial(store.get, where, key), partial(store.aget, where, key))
        turns = yield from _turns(store, place, thread)
        new = _unseen(turns, mark)
        for at in range(0, len(new), max_messages):
            chunk = new[at : at + max_messages]
            payload = {"messages": [_message(item) for item in chunk]}
            config = _with_job(visit.config, (name, place, thread, [(each.key, _digest(each)) for each in chunk]))
            yield Io(partial(runnable.invoke, payload, config), partial(runnable.ainvoke, payload, config))
            left = {each.key for each in new[at + max_messages :]}
            value = _watermark([each for each in turns if each.key not in left])
            op = PutOp(where, key, value, index=False, ttl=None)
            yield Io(partial(store.batch, [op]), partial(store.abatch, [op]))
        return {"reflected": len(new)}

    return MemoryNode(name, logic, retry_policy=retry_policy)


def _turns(store: BaseStore, place: tuple[str, ...], thread: str | None) -> Steps[list[SearchItem]]:
    """Return what was said in a thread, in order."""
    found: dict[str, SearchItem] = {}
    offset = 0
    while True:
        wanted = None if thread is None else {"thread_id": thread}
        op = SearchOp(place, filter=wanted, limit=PAGE, offset=offset, refresh_ttl=False)
        [page] = yield Io(partial(store.batch, [op]), partial(store.abatch, [op]))
        for item in page:
            if tuple(item.namespace) == place and _is_turn(item, thread):
                found[item.key] = item
        if len(page) < PAGE:
            return sorted(found.values(), key=lambda item: (item.value["position"], _time(item)))
        offset += PAGE


def _is_turn(item: Item, thread: str | None) -> bool:
    value = item.value
    return (
        value.get("role") in ("user", "assistant")
        and isinstance(value.get("position"), int | float)
        and isinstance(value.get("content"), str)
        and value.get("thread_id") == thread
    )


def _unseen(turns: Sequence[SearchItem], mark: Item | None) -> list[SearchItem]:
    if mark is None:
        return list(turns)
    position, seen = mark.value["position"], mark.value["seen"]
    since = datetime.fromisoformat(mark.value["updated_at"]) - MARGIN
    return [
        item
        for item in turns
        if seen.get(item.key) != _digest(item) and (item.value["position"] > position or _time(item) > since)
    ]


def _watermark(known: Sequence[SearchItem]) -> dict[str, Any]:
    newest = max((_time(item) for item in known), default=_EARLIEST)
    recent = [item for item in known if _time(item) > newest - MARGIN]
    return {
        "kind": "Watermark",
        "content": "",
        "position": max((item.value["position"] for item in known), default=-1),
        "updated_at": newest.isoformat(),
        "seen": {item.key: _digest(item) for item in recent},
    }


def _message(item: Item) -> AnyMessage:
    value = item.value
    kind = HumanMessage if value["role"] == "user" else AIMessage
    origin = {"said_at": value.get("said_at"), "thread_id": value.get("thread_id"), "key": item.key}
    author = {} if value.get("author") is None else {"name": value["author"]}
    return kind(value["content"], id=value.get("message_id") or item.key, response_metadata=origin, **author)


def _with_job(config: RunnableConfig, what: object) -> RunnableConfig:
    job = {JOB_KEY: str(uuid5(_RUNS, repr(what)))}
    return {**config, "configurable": {**config.get("configurable", {}), **job}}


def _digest(item: Item) -> str:
    return sha1(item.value["content"].encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:12]


def _time(item: Item) -> datetime:
    # Some stores tell the time without saying where; they mean UTC.
    return item.updated_at if item.updated_at.tzinfo is not None else item.updated_at.replace(tzinfo=UTC)
