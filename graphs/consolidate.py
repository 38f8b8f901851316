"""Consolidation of old memories: summaries with their sources, themes, forgetting. Run it by hand or by cron."""

from warmgraph.models import create_chat_model
from warmgraph.prebuilt import create_consolidation_graph

graph = create_consolidation_graph(create_chat_model())
