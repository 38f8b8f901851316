"""The block of memories for a call of the model: as it was packed, or made again."""

from __future__ import annotations

from typing import Any

from warmgraph.nodes.node import Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.traces import current_trace
from warmgraph.recall.held import HeldItems
from warmgraph.recall.packing import TokenCounter, pack_from_store
from warmgraph.steps import Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["block_steps"]


def block_steps(
    state: MemoryReads,
    visit: Visit,
    template: NamespaceTemplate,
    update: dict[str, Any],
    *,
    max_tokens: int,
    min_score: float,
    token_counter: TokenCounter | None,
) -> Steps[str]:
    """Return the block in `memory_items` or else in `memory_context`; one that is gone is made again from the keys.

    It is gone when a run was resumed: no checkpoint holds it.

    Args:
        state: The state.
        visit: The run of the node.
        template: Template of the namespace.
        update: Gets what was packed again, or what failed.
        max_tokens: What the block may cost.
        min_score: Memories that score lower are left out.
        token_counter: Counts the tokens of messages.
    """
    block = HeldItems.of(state.get("memory_items")).block
    if block is None:
        block = state.get("memory_context")
    if block is not None:
        return block
    trace = current_trace(state)
    if trace is None or not trace["items"]:
        return ""
    place = visit.namespace(template)
    try:
        packed = yield from pack_from_store(
            visit.store,
            place,
            trace["items"],
            held=HeldItems.of(state.get("memory_items")),
            max_tokens=max_tokens,
            min_score=min_score,
            token_counter=token_counter,
        )
    except Exception as error:
        update["memory_errors"] = [visit.failed(error, [trace["query"]])]
        return ""
    update["memory_items"] = HeldItems(place, block=packed.text)
    return packed.text
