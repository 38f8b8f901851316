"""Which memories were made from which: told by the links that they carry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from warmgraph.store.records import leaf_texts

__all__ = ["Origin", "is_thread_summary", "is_turn", "quotes", "sources_of", "superseded_by", "texts_of", "unlinked"]

Namespace: TypeAlias = tuple[str, ...]

SHORTEST_QUOTE = 12
"""Characters that a text has at least for its appearance in another memory to mean anything."""


class Origin:
    """What is being erased, as others may refer to it.

    Args:
        values: The values of the memories by their keys.
    """

    def __init__(self, values: Mapping[str, Mapping[str, Any] | None]) -> None:
        self.keys: set[str] = set(values)
        self.message_ids: set[str] = set()
        self.threads: set[str] = set()
        self.texts: set[str] = set()
        for value in values.values():
            self._add(value or {})

    def add(self, key: str, value: Mapping[str, Any]) -> None:
        """Add a memory that goes as well."""
        self.keys.add(key)
        self._add(value)

    def made(self, key: str, value: Mapping[str, Any]) -> bool:
        """Whether a memory was made from one of these: it names one of them, its message, or the thread of one."""
        if key in self.keys or is_turn(value):
            return False
        if self.keys.intersection(sources_of(value)):
            return True
        if self.message_ids.intersection(_message_ids(value)):
            return True
        return is_thread_summary(value) and value.get("thread_id") in self.threads

    def _add(self, value: Mapping[str, Any]) -> None:
        self.texts.update(texts_of(value))
        thread, message = value.get("thread_id"), value.get("message_id")
        if is_turn(value):
            if isinstance(message, str):
                self.message_ids.add(message)
            if isinstance(thread, str):
                self.threads.add(thread)


def sources_of(value: Mapping[str, Any]) -> list[str]:
    """Return the keys that a memory names as its sources, in `sources` or `meta.sources`.

    Each is a key, or an object or a pair that ends with one.

    Example:
        >>> sources_of({"content": "Ana likes tea.", "meta": {"sources": ["a", {"key": "b"}, [["memories"], "c"]]}})
        ['a', 'b', 'c']
    """
    meta = value.get("meta")
    listed = [value.get("sources"), meta.get("sources") if isinstance(meta, Mapping) else None]
    found = [_key_of(each) for sources in listed if isinstance(sources, list | tuple) for each in sources]
    return [key for key in found if key is not None]


def superseded_by(value: Mapping[str, Any]) -> str | None:
    """Return the key that a memory says it supersedes, without the number of a revision."""
    supersedes = value.get("supersedes")
    if not isinstance(supersedes, str):
        return None
    key, mark, number = supersedes.rpartition("#")
    return key if mark and number.isdecimal() else supersedes


def is_turn(value: Mapping[str, Any]) -> bool:
    """Whether a memory is something that was said, and made from nothing else."""
    return value.get("role") in ("user", "assistant") and isinstance(value.get("position"), int | float)


def is_thread_summary(value: Mapping[str, Any]) -> bool:
    """Whether a memory sums up all that was said in its thread."""
    return value.get("kind") == "ThreadSummary" and isinstance(value.get("thread_id"), str)


def texts_of(value: Mapping[str, Any]) -> set[str]:
    """Return what a memory says, in pieces that are long enough to be recognized."""
    content = value.get("content", value)
    return {text.strip() for text in leaf_texts(content) if len(text.strip()) >= SHORTEST_QUOTE}


def quotes(value: Mapping[str, Any], texts: Iterable[str]) -> bool:
    """Whether a memory holds one of these texts word for word, in whatever case."""
    whole = "\n".join(leaf_texts(value)).casefold()
    return any(text.casefold() in whole for text in texts)


def unlinked(value: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any] | None:
    """Return a value without its links to memories that are gone; `None` if it has none."""
    changed = dict(value)
    if superseded_by(value) in keys:
        del changed["supersedes"]
    for owner in (changed, changed.get("meta")):
        sources = owner.get("sources") if isinstance(owner, Mapping) else None
        if isinstance(sources, list | tuple):
            kept = [each for each in sources if _key_of(each) not in keys]
            if len(kept) < len(sources):
                if owner is changed:
                    changed["sources"] = kept
                else:
                    changed["meta"] = {**changed["meta"], "sources": kept}
    return None if changed == value else changed


def _key_of(source: object) -> str | None:
    if isinstance(source, Mapping):
        source = source.get("key")
    elif isinstance(source, list | tuple) and source:
        source = source[-1]
    return source if isinstance(source, str) else None


def _message_ids(value: Mapping[str, Any]) -> set[str]:
    meta = value.get("meta")
    listed = meta.get("message_ids") if isinstance(meta, Mapping) else None
    ids = [value.get("message_id"), *(listed if isinstance(listed, list | tuple) else ())]
    return {each for each in ids if isinstance(each, str)}
