"""Writing memories: each once, changes merged with those of others, and what was before kept as history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from warmgraph.knowledge.edits import MemoryChange
from warmgraph.knowledge.history import ROOT, MemoryRevision, began, history_of, put_op, retire, submit
from warmgraph.knowledge.policy import Candidate, MemoryPolicy
from warmgraph.knowledge.provenance import Provenance
from warmgraph.knowledge.sameness import fingerprint, gist
from warmgraph.knowledge.schemas import content_of
from warmgraph.knowledge.turnstile import enter, leave
from warmgraph.recall.tiers import long_term_steps
from warmgraph.steps import Steps
from warmgraph.store.records import text_of
from warmgraph.store.validity import as_instant

__all__ = ["Write", "commit", "created_at", "quarantine_of", "restore"]

MEMORIES = uuid5(NAMESPACE_URL, "warmgraph:memory")
NEAR = 5  # memories that a new one is compared with


@dataclass(frozen=True, slots=True)
class Write:
    """One change to be written.

    Args:
        action: What to do.
        source: Where the content comes from.
        key: The memory; `None` for a new one, which goes by its content. An insert under a key that is taken changes
            what stands there.
        kind: Name of the schema.
        content: The content; unused when deleting.
        base: The content from which the change was made: what others changed since is kept.
        plain: Whether `content` is written as LangMem's tool does, without a kind.
        meta: More of what code knows of it, for the record's `meta`.
    """

    action: Literal["insert", "update", "delete"]
    source: Provenance
    key: str | None = None
    kind: str = "Memory"
    content: Any = None
    base: Any = None
    plain: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Ledger:
    """What a commit did: a change for each write, and what was put."""

    changes: list[MemoryChange] = field(default_factory=list)
    puts: list[dict[str, Any]] = field(default_factory=list)


def commit(
    store: BaseStore,
    namespace: tuple[str, ...],
    writes: Sequence[Write],
    policy: MemoryPolicy | None,
    known: Mapping[str, str] | None = None,
) -> Steps[Ledger]:
    """Write changes. An error of the store ends it and surfaces; what was written before stays.

    Args:
        store: The store.
        namespace: Where to.
        writes: The changes.
        policy: Decides what is stored; `None` stores everything.
        known: Keys of memories that are known to be there, by fingerprint.
    """
    ledger = Ledger()
    if not writes:
        return ledger
    lock = yield from enter(namespace)
    try:
        for write in writes:
            if write.action == "insert":
                yield from _insert(store, namespace, write, policy, known or {}, ledger)
            else:
                yield from _change(store, namespace, write, policy, ledger)
    finally:
        leave(lock)
    return ledger


def restore(store: BaseStore, namespace: tuple[str, ...], key: str, now: str) -> Steps[MemoryRevision | None]:
    """Make the last revision of a memory that is history its value again, and its value until now history."""
    lock = yield from enter(namespace)
    try:
        past = [revision for revision in (yield from history_of(store, namespace, key)) if revision.ended is not None]
        if not past:
            return None
        (item,) = yield from submit(store, [GetOp(namespace, key)])
        value = {**past[-1].value, "valid_from": now}
        ops = []
        if item is not None:
            retired, revision, _ = yield from retire(store, item, now, "changed")
            ops.append(retired)
            value["supersedes"] = revision
        yield from submit(store, [*ops, put_op(store, namespace, key, value, found=True)])
        return past[-1]
    finally:
        leave(lock)


def created_at(item: Item) -> str:
    """Return when a memory was first written, on stores too that forget it when a value is replaced."""
    meta = item.value.get("meta")
    noted = meta.get("created_at") if isinstance(meta, Mapping) else None
    return noted if isinstance(noted, str) else item.created_at.isoformat()


def quarantine_of(namespace: tuple[str, ...]) -> tuple[str, ...]:
    """Return where memories are kept aside for review, outside of what is ever recalled."""
    return (ROOT, "quarantine", str(len(namespace)), *namespace)


def _insert(
    store: BaseStore,
    namespace: tuple[str, ...],
    write: Write,
    policy: MemoryPolicy | None,
    known: Mapping[str, str],
    ledger: Ledger,
) -> Steps[None]:
    same = fingerprint(write.kind, write.content)
    key, item = known.get(same), None
    if key is not None:
        (item,) = yield from submit(store, [GetOp(namespace, key)])
        if item is not None and fingerprint(*content_of(item.value)) == same:
            ledger.changes.append(MemoryChange("unchanged", key, write.content))
            return
    if write.key is not None:
        key = write.key
        (item,) = yield from submit(store, [GetOp(namespace, key)])
        if item is not None:
            yield from _change(store, namespace, write, policy, ledger)
            return
    else:
        for number in count():
            # A memory that was changed since stands under the key of what it first said.
            key = str(uuid5(MEMORIES, f"{number}:{same}"))
            (item,) = yield from submit(store, [GetOp(namespace, key)])
            if item is None:
                break
            if fingerprint(*content_of(item.value)) == same and not item.value.get("valid_to"):
                ledger.changes.append(MemoryChange("unchanged", key, write.content))
                return
        says_so = yield from _saying_so(store, namespace, write)
        if says_so is not None:
            ledger.changes.append(MemoryChange("unchanged", says_so, write.content))
            return
    assert key is not None
    allowed = yield from _judged(store, namespace, key, write, policy, None, ledger)
    if allowed:
        value = _value(write, write.content, {}, write.source.said_at)
        yield from submit(store, [put_op(store, namespace, key, value, found=True)])
        _written(ledger, "added", namespace, key, value)


def _saying_so(store: BaseStore, namespace: tuple[str, ...], write: Write) -> Steps[str | None]:
    """Return the key of a memory that says the same in nearly the same words, if one is found by them."""
    says = gist(write.content)
    if says is None:
        return None
    text = text_of(write.content)
    near = yield from long_term_steps(store, namespace, text, NEAR, {"type": "semantic"}, ())
    for item in near.items:
        kind, content = content_of(item.value)
        if (kind or "Memory") == write.kind and gist(content) == says:
            return item.key
    return None


def _change(
    store: BaseStore, namespace: tuple[str, ...], write: Write, policy: MemoryPolicy | None, ledger: Ledger
) -> Steps[None]:
    assert write.key is not None
    (item,) = yield from submit(store, [GetOp(namespace, write.key)])
    if item is None:
        told = f"there is no memory {write.key!r}"
        ledger.changes.append(MemoryChange("rejected", write.key, write.content, "unknown_id", told))
        return
    old_kind, current = content_of(item.value)
    # What was said before the memory began, and was read only now, ends it at once and not earlier.
    now = max(write.source.said_at, began(item), key=as_instant)
    if write.action == "delete":
        gone = replace(write, kind=old_kind or "Memory", content=current)
        allowed = yield from _judged(store, namespace, write.key, gone, policy, dict(item.value), ledger)
        if not allowed:
            return
        past, _, _ = yield from retire(store, item, now, "deleted")
        yield from submit(store, [past, PutOp(namespace, write.key, None)])
        ledger.changes.append(MemoryChange("deleted", write.key, current))
        return
    merged = _merged(write.base, current, write.content)
    if merged == current and (write.plain or (old_kind or "Memory") == write.kind):
        ledger.changes.append(MemoryChange("unchanged", write.key, merged))
        return
    allowed = yield from _judged(store, namespace, write.key, write, policy, dict(item.value), ledger)
    if not allowed:
        return
    past, revision, old = yield from retire(store, item, now, "changed")
    value = _value(write, merged, old, created_at(item)) | {"valid_from": now, "supersedes": revision}
    yield from submit(store, [past, put_op(store, namespace, write.key, value, found=True)])
    _written(ledger, "changed", namespace, write.key, value)


def _judged(
    store: BaseStore,
    namespace: tuple[str, ...],
    key: str,
    write: Write,
    policy: MemoryPolicy | None,
    replaces: dict[str, Any] | None,
    ledger: Ledger,
) -> Steps[bool]:
    """Ask the policy; keep aside what it quarantines."""
    if policy is None:
        return True
    content = {"content": write.content} if isinstance(write.content, str) else write.content
    verdict = policy.decide(Candidate(namespace, write.kind, content, write.source, replaces, write.action))
    if verdict == "store":
        return True
    told = f"its source is {write.source.role!r}, of trust {write.source.trust}"
    if verdict == "refuse":
        ledger.changes.append(MemoryChange("refused", key, write.content, "policy", told))
        return False
    aside = {
        "key": key,
        "action": write.action,
        "base": write.base,
        "value": _value(write, write.content, {}, write.source.said_at),
    }
    name = str(uuid5(MEMORIES, f"{key}:{fingerprint(write.kind, write.content)}"))
    yield from submit(store, [put_op(store, quarantine_of(namespace), name, aside, found=False)])
    ledger.changes.append(MemoryChange("quarantined", key, write.content, "policy", told))
    return False


def _value(write: Write, content: Any, old: Mapping[str, Any], created: str) -> dict[str, Any]:
    """Put a value together: other fields of the old one stay, those that say where it comes from are written anew."""
    stale = ("author", "message_id", "thread_id", "valid_to")
    kept = {name: inner for name, inner in old.items() if name not in stale} if "content" in old else {}
    meta = dict(kept.get("meta") or {}) if isinstance(kept.get("meta"), Mapping) else {}
    meta["created_at"] = created
    if write.source.message_ids:
        meta["message_ids"] = list(write.source.message_ids)
    meta.update(write.meta)
    kind = {} if write.plain else {"kind": write.kind}
    valid_from = {} if old else {"valid_from": write.source.said_at}
    return {"type": "semantic", **kept, **kind, "content": content, **write.source.fields(), **valid_from, "meta": meta}


def _written(
    ledger: Ledger, action: Literal["added", "changed"], namespace: tuple[str, ...], key: str, value: dict[str, Any]
) -> None:
    ledger.changes.append(MemoryChange(action, key, value["content"]))
    ledger.puts.append({"namespace": namespace, "key": key, "value": value})


def _merged(base: Any, current: Any, new: Any) -> Any:
    """Return the new content, with what somebody else changed since the base, field by field."""
    if not (isinstance(base, Mapping) and isinstance(current, Mapping) and isinstance(new, Mapping)):
        return new
    merged = {name: inner for name, inner in new.items() if name not in base or inner != base[name]}
    return {**{name: current.get(name, new.get(name)) for name in (*current, *new)}, **merged}
