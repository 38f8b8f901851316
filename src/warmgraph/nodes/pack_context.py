"""pack_context: turn what was recalled into one bounded block for the model."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from langgraph.types import RetryPolicy

from warmgraph.nodes.context import DEFAULT_NAMESPACE
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.traces import current_trace
from warmgraph.recall.held import HeldItems
from warmgraph.recall.packing import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_MIN_SCORE,
    LeftOut,
    Packed,
    TokenCounter,
    pack_from_store,
)
from warmgraph.recall.receipts import candidates_of
from warmgraph.steps import Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["create_pack_context_node"]


def create_pack_context_node(
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    min_score: float = DEFAULT_MIN_SCORE,
    token_counter: TokenCounter | None = None,
    show: bool = True,
    retry_policy: RetryPolicy | None = None,
    name: str = "pack_context",
) -> MemoryNode:
    """Create the node that packs the recalled memories into one block for the model.

    Reads `recall` and `memory_items`, and fetches by key what is not among these; writes `memory_context` (empty when
    nothing is relevant) and emits the receipt of the recall. The block is escaped, so that no memory can close it, and
    never exceeds `max_tokens`. Memories are those of this run's user, whatever the state says.

    Args:
        namespace: Template of the namespace.
        max_tokens: What the block may cost. The worst-ranked memories go first.
        min_score: Memories that score lower are left out; what has no score stays.
        token_counter: Counts the tokens of messages; by default four characters are taken for a token.
        show: Whether to write `memory_context`, for nodes of your own. Ours take the block from `memory_items`. A
            LangGraph server keeps the last value of every channel with a thread, and this one is text.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node.

    Example:
        >>> create_pack_context_node(max_tokens=500).name
        'pack_context'
    """
    template = NamespaceTemplate(namespace)

    def logic(state: MemoryReads, visit: Visit) -> Steps[dict[str, Any]]:
        began = perf_counter()
        place = visit.namespace(template)
        trace = current_trace(state)
        if trace is None:
            return {"memory_context": ""} if show else {}
        packed, update, held = Packed(), dict[str, Any](), HeldItems.of(state.get("memory_items"))
        if trace["items"]:
            try:
                packed = yield from pack_from_store(
                    visit.store,
                    place,
                    trace["items"],
                    held=held,
                    max_tokens=max_tokens,
                    min_score=min_score,
                    token_counter=token_counter,
                )
            except Exception as error:
                update["memory_errors"] = [visit.failed(error, [trace["query"]])]
        candidates = candidates_of(trace, packed)
        left_out: dict[str, LeftOut] = {}
        if packed.left_out or trace.get("dropped"):
            left_out = {each["key"]: each["left_out"] for each in candidates if each["left_out"] is not None}
        visit.emit(
            {
                "type": "memory_recall",
                "tier": trace["tier"],
                "decision": trace["decision"],
                "namespace": list(place),
                "keys": list(packed.keys),
                "scores": list(packed.scores),
                "count": len(packed.keys),
                "tokens": packed.tokens,
                "left_out": left_out,
                "candidates": candidates,
                "milliseconds": trace["milliseconds"] + (perf_counter() - began) * 1000,
            }
        )
        update["memory_items"] = held.with_block(place, packed.text)
        if show:
            update["memory_context"] = packed.text
        return update

    return MemoryNode(name, logic, retry_policy=retry_policy)
