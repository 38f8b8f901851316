"""Bounded buffers in RAM, and who has to leave them."""

from __future__ import annotations

from warmgraph.warm.eviction import (
    EvictionPolicy,
    Fifo,
    Importance,
    ImportanceOf,
    Lfu,
    Lru,
    PolicyFactory,
    Sieve,
    create_policy_factory,
)
from warmgraph.warm.flights import Flights
from warmgraph.warm.item import WORTH_RENEWING, WarmItem
from warmgraph.warm.listener import TierListener
from warmgraph.warm.starts import Starts
from warmgraph.warm.tier import WarmNamespace, WarmTier

__all__ = [
    "WORTH_RENEWING",
    "EvictionPolicy",
    "Fifo",
    "Flights",
    "Importance",
    "ImportanceOf",
    "Lfu",
    "Lru",
    "PolicyFactory",
    "Sieve",
    "Starts",
    "TierListener",
    "WarmItem",
    "WarmNamespace",
    "WarmTier",
    "create_policy_factory",
]
