"""Memory for any client: wrap it, and it remembers, with no second call of a model or with one in the background."""

from __future__ import annotations

from warmgraph.clients.chat_model import MemoryChatModel
from warmgraph.clients.memory import ClientMemory, StoredMemory
from warmgraph.clients.middleware import create_inline_memory_middleware
from warmgraph.clients.node import create_inline_memory_node
from warmgraph.clients.openai_shape import AsyncMemoryClient, MemoryClient
from warmgraph.clients.wrap import with_fast_memory, with_memory

__all__ = [
    "AsyncMemoryClient",
    "ClientMemory",
    "MemoryChatModel",
    "MemoryClient",
    "StoredMemory",
    "create_inline_memory_middleware",
    "create_inline_memory_node",
    "with_fast_memory",
    "with_memory",
]
