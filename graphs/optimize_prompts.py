"""Prompt optimization alone: prompts and conversations with feedback in, better prompts out."""

from warmgraph.models import create_chat_model
from warmgraph.prebuilt import create_prompt_optimization_graph

graph = create_prompt_optimization_graph(create_chat_model())
