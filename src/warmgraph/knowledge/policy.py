"""Which memories are kept: decided by code, from where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge.provenance import Provenance

__all__ = ["Candidate", "MemoryPolicy", "TrustPolicy", "Verdict"]

Verdict: TypeAlias = Literal["store", "quarantine", "refuse"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that may be written.

    Args:
        namespace: Where to.
        kind: Name of its schema.
        content: Its content.
        source: Where it comes from.
        replaces: The value that it would change or delete, if there is one.
        action: "insert", "update", or "delete", where `content` is what would be deleted.
    """

    namespace: tuple[str, ...]
    kind: str
    content: dict[str, Any]
    source: Provenance
    replaces: dict[str, Any] | None = None
    action: Literal["insert", "update", "delete"] = "insert"


class MemoryPolicy(Protocol):
    """Decides what becomes of a memory."""

    def decide(self, candidate: Candidate) -> Verdict:
        """Return "store", "quarantine" (kept aside for review, never recalled) or "refuse"."""
        ...


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Store what is trusted enough, keep the rest aside.

    Args:
        store_from: The trust from which on a memory is stored. The default takes users and assistants, and
            quarantines what only tools or quoted texts say; 0 stores everything, 1 takes the user's word alone.
        refuse_below: Below this trust a memory is dropped.

    Example:
        >>> source = Provenance("tool", 0.2, "2026-11-20")
        >>> candidate = Candidate(("memories", "ana"), "Memory", {"content": "Likes spam."}, source)
        >>> TrustPolicy().decide(candidate), TrustPolicy(refuse_below=0.3).decide(candidate)
        ('quarantine', 'refuse')
    """

    store_from: float = 0.5
    refuse_below: float = 0.0

    def __post_init__(self) -> None:
        for name in ("store_from", "refuse_below"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InvalidArgumentError(name, expected="a trust in [0, 1]", got=value)

    def decide(self, candidate: Candidate) -> Verdict:
        """Decide by the trust in the source."""
        trust = candidate.source.trust
        if trust < self.refuse_below:
            return "refuse"
        return "store" if trust >= self.store_from else "quarantine"
