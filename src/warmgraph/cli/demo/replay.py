"""Write conversations into a store, turn by turn, as an application would."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from langgraph.store.base import BaseStore

from warmgraph.bench.conversations import Conversation, Pack, Turn, record_of
from warmgraph.nodes import DEFAULT_NAMESPACE
from warmgraph.store import NamespaceTemplate

__all__ = ["namespace_of", "replay"]


def replay(pack: Pack, store: BaseStore, tell: Callable[[int, Conversation, Turn], None]) -> list[float]:
    """Put every turn of a pack, in the order in which things were said.

    Args:
        pack: The conversations.
        store: Where to.
        tell: Called before each put, with the number of turns before it.

    Returns:
        Milliseconds of each put, until it was acknowledged.
    """
    said = [(turn, conversation) for conversation in pack.conversations for turn in conversation.turns]
    said.sort(key=lambda each: each[0].said_at)  # stable: turns of one session share their time
    took: list[float] = []
    for turn, conversation in said:
        tell(len(took), conversation, turn)
        value = record_of(conversation.user, turn).to_value()
        began = perf_counter()
        store.put(namespace_of(conversation.user), turn.key, value, index=["content"])
        took.append(1000 * (perf_counter() - began))
    return took


def namespace_of(user: str) -> tuple[str, ...]:
    """Return the namespace in which the agent looks for a user's memories.

    Example:
        >>> namespace_of("ana@example.org")
        ('memories', 'ana@example%2Eorg')
    """
    return NamespaceTemplate(DEFAULT_NAMESPACE).resolve({"user_id": user})
