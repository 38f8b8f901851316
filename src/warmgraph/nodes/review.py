"""review: ask a human about memories that were kept aside, and do what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from langgraph.store.base import GetOp, Item
from langgraph.types import RetryPolicy, interrupt
from typing_extensions import TypedDict

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError
from warmgraph.extraction_request import DELETE, UPDATE
from warmgraph.knowledge.ledger import quarantine_of
from warmgraph.knowledge.review import edited_content, quarantined_steps, settle
from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.steps import Io, Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["ReviewState", "ReviewedMemory", "create_find_quarantined_node", "create_review_node"]

ADD = "add_memory"
_ACTIONS = {"insert": ADD, "update": UPDATE, "delete": DELETE}
_DECISIONS = ("approve", "edit", "reject")


class ReviewedMemory(TypedDict):
    """What was decided about a memory, and what became of it: keys and no text."""

    id: str
    key: str | None
    decision: str
    action: str


class ReviewState(TypedDict, total=False):
    """What is to be reviewed, by the ids that it has in quarantine, and what was.

    Attributes:
        pending: Ids, the oldest first.
        reviewed: What became of each.
    """

    pending: list[str]
    reviewed: list[ReviewedMemory]


def create_find_quarantined_node(
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    limit: int = 10,
    retry_policy: RetryPolicy | None = None,
    name: str = "find_quarantined",
) -> MemoryNode:
    """Create the node that looks for memories which were kept aside; `review` asks about them.

    Writes `pending`, and begins `reviewed` anew.

    Args:
        namespace: Template of the namespace.
        limit: How many are reviewed at once.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node.

    Raises:
        InvalidArgumentError: A bad argument.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidArgumentError("limit", expected="an integer >= 1", got=limit)
    template = NamespaceTemplate(namespace)

    def logic(state: Any, visit: Visit) -> Steps[ReviewState]:
        found = yield from quarantined_steps(visit.store, visit.namespace(template), limit)
        return {"pending": [item.key for item in found], "reviewed": []}

    return MemoryNode(name, logic, retry_policy=retry_policy)


def create_review_node(
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    clock: Clock | None = None,
    retry_policy: RetryPolicy | None = None,
    name: str = "review",
) -> MemoryNode:
    """Create the node that interrupts the run to have a human decide about memories that were kept aside.

    Reads `pending`; writes `reviewed`. The interrupt has the form of LangChain's human-in-the-loop middleware, so that
    its user interfaces show it: `{"action_requests", "review_configs"}`, one request for each memory, named
    "add_memory", "update_memory" or "delete_memory", with `content` in its `args` and where it comes from in its
    `description`. Resume with `{"decisions": [...]}`, one for each in order: `{"type": "approve"}`, `{"type": "edit",
    "edited_action": {"name": ..., "args": {"content": ...}}}` or `{"type": "reject"}`. An answer that is none is asked
    for again, with what is wrong about it in `error`. Whatever was approved stays as trusted as what an assistant
    concludes, with the source that it has.

    It needs a checkpointer. The interrupt shows what would be stored, and is kept in the checkpoint of its thread.

    Args:
        namespace: Template of the namespace.
        clock: Tells when it was reviewed.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node.
    """
    template = NamespaceTemplate(namespace)
    told = clock if clock is not None else SystemClock()

    def logic(state: Any, visit: Visit) -> Steps[ReviewState | None]:
        place, store, pending = visit.namespace(template), visit.store, state.get("pending") or []
        if not pending:
            return None
        ops = [GetOp(quarantine_of(place), id, refresh_ttl=False) for id in pending]
        items: list[Item | None] = yield Io(partial(store.batch, ops), partial(store.abatch, ops))
        now = told.now().isoformat()
        reviewed: list[ReviewedMemory] = []
        # By position, also of what somebody else has decided about meanwhile.
        for id, item, (decision, content) in zip(pending, items, _ask(items), strict=True):
            change = None
            if item is not None:
                change = yield from settle(store, place, id, decision, now, content)
            if change is None:
                reviewed.append({"id": id, "key": None, "decision": decision, "action": "gone"})
            else:
                reviewed.append({"id": id, "key": change.id, "decision": decision, "action": change.action})
        return {"pending": [], "reviewed": reviewed}

    return MemoryNode(name, logic, retry_policy=retry_policy)


def _ask(items: Sequence[Item | None]) -> list[tuple[Any, Any]]:
    """Interrupt, until the answer is one; return for each item what was decided, and the content of an edit."""
    names = dict.fromkeys(_name(item) for item in items)
    request: dict[str, Any] = {
        "action_requests": [_request(item) for item in items],
        "review_configs": [
            {
                "action_name": name,
                "allowed_decisions": [each for each in _DECISIONS if name != DELETE or each != "edit"],
            }
            for name in names
        ],
    }
    answer = interrupt(request)
    while True:
        try:
            return _decisions(answer, items)
        except InvalidArgumentError as error:
            answer = interrupt({**request, "error": str(error)})


def _decisions(answer: Any, items: Sequence[Item | None]) -> list[tuple[Any, Any]]:
    given = answer.get("decisions") if isinstance(answer, Mapping) else answer
    if not isinstance(given, list) or len(given) != len(items):
        raise InvalidArgumentError("decisions", expected=f"a list of {len(items)}, one for each request", got=answer)
    return [_decision(one, item) for one, item in zip(given, items, strict=True)]


def _decision(given: Any, item: Item | None) -> tuple[Any, Any]:
    what = given.get("type") if isinstance(given, Mapping) else None
    if what not in _DECISIONS or (what == "edit" and _name(item) == DELETE):
        raise InvalidArgumentError("type", expected=f"one of {', '.join(_DECISIONS)}", got=given)
    if what != "edit" or item is None:
        return what, None
    action = given.get("edited_action")
    args = action.get("args") if isinstance(action, Mapping) else None
    content = args.get("content") if isinstance(args, Mapping) else None
    edited_content(item.value["value"]["content"], content)
    return what, content


def _request(item: Item | None) -> dict[str, Any]:
    if item is None:
        return {"name": ADD, "args": {}, "description": "Somebody else has decided about this one."}
    aside = item.value
    value, args = aside["value"], {"content": aside["value"]["content"]}
    if aside["action"] != "insert":
        args["id"] = aside["key"]
    if aside["action"] == "update":
        args["before"] = aside.get("base")
    thread = f", in thread {value['thread_id']}" if value.get("thread_id") else ""
    said = f"Said by {value['role']!r}, trusted {value['trust']:g}{thread}, {value['said_at']}."
    return {"name": _name(item), "args": args, "description": said}


def _name(item: Item | None) -> str:
    return ADD if item is None else _ACTIONS[item.value["action"]]
