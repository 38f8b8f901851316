"""consolidate: make the old memories of a user fewer."""

from __future__ import annotations

from typing import Any

from langgraph.types import RetryPolicy
from typing_extensions import TypedDict

from warmgraph.knowledge import Consolidated, Consolidator
from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.steps import Steps

__all__ = ["ConsolidationState", "create_consolidate_node"]


class ConsolidationState(TypedDict, total=False):
    """What a consolidation did: numbers, and no text.

    Attributes:
        consolidated: Memories before and after, summaries, archived turns, merged and forgotten facts, themes.
    """

    consolidated: dict[str, int]


def create_consolidate_node(
    consolidator: Consolidator, *, retry_policy: RetryPolicy | None = None, name: str = "consolidate"
) -> MemoryNode:
    """Create the node that consolidates the memories of the user for whom the graph runs.

    Writes `consolidated`. A failure of the store fails the run: what was done until then is done, and the next run goes
    on from there.

    Args:
        consolidator: Does the work: `warmgraph.knowledge.create_consolidator`.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node.
    """

    def logic(state: Any, visit: Visit) -> Steps[ConsolidationState]:
        done: Consolidated = yield from consolidator.steps(visit.config)
        return {"consolidated": done.as_json()}

    return MemoryNode(name, logic, retry_policy=retry_policy)
