"""What stands in the block that a model appends to its answer, read as memories."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from warmgraph.memory_note import CATEGORIES

__all__ = ["Draft", "draft_of", "read_payload"]

# What one answer may add. A person says far less in a turn; a model that loops says more.
MAX_MEMORIES = 32
MAX_CHARACTERS = 2_000


class Draft(NamedTuple):
    """A memory that a model proposes.

    Args:
        text: What is to be remembered.
        category: "preference", "fact" or "context".
    """

    text: str
    category: str = "fact"


def read_payload(text: str) -> tuple[list[Draft], str]:
    r"""Read what stands between the tags.

    Args:
        text: JSON: a list of objects or texts, one object, or several such values, with or without a fence.

    Returns:
        The memories, and what follows the JSON values and is none. Never raises.

    Example:
        >>> read_payload('[{"content": "Lives in Lisbon.", "category": "fact"}] So, Lisbon it is.')
        ([Draft(text='Lives in Lisbon.', category='fact')], 'So, Lisbon it is.')
        >>> read_payload("no JSON")
        ([], 'no JSON')
    """
    rest = text.strip()
    if rest.startswith("```"):
        rest = rest.lstrip("`").removeprefix("json").lstrip()
    decoder = json.JSONDecoder()
    drafts: dict[str, Draft] = {}
    while rest.startswith(("[", "{")):
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            break
        for draft in _drafts(value):
            if len(drafts) < MAX_MEMORIES:
                drafts.setdefault(draft.text, draft)
        rest = rest[end:].lstrip(" \t\r\n,`")
    return list(drafts.values()), rest


def _drafts(value: Any) -> Iterator[Draft]:
    for entry in value if isinstance(value, list) else [value]:
        draft = draft_of(entry)
        if draft is not None:
            yield draft


def draft_of(entry: object) -> Draft | None:
    """Read one memory; `None` for what is none: without a letter or a digit, or far too long.

    Example:
        >>> draft_of({"content": "Likes tea.", "category": "preference"}), draft_of("...")
        (Draft(text='Likes tea.', category='preference'), None)
    """
    category: object = None
    if isinstance(entry, Mapping):
        category = entry.get("category")
        entry = entry.get("content", entry.get("text"))
    if not isinstance(entry, str):
        return None
    # Half a surrogate pair, which JSON can spell, can be neither stored nor embedded.
    text = " ".join(entry.encode("utf-8", "replace").decode().split())
    if len(text) > MAX_CHARACTERS or not any(map(str.isalnum, text)):
        return None
    return Draft(text, category if isinstance(category, str) and category in CATEGORIES else "fact")
