"""Facts about somebody, for tests of stores with a warm tier."""

from __future__ import annotations

from warmgraph.store import RoutedStore, WarmStore

__all__ = ["ANA", "FACTS", "fill", "warm_keys"]

ANA = ("memories", "ana")
FACTS = {
    "home": "I live in Lisbon, near the river.",
    "dog": "My dog is called Bruno.",
    "work": "I repair old violins for a living.",
    "food": "I am allergic to peanuts.",
    "trip": "Next summer I travel to Norway by train.",
    "sport": "On Sundays I play chess in the park.",
}


def fill(store: WarmStore | RoutedStore, facts: dict[str, str] = FACTS) -> None:
    """Remember all facts."""
    for key, text in facts.items():
        store.put(ANA, key, {"content": text})


def warm_keys(store: WarmStore, namespace: tuple[str, ...] = ANA) -> set[str]:
    """Return what is warm."""
    return set(store._tier.warm_keys(namespace))
