"""Review alone: memories that were kept aside, shown by an interrupt; approve, edit or reject them."""

from warmgraph.prebuilt import create_review_graph

graph = create_review_graph()
