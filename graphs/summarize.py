"""Summarization alone: a thread in, a running summary and the newest messages out."""

from warmgraph.models import create_chat_model
from warmgraph.prebuilt import create_summarization_graph

graph = create_summarization_graph(create_chat_model())
