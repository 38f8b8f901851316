"""Memories that a policy kept aside, until somebody decides: approve, edit or reject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from langgraph.store.base import BaseStore, GetOp, Item, PutOp, SearchItem, SearchOp

from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge.edits import MemoryChange
from warmgraph.knowledge.history import submit
from warmgraph.knowledge.ledger import Write, commit, quarantine_of
from warmgraph.knowledge.provenance import TRUST, Provenance
from warmgraph.steps import Steps

__all__ = ["Decision", "edited_content", "quarantined_steps", "settle"]

Decision: TypeAlias = Literal["approve", "edit", "reject"]

# An approval lends no more than what an assistant concludes: the words are still those of a tool or a stranger.
APPROVED = TRUST["assistant"]


def quarantined_steps(store: BaseStore, namespace: tuple[str, ...], limit: int) -> Steps[list[SearchItem]]:
    """Return what is kept aside, the oldest first."""
    place = quarantine_of(namespace)
    (found,) = yield from submit(store, [SearchOp(place, limit=limit, refresh_ttl=False)])
    here = [item for item in found if tuple(item.namespace) == place]
    return sorted(here, key=lambda item: (item.created_at, item.key))


def settle(
    store: BaseStore,
    namespace: tuple[str, ...],
    name: str,
    decision: Decision,
    now: str,
    content: Any = None,
) -> Steps[MemoryChange | None]:
    """Do what was decided about a memory that is kept aside, and take it from there.

    Done again, it does nothing: what was approved is stored by the same key, and says so already.

    Args:
        store: The store.
        namespace: Whose memory it is.
        name: What it goes by in quarantine.
        decision: "approve" to do what it asks for, "edit" to do it with other content, "reject" to drop it.
        now: When.
        content: The content, for "edit".

    Returns:
        What became of it; `None` when it is not there any more.

    Raises:
        InvalidArgumentError: The content is not of the form that the memory has.
    """
    place = quarantine_of(namespace)
    (aside,) = yield from submit(store, [GetOp(place, name, refresh_ttl=False)])
    if aside is None:
        return None
    written = aside.value["value"]
    if decision == "reject":
        change = MemoryChange("refused", aside.value["key"], written.get("content"), "policy", "rejected in review")
    else:
        kept = written["content"] if decision == "approve" else edited_content(written["content"], content)
        (item,) = yield from submit(store, [GetOp(namespace, aside.value["key"], refresh_ttl=False)])
        write = _write(aside, kept, decision, now, there=item is not None)
        ledger = yield from commit(store, namespace, [write], None)
        change = ledger.changes[0]
    yield from submit(store, [PutOp(place, name, None)])
    return change


def edited_content(before: Any, after: Any) -> Any:
    """Return edited content in the form that the memory has: a text, or fields.

    Raises:
        InvalidArgumentError: It has another form.

    Example:
        >>> edited_content({"content": "Likes spam."}, "Likes ham.")
        {'content': 'Likes ham.'}
    """
    if isinstance(after, str) and after.strip():
        if isinstance(before, str):
            return after
        if isinstance(before, Mapping) and set(before) == {"content"}:
            return {"content": after}
    if isinstance(after, Mapping) and isinstance(before, Mapping) and set(after) <= set(before) and after:
        return {**before, **after}
    expected = "a text" if isinstance(before, str) else f"an object with some of the fields {sorted(before)}"
    raise InvalidArgumentError("content", expected=expected, got=after)


def _write(aside: Item, content: Any, decision: Decision, now: str, *, there: bool) -> Write:
    written, action = aside.value["value"], aside.value["action"]
    if action == "update" and not there:
        action = "insert"  # what it would have changed is gone; it was approved all the same
    meta = written.get("meta") or {}
    source = Provenance(
        written["role"],
        max(written["trust"], APPROVED),
        # A change holds from the day on which somebody approved of it; what is new, since it was heard.
        written["said_at"] if action == "insert" else now,
        written.get("thread_id"),
        tuple(meta.get("message_ids") or ()),
        written.get("author"),
    )
    return Write(
        action,
        source,
        aside.value["key"],
        written.get("kind", "Memory"),
        content,
        aside.value.get("base"),
        plain="kind" not in written,
        meta={"reviewed_at": now, "review": "approved" if decision == "approve" else "edited"},
    )
