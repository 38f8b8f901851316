"""Looks for texts in every byte of every file of a directory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

__all__ = ["found_in_files"]


def found_in_files(folder: Path, needles: Iterable[str | bytes]) -> dict[str, list[str]]:
    """Return which of some texts stand in which files, in any way that warmgraph writes them: as they are, or as JSON.

    Letters count whatever their case, for what words are indexed by has none.
    """
    found: dict[str, list[str]] = {}
    files = {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
    lower = {file: content.lower() for file, content in files.items()}
    for needle in needles:
        if isinstance(needle, bytes):
            forms, where, name = {needle}, files, needle[:8].hex()
        else:
            forms = {form.lower() for form in (needle.encode(), json.dumps(needle)[1:-1].encode())}
            where, name = lower, needle
        places = [str(file.relative_to(folder)) for file, content in where.items() if any(f in content for f in forms)]
        if places:
            found[name] = places
    return found
