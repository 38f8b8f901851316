"""The memory agent. The server gives it a store and a checkpointer; `OPENAI_API_KEY` or `WARMGRAPH_MODEL` a model."""

from warmgraph.models import create_chat_model
from warmgraph.prebuilt import create_memory_agent

graph = create_memory_agent(create_chat_model(), reflection="reflect")
