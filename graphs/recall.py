"""Recall without a model: what the agent would be given for a message."""

from warmgraph.prebuilt import create_recall_graph

graph = create_recall_graph()
