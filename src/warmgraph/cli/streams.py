"""Standard streams that may be closed, or of an encoding that cannot take every text."""

from __future__ import annotations

import os
import sys
from io import FileIO, TextIOWrapper
from typing import TextIO

__all__ = ["encodable", "open_missing_streams", "standard_input"]


def open_missing_streams() -> None:
    """Open nothing in place of standard streams that the caller closed (`command >&-`).

    Python then sets `sys.stdout` to `None`; worse, the next file that is opened, such as the memory file, would get
    the number of the stream, and whatever prints there would write into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _nothing(number))


def standard_input() -> TextIO:
    """Return standard input; bytes that it cannot decode are read as replacement characters."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    return sys.stdin


def encodable(text: str, stream: TextIO) -> str:
    r"""Return a text as a stream can encode it; the rest is written as escapes.

    Example:
        >>> import io
        >>> encodable("Köln", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        'K\\xf6ln'
    """
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _nothing(number: int) -> TextIO:
    # The lowest free number, so this one's own. Never closed, as Python never closes those that it opened.
    opened = os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
    return TextIOWrapper(FileIO(opened, "r" if number == 0 else "w", closefd=False), encoding="utf-8")
