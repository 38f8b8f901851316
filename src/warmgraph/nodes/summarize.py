"""summarize: shorten what the model will see of the thread in its next turn."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from langgraph.types import RetryPolicy

from warmgraph.nodes.node import MemoryNode, Visit
from warmgraph.nodes.state import MemoryReads
from warmgraph.nodes.summarizer import Summarizer
from warmgraph.nodes.turns import message_text
from warmgraph.steps import Steps

__all__ = ["create_summarize_node"]


def create_summarize_node(
    summarizer: Summarizer, *, retry_policy: RetryPolicy | None = None, name: str = "summarize"
) -> MemoryNode:
    """Create the node that summarizes a thread after an answer, once it has outgrown its limit.

    Reads `messages` and `running_summary`; writes the latter, which the node `agent` shows to the model in place of the
    messages that went into it. It never changes `messages`. Where nothing is due it returns at once. A model that
    fails leaves the thread as it is; the failure is noted, and the next turn tries again.

    Args:
        summarizer: Says when and how; give the same one to the agent.
        retry_policy: The policy that `add_node` gets for this node.
        name: Name of the node.

    Example:
        >>> from langgraph.graph import StateGraph
        >>> from warmgraph.nodes import MemoryState
        >>> summarizer = Summarizer("offline", max_tokens=100, max_summary_tokens=40)
        >>> builder = StateGraph(MemoryState).add_node(create_summarize_node(summarizer))
        >>> graph = builder.set_entry_point("summarize").compile()
        >>> said = [("user", "I live in Lisbon."), ("ai", "Noted. " * 60), ("user", "Thanks!")]
        >>> state = graph.invoke({"messages": said}, {"configurable": {"thread_id": "1"}})
        >>> state["running_summary"]["summary"], len(state["messages"])
        ('- The user said: "I live in Lisbon."', 3)
    """

    def logic(state: MemoryReads, visit: Visit) -> Steps[dict[str, Any] | None]:
        if not summarizer.due(state, visit):
            return None
        began = perf_counter()
        before = state.get("running_summary")
        try:
            result = yield from summarizer.summarize(state, visit)
        except Exception as error:
            private = map(message_text, state.get("messages", []))
            return {"memory_errors": [visit.failed(error, private)]}
        running = result.running_summary
        if running is None or running == before:
            return None
        visit.emit(
            {
                "type": "memory_summarize",
                "messages": len(running["summarized_message_ids"]),
                "kept": len(result.messages) - 1,
                "milliseconds": (perf_counter() - began) * 1000,
            }
        )
        return {"running_summary": running}

    return MemoryNode(name, logic, retry_policy=retry_policy)
