"""Take the memory block out of an answer while the answer streams by."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Protocol

from warmgraph.clients.protocol import Draft, read_payload
from warmgraph.memory_note import TAG, Tags

__all__ = ["AnswerText", "BlockStripper", "PlainText", "stripper_for"]

_FENCE = re.compile(r"^[ \t]*(?P<ticks>`{3,6})[\w+-]{0,20}\Z", re.MULTILINE)
_FENCE_LINE = re.compile(r"^[ \t]*`{3}", re.MULTILINE)
_MAYBE_FENCE = re.compile(r"`{1,6}[\w+-]{0,20}\Z")
_LONGEST_FENCE = 30
_CLOSING_FENCE = re.compile(r"\s*`{3,6}(?!`)")


class AnswerText(Protocol):
    """Takes an answer piece by piece."""

    drafts: list[Draft]

    @property
    def text(self) -> str:
        """What the user has been shown so far."""
        ...

    def feed(self, chunk: str) -> str:
        """Take the next piece, and return what can be shown."""
        ...

    def finish(self) -> str:
        """Return what was held back."""
        ...


class PlainText:
    """An answer in which no block was asked for: all of it is shown at once.

    Attributes:
        drafts: Always empty.
    """

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self._shown: list[str] = []

    @property
    def text(self) -> str:
        """What the user has been shown so far."""
        return "".join(self._shown)

    def feed(self, chunk: str) -> str:
        """Return the piece."""
        self._shown.append(chunk)
        return chunk

    def finish(self) -> str:
        """Return nothing: nothing was held back."""
        return ""


def stripper_for(tags: Tags | None) -> AnswerText:
    """Return what takes an answer in which a block with these tags was asked for; `None` for an answer without."""
    return BlockStripper(tags) if tags is not None else PlainText()


class _Where(Enum):
    TEXT = auto()
    BLOCK = auto()
    BEHIND = auto()  # a block has just ended


class BlockStripper:
    r"""Split an answer, as it comes, into what the user sees and what is to be remembered.

    What the user sees is the same however the answer is cut into chunks. Text is held back only while it may still
    turn out to be the beginning of a block: white space, a fence, a part of a tag. Without a block the answer
    comes out byte for byte. Blocks of any number and depth are taken out; a block that is never closed is, too, and
    what follows its JSON is given to the user. Tags with another nonce are text like any other.

    Args:
        tags: The tags of this call.

    Attributes:
        drafts: The memories found so far.

    Example:
        >>> stripper = BlockStripper(Tags("<memory-1f>", "</memory-1f>"))
        >>> "".join([stripper.feed("Noted.\n\n<mem"), stripper.feed('ory-1f>["Likes tea."]</mem'), stripper.finish()])
        'Noted.'
        >>> stripper.drafts
        [Draft(text='Likes tea.', category='fact')]
    """

    def __init__(self, tags: Tags) -> None:
        self.drafts: list[Draft] = []
        self._tags = tags
        self._tag = re.compile("|".join(map(re.escape, tags)))
        self._where = _Where.TEXT
        self._buffer = ""
        self._payload: list[str] = []
        self._depth = 0
        self._gap = ""  # white space before a block: of use only if text follows
        self._eat_fence = False
        self._shown: list[str] = []

    @property
    def text(self) -> str:
        """What the user has been shown so far."""
        return "".join(self._shown)

    def feed(self, chunk: str) -> str:
        """Take the next piece of the answer, and return what can be shown of it and of what was held back."""
        before = len(self._shown)
        self._buffer += chunk
        while self._step():
            pass
        return "".join(self._shown[before:])

    def finish(self) -> str:
        """Return what was held back and is no part of a block. Safe to call twice."""
        before = len(self._shown)
        self._end()
        return "".join(self._shown[before:])

    def _step(self) -> bool:
        """Do the next thing that the buffer allows; whether there may be more to do."""
        if self._where is _Where.BEHIND:
            return self._behind()
        found = self._tag.search(self._buffer)
        if self._where is _Where.BLOCK:
            return self._in_block(found)
        if found is None:
            self._show(self._take(self._held_from()))
            return False
        before = self._take(found.start())
        self._buffer = self._buffer[len(found[0]) :]
        self._open(before, fence=found[0] == self._tags.opening)
        if found[0] == self._tags.opening:
            self._where, self._depth = _Where.BLOCK, 1
        else:  # it closes nothing, and is none of the user's business
            self._where = _Where.BEHIND
        return True

    def _in_block(self, found: re.Match[str] | None) -> bool:
        if found is None:
            self._payload.append(self._take(len(self._buffer) - self._partial(self._buffer)))
            return False
        self._payload.append(self._take(found.start()))
        self._buffer = self._buffer[len(found[0]) :]
        self._depth += 1 if found[0] == self._tags.opening else -1
        if self._depth == 0:
            self.drafts.extend(read_payload("".join(self._payload))[0])
            self._payload.clear()
            self._where = _Where.BEHIND
        return True

    def _behind(self) -> bool:
        if self._eat_fence:
            rest = self._buffer.lstrip()
            if not rest.strip("`") and len(rest) < 7:
                return False  # perhaps a fence, perhaps a part of one
            self._eat_fence = False
            closing = _CLOSING_FENCE.match(self._buffer)
            if closing is not None:
                self._buffer = self._buffer[closing.end() :]
        rest = self._buffer.lstrip()
        if not rest:
            return False
        self._widen(self._buffer[: len(self._buffer) - len(rest)])
        self._buffer = rest
        self._where = _Where.TEXT
        return True

    def _open(self, before: str, *, fence: bool) -> None:
        """Show what stands before a block, without the fence that was opened for it and the white space."""
        text = before.rstrip()
        context = self.text + self._gap
        opened = _FENCE.search(context + text) if fence else None
        if opened is not None and opened.start("ticks") < len(context):
            opened = None  # it was shown long ago, with another block behind it
        # An odd number of fences before it: it closes code of the answer.
        if opened is not None and len(_FENCE_LINE.findall((context + text)[: opened.start()])) % 2 == 0:
            before = text[: max(0, opened.start() - len(context))]
            text = before.rstrip()
            self._eat_fence = True
        if text:
            self._show(text)
            self._gap = before[len(text) :]
        else:
            self._widen(before)

    def _end(self) -> None:
        if self._where is _Where.BLOCK:
            partial = self._partial(self._buffer)
            self._payload.append(self._buffer[: len(self._buffer) - partial])
            drafts, rest = read_payload("".join(self._payload))
            self.drafts.extend(drafts)
            if not rest.startswith(("[", "{")):  # else it is what is left of a block that was cut off
                self._gap = self._gap or "\n" * bool(self._shown)
                self._show(rest)
        elif self._where is _Where.TEXT:
            partial = self._partial(self._buffer)
            if partial > len(TAG) + self._buffer[-partial:].startswith("</"):  # the nonce has begun
                self._open(self._buffer[: len(self._buffer) - partial], fence=True)
            else:
                self._show(self._buffer)
        self._buffer = ""
        self._payload.clear()
        self._where = _Where.BEHIND if self._where is not _Where.TEXT else _Where.TEXT

    def _widen(self, space: str) -> None:
        """Keep the wider one of the spaces around a block: what began a line begins one without it."""
        if self._shown and (not self._gap or space.count("\n") > self._gap.count("\n")):
            self._gap = space

    def _show(self, text: str) -> None:
        if text:
            self._shown.append(self._gap + text)
            self._gap = ""

    def _take(self, length: int) -> str:
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def _held_from(self) -> int:
        """Return from where on the buffer may be the beginning of a block."""
        text = self._buffer
        text = text[: len(text) - self._partial(text)].rstrip()
        fence = _MAYBE_FENCE.search(text, max(0, len(text) - _LONGEST_FENCE))
        return len(text[: fence.start()].rstrip()) if fence is not None else len(text)

    def _partial(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a tag."""
        for length in range(min(len(text), len(self._tags.closing) - 1), 0, -1):
            end = text[-length:]
            if any(length < len(tag) and tag.startswith(end) for tag in self._tags):
                return length
        return 0
