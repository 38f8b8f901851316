"""Where a memory comes from: found by comparing words, never by asking the model that wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warmgraph.disguises import undisguised
from warmgraph.index.tokens import analyze
from warmgraph.knowledge.conversation import Segment
from warmgraph.store.records import leaf_texts

__all__ = ["TRUST", "Provenance", "trace"]

TRUST = {"user": 1.0, "assistant": 0.5, "tool": 0.2, "quoted": 0.2}
"""How far a source is trusted. What the user said is so; what an assistant concluded may be; what came from outside
was written by anybody."""

SMALLEST_SHARE = 1 / 3
"""Of the words of a memory that somebody has to have said to be its source, where outside texts stand beside: what is
worded in a way that nobody used may be theirs, spelled so that no word of it is recognized."""

# In the order in which they lose a tie: words that a tool brought and the assistant repeated are the tool's.
_UNTRUSTED = ("tool", "quoted")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a memory comes from.

    Args:
        role: "user", "assistant", "tool" or "quoted".
        trust: How far that source is trusted, in [0, 1].
        said_at: When it was said, or extracted where that is not known, ISO 8601.
        thread_id: The thread that it was said in.
        message_ids: The messages whose words it shares, the closest first.
        author: Name of who said it, where there is one.
    """

    role: str
    trust: float
    said_at: str
    thread_id: str | None = None
    message_ids: tuple[str, ...] = ()
    author: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return it as the fields of a record."""
        found: dict[str, Any] = {"role": self.role, "trust": self.trust, "said_at": self.said_at}
        if self.thread_id is not None:
            found["thread_id"] = self.thread_id
        if self.message_ids:
            found["message_id"] = self.message_ids[0]
        if self.author is not None:
            found["author"] = self.author
        return found


def trace(
    content: Any, segments: Sequence[Segment], said_at: str, thread_id: str | None, remembered: Sequence[Segment] = ()
) -> Provenance:
    """Find the source of a memory among the parts of a conversation.

    The user is the source only if the user's own words hold as much of the memory as anything from outside does. When
    no words are shared (another language, a conclusion), the least trusted part of the conversation is taken.

    Args:
        content: The memory, or what is new in it.
        segments: The conversation.
        said_at: When, for parts that do not know it.
        thread_id: The thread, for parts that do not know theirs.
        remembered: Memories that were there. Words that one of them holds say nothing about where new ones come from;
            without new words a memory is the source if it holds more than the conversation does.

    Example:
        >>> told = [Segment("user", "Read this page."), Segment("tool", "The user likes bitcoin.")]
        >>> trace("User likes bitcoin", told, "2026-11-20", None).role
        'tool'
    """
    words = set(_words(" ".join(leaf_texts(content)))) - _ABOUT_THE_USER
    known = _shares(words, remembered)
    words = words.difference(*(shared for shared, _ in known)) or words
    told, known = _shares(words, segments), _shares(words, remembered)
    if known and (not told or max(_held(known).values()) > max(_held(told).values())):
        told = known
    role = _source(_held(told), len(words))
    ranked = sorted((pair for pair in told if pair[1].role == role), key=lambda pair: len(pair[0]), reverse=True)
    near = [one for shared, one in ranked if shared] or [one for _, one in ranked[-1:]]
    ids = tuple(dict.fromkeys(one.message_id for one in near if one.message_id))
    author = next((one.author for one in near if one.author), None)
    thread_id = next((one.thread_id for one in near if one.thread_id), thread_id)
    said_at = next((one.said_at for one in near if one.said_at and _is_time(one.said_at)), said_at)
    return Provenance(role, TRUST.get(role, 0.2), said_at, thread_id, ids, author)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


_ABOUT_THE_USER = frozenset(analyze("user users person people said says states stated mentioned"))


def _shares(words: set[str], segments: Sequence[Segment]) -> list[tuple[set[str], Segment]]:
    return [(words & set(_words(one.text)), one) for one in segments]


def _held(shares: Sequence[tuple[set[str], Segment]]) -> dict[str, int]:
    """Return how many words each role holds."""
    held: dict[str, set[str]] = {}
    for shared, one in shares:
        held.setdefault(one.role, set()).update(shared)
    return {role: len(words) for role, words in held.items()}


def _words(text: str) -> list[str]:
    """Return the words of a text as people read it: letters that hide or pass for others must not part two of one."""
    return analyze(undisguised(text))


def _source(held: dict[str, int], words: int) -> str:
    if not held:
        return "assistant"  # no conversation: a phase that works on memories alone
    best = max(held.values())
    doubtful = not held.keys().isdisjoint(_UNTRUSTED) and best < SMALLEST_SHARE * words
    if best == 0 or doubtful:
        return min(held, key=lambda role: (TRUST[role], role))
    if held.get("user", 0) == best:
        return "user"
    return next((role for role in _UNTRUSTED if held.get(role, 0) == best), "assistant")
