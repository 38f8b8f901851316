"""Extraction alone: a conversation in, memories written to the store, what became of each out."""

from warmgraph.models import create_chat_model
from warmgraph.prebuilt import create_extraction_graph

graph = create_extraction_graph(create_chat_model())
