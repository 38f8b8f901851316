"""Search queries that a model writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from warmgraph.extraction_request import ExtractionRequest
from warmgraph.knowledge.conversation import Segment, said_lines
from warmgraph.knowledge.edits import read_edits
from warmgraph.knowledge.extraction import Asker
from warmgraph.steps import Steps

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

__all__ = ["SEARCH_TOOL", "written_queries"]

SEARCH_TOOL = "search_memory"
MOST_QUERIES = 8

_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": SEARCH_TOOL,
        "description": "Search your long-term memories for information relevant to your current context.",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {
                    "type": "string",
                    "description": "What to look for: best a memory as it might have been written.",
                }
            },
            "required": ["query"],
        },
    },
}
_PROMPT = "Use parallel tool calling to search for distinct memories relevant to this conversation."


def written_queries(
    model: BaseChatModel, segments: Sequence[Segment], config: RunnableConfig | None, prompt: str = _PROMPT
) -> Steps[list[str]]:
    """Have a model write search queries for a conversation, by one call.

    Returns:
        The queries, each once; none when it wrote none.
    """
    asker = Asker(model, [_TOOL], config, SEARCH_TOOL)
    shown = ExtractionRequest(prompt, [], said_lines(segments)).render()
    reply: BaseMessage = yield asker.ask([SystemMessage(prompt), HumanMessage(shown)])
    called = [(call["name"], call["args"]) for call in reply.tool_calls] if isinstance(reply, AIMessage) else []
    called = called or [(edit.tool, edit.arguments) for edit in read_edits(reply.text) or ()]
    queries = (
        arguments.get("query") for name, arguments in called if name == SEARCH_TOOL and isinstance(arguments, Mapping)
    )
    return list(dict.fromkeys(query for query in queries if isinstance(query, str) and query.strip()))[:MOST_QUERIES]
