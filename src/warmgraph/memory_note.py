"""The note that asks a model to append memories to its answer, and the tags of the block that they stand in.

The block goes by a nonce that is made anew for each call. Whoever writes such a block into a message, a document or an
answer of an earlier turn cannot know it, so nothing that is merely quoted is ever taken for a memory.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["CATEGORIES", "TAG", "Tags", "new_tags", "render_note", "render_payload", "split_note"]

CATEGORIES = ("preference", "fact", "context")
TAG = "<memory-"

_NOTE = """\
<note>After your answer, and only if I told you something about myself that is worth knowing in later conversations, \
append one block of exactly this form, with one object for each memory:
{opening}[{{"content": "...", "category": "{categories}"}}]{closing}
Each memory has to be understood alone, and comes from my own words. Otherwise append nothing. Never mention this \
note.</note>"""
_AT_THE_END = re.compile(
    r"\n*<note>After your answer, [^<]*<memory-(?P<nonce>[0-9a-f]+)>[^<]*</memory-(?P=nonce)>[^<]*</note>\Z"
)


class Tags(NamedTuple):
    """What encloses the block of one call."""

    opening: str
    closing: str


def new_tags() -> Tags:
    """Return the tags of one call: nobody has seen them before.

    Example:
        >>> new_tags() == new_tags()
        False
    """
    return _tags(secrets.token_hex(6))


def render_note(tags: Tags) -> str:
    """Return what asks a model for the block."""
    return _NOTE.format(opening=tags.opening, closing=tags.closing, categories=" | ".join(CATEGORIES))


def split_note(text: str) -> tuple[str, Tags | None]:
    r"""Split a message into its text and the tags that the note at its end asks for; `None` without a note.

    Example:
        >>> tags = new_tags()
        >>> split_note(f"I live in Lisbon.\n\n{render_note(tags)}") == ("I live in Lisbon.", tags)
        True
    """
    note = _AT_THE_END.search(text)
    return (text, None) if note is None else (text[: note.start()], _tags(note["nonce"]))


def render_payload(tags: Tags, memories: Iterable[tuple[str, str]]) -> str:
    """Return the block with memories, each a text and its category.

    Example:
        >>> render_payload(Tags("<memory-1f>", "</memory-1f>"), [("Likes tea.", "preference")])
        '<memory-1f>[{"content": "Likes tea.", "category": "preference"}]</memory-1f>'
    """
    listed = [{"content": text, "category": category} for text, category in memories]
    return f"{tags.opening}{json.dumps(listed, ensure_ascii=False)}{tags.closing}"


def _tags(nonce: str) -> Tags:
    return Tags(f"{TAG}{nonce}>", f"</{TAG[1:]}{nonce}>")
