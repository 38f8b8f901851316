"""The examples of the guide, as they are run by the tests of the documents."""

from __future__ import annotations

import re
from html import escape

__all__ = ["AGENT", "ERASE", "NODES", "STORE", "render_example"]

AGENT = """\
>>> from warmgraph import MemoryContext, WarmStore, create_memory_agent
>>> store = WarmStore.open("memory.db")
>>> agent = create_memory_agent("offline", store=store)  # or "openai:NAME", or any LangChain chat model
>>> ana = MemoryContext(user_id="ana")
>>> heard = agent.invoke({"messages": "I live in Lisbon."}, context=ana)
>>> asked = agent.invoke({"messages": "Where do I live?"}, context=ana)  # a new thread
>>> asked["recall"]["tier"]
'warm'
>>> "Lisbon" in asked["messages"][-1].text
True
"""

STORE = """\
>>> bob = ("memories", "bob")
>>> store.put(bob, "tea", {"content": "Bob drinks green tea."})
>>> store.recall(bob, "tea").tier  # the first touch of a namespace brings its best memories into RAM
'long_term'
>>> found = store.recall(bob, "What does Bob drink?")
>>> found.tier, found.items[0].key, found.decision.reason
('warm', 'tea', 'everything is warm')
"""

NODES = """\
>>> from langgraph.graph import END, START, StateGraph
>>> from warmgraph.nodes import *
>>> builder = StateGraph(MemoryState, context_schema=MemoryContext)
>>> for node in (create_recall_node(), create_warm_hit_node(), create_vector_fallback_node(),
...              create_pack_context_node(), create_agent_node("offline"), create_remember_node()):
...     _ = builder.add_node(node)
>>> for begin, end in [(START, "recall"), ("recall", "warm_hit"), ("vector_fallback", "pack_context"),
...                    ("pack_context", "agent"), ("agent", "remember"), ("remember", END)]:
...     _ = builder.add_edge(begin, end)
>>> graph = builder.compile(store=store)
"""

ERASE = """\
>>> from warmgraph import forget
>>> report = forget(store, bob)  # every tier, vector, index, summary, job and file page
>>> report.memories, report.complete
(1, True)
>>> store.close()
"""


def render_example(example: str) -> str:
    """Return an example as HTML: without its prompts, so that it can be copied; what it says as comments."""
    lines = []
    for line in example.rstrip("\n").split("\n"):
        if re.match(r"(>>>|\.\.\.)( |$)", line):
            lines.append(escape(line[4:]))
        else:
            lines.append(f'<span class="said"># {escape(line)}</span>')
    return f'<pre tabindex="0"><code>{chr(10).join(lines)}</code></pre>'
