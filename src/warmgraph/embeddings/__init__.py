"""Vectors from texts: coercion of whatever embeds, a memo for queries, and offline hashing vectors."""

from warmgraph.embeddings.embedder import Embedder
from warmgraph.embeddings.hashing import HashingEmbeddings
from warmgraph.embeddings.resolve import create_embedder, default_embedding

__all__ = ["Embedder", "HashingEmbeddings", "create_embedder", "default_embedding"]
