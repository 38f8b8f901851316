"""Reflection in the background: what was said in a thread, as a memory that other threads recall."""

from warmgraph.models import create_chat_model
from warmgraph.nodes import ThreadSummarizer
from warmgraph.prebuilt import create_reflection_graph

graph = create_reflection_graph(ThreadSummarizer(create_chat_model()))
