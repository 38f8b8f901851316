"""Reflection in the background: what was said in a thread becomes facts, merged with what is known, for all threads."""

from warmgraph.knowledge import create_memory_store_manager
from warmgraph.models import create_chat_model
from warmgraph.nodes import DEFAULT_NAMESPACE
from warmgraph.prebuilt import create_reflection_graph

graph = create_reflection_graph(create_memory_store_manager(create_chat_model(), namespace=DEFAULT_NAMESPACE))
