"""What the nodes read and write: the channels of a graph with memory."""

from __future__ import annotations

from typing import Annotated

from langchain_core.messages import AnyMessage
from langgraph.channels import UntrackedValue
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from warmgraph.nodes.failures import MemoryFailure, gather_failures
from warmgraph.recall.held import HeldItems
from warmgraph.recall.traces import RecallTrace
from warmgraph.short_term.summary import RunningSummary

__all__ = ["MemoryChannels", "MemoryInput", "MemoryOutput", "MemoryReads", "MemoryState", "RecallOutput"]


class MemoryChannels(TypedDict, total=False):
    """What memory adds to a graph's state. A graph gets these channels by adding one of the nodes.

    Attributes:
        recall: What was found for the last human message: keys and scores, no text.
        memory_context: The block of memories of this run, where `create_pack_context_node` was told to show it. It
            lives as long as the run and is never checkpointed.
        memory_items: What was read and packed in this run, on its way from node to node. Never checkpointed, and
            without text for whoever streams or stores it: forgetting a memory leaves no copies of it with threads.
        memory_errors: What failed in this run.
        running_summary: The summary of the thread so far, where it has outgrown its limit.
    """

    recall: RecallTrace
    memory_context: Annotated[str, UntrackedValue(str)]
    memory_items: Annotated[HeldItems, UntrackedValue(HeldItems)]
    memory_errors: Annotated[list[MemoryFailure], gather_failures]
    running_summary: RunningSummary


class MemoryState(MemoryChannels):
    """The state of a conversation with memory: `messages`, and the channels above."""

    messages: Annotated[list[AnyMessage], add_messages]


class MemoryReads(MemoryChannels, total=False):
    """What the nodes read.

    `messages` comes without a reducer, so that the nodes fit into any graph that has such a key, however it merges it.
    """

    messages: list[AnyMessage]


class MemoryInput(TypedDict):
    """What a run starts from; Studio shows it as a form."""

    messages: Annotated[list[AnyMessage], add_messages]


class MemoryOutput(TypedDict, total=False):
    """What a run of the memory agent returns."""

    messages: Annotated[list[AnyMessage], add_messages]
    recall: RecallTrace
    memory_errors: Annotated[list[MemoryFailure], gather_failures]


class RecallOutput(TypedDict, total=False):
    """What a run of the recall graph returns."""

    recall: RecallTrace
    memory_context: Annotated[str, UntrackedValue(str)]
    memory_errors: Annotated[list[MemoryFailure], gather_failures]
