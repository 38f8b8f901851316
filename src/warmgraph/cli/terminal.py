"""Writing to a terminal, or to whatever stands in for one."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO
from unicodedata import category

from warmgraph.bench.report import display_width
from warmgraph.cli.streams import encodable

__all__ = ["Terminal", "printable", "shorten"]


class Terminal:
    """Where a command writes: plain text, with styles only where somebody can see them.

    Styles are off when the output is no terminal, when `NO_COLOR` is set (no-color.org), or when `TERM` is "dumb".

    Args:
        out: Where to write; standard output by default.

    Example:
        >>> import io
        >>> Terminal(io.StringIO()).dim("3 memories")
        '3 memories'
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.out: TextIO = out if out is not None else sys.stdout
        self.interactive: bool = self.out.isatty()
        self._moves = self.interactive and os.environ.get("TERM") != "dumb"
        self.styled: bool = self._moves and not os.environ.get("NO_COLOR")
        self._transient = False

    def bold(self, text: str) -> str:
        """Return the text in bold."""
        return self._style("1", text)

    def dim(self, text: str) -> str:
        """Return the text dimmed."""
        return self._style("2", text)

    def red(self, text: str) -> str:
        """Return the text in red."""
        return self._style("31", text)

    def write(self, text: str = "", end: str = "\n") -> None:
        """Write, and show it at once. What cannot be encoded is written as an escape."""
        self._clear()
        self.out.write(encodable(text + end, self.out))
        self.out.flush()

    def progress(self, text: str) -> None:
        """Show a line that the next one replaces. Shown on terminals only; a log would keep them all."""
        if not self._moves:
            return
        line = encodable(shorten(text, shutil.get_terminal_size().columns - 1), self.out)
        while display_width(line) >= shutil.get_terminal_size().columns:  # a line that wraps could not be taken back
            line = line[:-1]
        self._clear()
        self.out.write(self.dim(line))
        self.out.flush()
        self._transient = True

    def _clear(self) -> None:
        if self._transient:
            self.out.write("\r\x1b[K")
            self._transient = False

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.styled and text else text


def printable(text: str) -> str:
    r"""Return a text without control characters: what was said may not move the cursor or reorder the line.

    Example:
        >>> printable("a\x1b[2Jb\tc\n")
        'a[2Jb\tc\n'
    """
    return "".join(
        char for char in text if char in "\n\t" or (category(char) not in _HIDDEN and char not in _REORDERING)
    )


def shorten(text: str, width: int) -> str:
    r"""Return a text as one line of at most `width` characters.

    Example:
        >>> shorten("I live in\nLisbon, near the river.", 20)
        'I live in Lisbon, n…'
    """
    line = printable(" ".join(text.split()))
    return line if len(line) <= width else f"{line[: width - 1]}…"


_HIDDEN = ("Cc", "Cs")  # not Cf, which joins emoji
_REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
