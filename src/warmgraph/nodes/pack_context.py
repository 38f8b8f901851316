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
from warmgraph.recall.packing import DEFAULT_MAX_TOKENS, DEFAULT_MIN_SCORE, Packed, TokenCounter, pack_from_store
from warmgraph.steps import Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["create_pack_context_node"]


def create_pack_context_node(
    namespace: str | Sequence[str] = DEFAULT_NAMESPACE,
    *,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    min_score: float = DEFAULT_MIN_SCORE,
    token_counter: TokenCounter | None = None,
    retry_policy: RetryPolicy | None = None,
    name: str = "pack_context",
) -> MemoryNode:
    """Create the node that fetches the recalled memories and packs them into one block for the model.

    Reads `recall`; writes `memory_context` (empty when nothing is relevant) and emits the receipt of the recall. The
    block is escaped, so that no memory can close it, and never exceeds `max_tokens`. Memories are fetched from the
    namespace of this run's user, whatever the state says.

    Args:
        namespace: Template of the namespace.
        max_tokens: What the block may cost. The worst-ranked memories go first.
        min_score: Memories that score lower are left out; what has no score stays.
        token_counter: Counts the tokens of messages; by default four characters are taken for a token.
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
            return {"memory_context": ""}
        packed, update = Packed(), dict[str, Any]()
        if trace["items"]:
            try:
                packed = yield from pack_from_store(
                    visit.store,
                    place,
                    trace["items"],
                    max_tokens=max_tokens,
                    min_score=min_score,
                    token_counter=token_counter,
                )
            except Exception as error:
                update["memory_errors"] = [visit.failed(error, [trace["query"]])]
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
                "left_out": packed.left_out,
                "milliseconds": trace["milliseconds"] + (perf_counter() - began) * 1000,
            }
        )
        return {"memory_context": packed.text, **update}

    return MemoryNode(name, logic, retry_policy=retry_policy)
