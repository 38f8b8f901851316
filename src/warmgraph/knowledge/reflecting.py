"""One run of a store manager: find what is related, have it edited, write the changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.store.base import BaseStore, GetOp, Item, SearchItem, SearchOp
from pydantic import BaseModel

from warmgraph.clock import Clock
from warmgraph.knowledge.conversation import Segment, queries, said_lines
from warmgraph.knowledge.edits import Desk, Enabled, MemoryChange
from warmgraph.knowledge.extraction import extract
from warmgraph.knowledge.history import put_op, submit
from warmgraph.knowledge.ledger import Write, commit
from warmgraph.knowledge.policy import MemoryPolicy
from warmgraph.knowledge.provenance import TRUST, Provenance, trace
from warmgraph.knowledge.query import written_queries
from warmgraph.knowledge.sameness import fingerprint, is_echo
from warmgraph.knowledge.schemas import RawMemory, Schemas, content_of
from warmgraph.knowledge.turnstile import enter, leave
from warmgraph.recall.tiers import long_term_steps
from warmgraph.steps import Steps
from warmgraph.store.crowding import search_exactly
from warmgraph.store.records import leaf_texts

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

__all__ = ["DEFAULT_KEY", "Setup", "StoredMemories", "reflect"]

DEFAULT_KEY = "default"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a store manager was made with. `passes`: instructions, whether messages are shown, what is permitted."""

    model: BaseChatModel
    query_model: BaseChatModel | None
    schemas: Schemas
    passes: Sequence[tuple[str, bool, Enabled]]
    default: Callable[[RunnableConfig], BaseModel] | None
    query_limit: int
    max_calls: int
    policy: MemoryPolicy
    clock: Clock


class StoredMemories(list[dict[str, Any]]):
    """What was put: a list of `{"namespace", "key", "value"}`.

    Attributes:
        changes: What was added, changed, deleted, left as it was, rejected, quarantined or refused.
    """

    def __init__(self, puts: Iterable[dict[str, Any]] = (), changes: Iterable[MemoryChange] = ()) -> None:
        super().__init__(puts)
        self.changes: list[MemoryChange] = list(changes)


def reflect(
    setup: Setup,
    store: BaseStore,
    namespace: tuple[str, ...],
    segments: Sequence[Segment],
    max_steps: int,
    config: RunnableConfig | None,
) -> Steps[StoredMemories]:
    """Extract memories from a conversation and write what changed."""
    items = yield from _related(setup, store, namespace, segments, config)
    if setup.default is not None:
        items = yield from _with_default(setup, store, namespace, items, config)
    desk = Desk(setup.schemas, {key: setup.schemas.read_value(item.value) for key, item in items.items()})
    for at, (instructions, shows_messages, enabled) in enumerate(setup.passes):
        yield from extract(
            desk,
            setup.model,
            said_lines(segments) if shows_messages else (),
            instructions,
            enabled,
            config,
            max_steps=max_steps if at == 0 else 1,
            max_calls=setup.max_calls,
        )
    thread = (ensure_config(config).get("configurable") or {}).get("thread_id")
    now = setup.clock.now().isoformat()
    kinds = {key: content_of(item.value)[0] or "Memory" for key, item in items.items()}
    remembered = [_remembered(item) for item in items.values()]

    def source(content: Any, known: Sequence[Segment] = remembered) -> Provenance:
        return trace(content, segments, now, str(thread) if thread is not None else None, known)

    writes, echoes = _without_echoes(_writes(desk, kinds, source), items)
    known = {fingerprint(*content_of(item.value)): key for key, item in items.items() if key in desk.now}
    ledger = yield from commit(store, namespace, writes, setup.policy, known)
    told = {change.id for change in (*ledger.changes, *echoes)}
    untouched = [one for one in desk.changes() if one.action == "unchanged" and one.id not in told]
    return StoredMemories(ledger.puts, [*ledger.changes, *echoes, *untouched, *desk.rejected])


