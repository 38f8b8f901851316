"""What the offline model writes when it is asked for a summary: what the user stated, quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from warmgraph.memory_block import MemoryLine
from warmgraph.models.matching import is_assistant
from warmgraph.models.sentences import is_question, split_sentences

__all__ = ["summarize"]

LONGEST_QUOTE = 200  # characters
LONGEST_SUMMARY = 2_000
CHARS_PER_WORD = 6
_FIRST = re.compile(r"\s*Create a summary of the conversation above")
_EXTEND = re.compile(
    r"\s*This is summary of the conversation so far: (?P<existing>.*)\n\nExtend this summary by ", re.DOTALL
)

_AT_MOST = re.compile(r"\bAt most (?P<words>\d{1,6}) words\b")


def summarize(text: str, history: Sequence[MemoryLine]) -> str | None:
    """Write a summary if a text asks for one: what the user stated, one line each, the newest where all is too much.

    Args:
        text: The last human message.
        history: The messages before it, oldest first.

    Returns:
        The summary; `None` if the text is not a request for one, as `warmgraph.short_term` puts it.

    Example:
        >>> told = [MemoryLine("Hi! I live in Lisbon. Do you?", role="user"), MemoryLine("No.", role="assistant")]
        >>> print(summarize("Create a summary of the conversation above:", told))
        - The user said: "Hi! I live in Lisbon."
        >>> summarize("I live in Lisbon.", told) is None
        True
    """
    extended = _EXTEND.match(text)
    if extended is None and _FIRST.match(text) is None:
        return None
    lines = [line for line in extended["existing"].split("\n") if line] if extended is not None else []
    lines += [f'- The user said: "{said}"' for line in history if (said := _stated(line))]
    kept: list[str] = []
    asked = _AT_MOST.search(text)
    room = min(int(asked["words"]) * CHARS_PER_WORD, LONGEST_SUMMARY) if asked is not None else LONGEST_SUMMARY
    for line in reversed(list(dict.fromkeys(lines))):
        room -= len(line) + 1
        if room < 0:
            break
        kept.insert(0, line)
    return "\n".join(kept) or "Nothing was stated."


def _stated(line: MemoryLine) -> str:
    if is_assistant(line):
        return ""
    text = " ".join(sentence for sentence in split_sentences(line.text) if not is_question(sentence))
    text = " ".join(text.split()).replace('"', "'")
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE].rsplit(' ', 1)[0]} ..."