def _related(
    setup: Setup,
    store: BaseStore,
    namespace: tuple[str, ...],
    segments: Sequence[Segment],
    config: RunnableConfig | None,
) -> Steps[dict[str, Item]]:
    """Find what the conversation may change: at least one search, each query once."""
    asked: Sequence[str] = ()
    if setup.query_model is not None:
        asked = yield from written_queries(setup.query_model, segments, config)
    asked = asked or queries(segments, setup.query_limit // 4) or [""]
    found: dict[str, Any] = {}
    for query in asked:
        recalled = yield from long_term_steps(store, namespace, query, setup.query_limit, None, ())
        items = list(recalled.items)
        if any(_is_transcript(item) for item in items):  # they crowd out what was learned from them
            recalled = yield from long_term_steps(store, namespace, query, setup.query_limit, _LEARNED, ())
            items += recalled.items
        for item in items:
            other = found.get(item.key)
            if _is_open(item) and (other is None or (item.score or 0.0) > (other.score or 0.0)):
                found[item.key] = item
    # A store that does not rank returns what it has, in any order: that says nothing of what is related.
    ranked = [item for item in found.values() if item.score is not None]
    found = {item.key: item for item in ranked}
    best = sorted(ranked, key=lambda item: item.score or 0.0, reverse=True)[: setup.query_limit]
    if len(best) < setup.query_limit:
        # What shares no word with the conversation may still be what it changes ("I moved" closes "I live in Lisbon").
        newest = yield from _newest(store, namespace, setup.query_limit)
        best += [item for item in newest if item.key not in found and _is_open(item)]
    return {item.key: item for item in best[: setup.query_limit]}


_LEARNED = {"type": "semantic"}
UNSORTED = 200  # memories of a store in which the newest do not come first, among which they are looked for


def _is_transcript(item: Item) -> bool:
    """Whether an item is a message as it was said. What was said stays as it is; only what was learned changes."""
    return item.value.get("type") == "episodic" or isinstance(item.value.get("position"), int | float)


def _is_open(item: Item) -> bool:
    return not item.value.get("valid_to") and not _is_transcript(item)


def _newest(store: BaseStore, namespace: tuple[str, ...], limit: int) -> Steps[list[SearchItem]]:
    def search(ask: int, filter: dict[str, Any] | None = None) -> Steps[Sequence[SearchItem]]:
        (found,) = yield from submit(store, [SearchOp(namespace, limit=ask, filter=filter)])
        return cast("Sequence[SearchItem]", found)

    if not hasattr(store, "recall_long_term"):
        limit = max(limit, UNSORTED)
    items = yield from search_exactly(search, namespace, limit)
    if any(_is_transcript(item) for item in items):
        items += yield from search_exactly(lambda ask: search(ask, _LEARNED), namespace, limit)
    return sorted({item.key: item for item in items}.values(), key=lambda item: item.updated_at, reverse=True)


def _with_default(
    setup: Setup,
    store: BaseStore,
    namespace: tuple[str, ...],
    items: dict[str, Item],
    config: RunnableConfig | None,
) -> Steps[dict[str, Item]]:
    """Add what is stored under the key "default"; write the default there when nothing is stored at all."""
    assert setup.default is not None
    if DEFAULT_KEY in items:
        return items
    (item,) = yield from submit(store, [GetOp(namespace, DEFAULT_KEY)])
    if item is None and not items:
        content = setup.default(ensure_config(config))
        now = setup.clock.now().isoformat()
        value = {
            "kind": type(content).__name__,
            "content": content.model_dump(mode="json"),
            "valid_from": now,
            "meta": {"created_at": now},
        }
        lock = yield from enter(namespace)
        try:
            (item,) = yield from submit(store, [GetOp(namespace, DEFAULT_KEY)])
            if item is None:
                yield from submit(store, [put_op(store, namespace, DEFAULT_KEY, value, found=True)])
                (item,) = yield from submit(store, [GetOp(namespace, DEFAULT_KEY)])
        finally:
            leave(lock)
    return {DEFAULT_KEY: item, **items} if item is not None else items


def _writes(desk: Desk, kinds: dict[str, str], source: Callable[..., Provenance]) -> list[Write]:
    writes: list[Write] = []
    for id, content in desk.now.items():
        old = desk.before.get(id)
        if old == content:
            continue
        new, kind = content.model_dump(mode="json"), type(content).__name__
        if old is None:
            writes.append(Write("insert", source(new), kind=kind, content=new))
            continue
        base = old.model_dump(mode="json")
        fresh = {name: value for name, value in new.items() if value != base.get(name)}
        named = kinds[id] if isinstance(old, RawMemory) else kind
        writes.append(Write("update", source(fresh), id, named, new, base))
    for id, content in desk.deleted.items():
        gone = content.model_dump(mode="json")
        # Who speaks of it wants it deleted: that the user once said it is no reason to believe the tool that does now.
        writes.append(Write("delete", source(gone, ()), id, base=gone))
    return writes


def _without_echoes(writes: Sequence[Write], items: dict[str, Item]) -> tuple[list[Write], list[MemoryChange]]:
    """Part what says something from what the agent repeated of its own memories: that would be stored ever again."""
    kept: list[Write] = []
    echoes: list[MemoryChange] = []
    for write in writes:
        heard = None
        if write.action == "insert" and write.source.role == "assistant":
            heard = next(
                (key for key, item in items.items() if is_echo(write.content, content_of(item.value)[1])), None
            )
        if heard is None:
            kept.append(write)
        else:
            echoes.append(MemoryChange("unchanged", heard, write.content))
    return kept, echoes


def _remembered(item: Item) -> Segment:
    role, message_id, thread_id = (item.value.get(name) for name in ("role", "message_id", "thread_id"))
    return Segment(
        role if isinstance(role, str) and role in TRUST else "assistant",
        " ".join(leaf_texts(content_of(item.value)[1])),
        message_id if isinstance(message_id, str) else None,
        thread_id=thread_id if isinstance(thread_id, str) else None,
    )
