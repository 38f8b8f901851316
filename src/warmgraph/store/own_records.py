"""Where warmgraph keeps records of its own about a namespace: history, quarantine, watermarks, and what comes later.

All lie under one root label. A kind is the second label; then come the labels of the namespace that a record is about,
with their number before them where more labels follow, which keeps ("a",), "b" apart from ("a", "b").
"""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["ERASURES", "JOBS_SUFFIX", "OWN_ROOT", "is_about", "is_own"]

Namespace: TypeAlias = tuple[str, ...]

OWN_ROOT = "_warmgraph"
ERASURES: Namespace = (OWN_ROOT, "erasures")
"""Erasures that have begun and are not through."""
JOBS_SUFFIX = "-jobs"
"""What the file of background jobs is called after that of the memories, beside which it lies."""


def is_own(namespace: Namespace) -> bool:
    """Whether a namespace holds records of ours, which are never recalled."""
    return namespace[:1] == (OWN_ROOT,)


def is_about(own: Namespace, namespace: Namespace) -> bool:
    """Whether records of ours are about a namespace or one below it.

    Args:
        own: Where the records lie.
        namespace: What they may be about.

    Example:
        >>> is_about(("_warmgraph", "history", "2", "memories", "ana", "key:1"), ("memories", "ana"))
        True
        >>> is_about(("_warmgraph", "reflection", "memories", "ana"), ("memories", "ana"))
        True
        >>> is_about(("_warmgraph", "history", "2", "memories", "anabel", "key:1"), ("memories", "ana"))
        False
    """
    depth, about = len(namespace), own[2:]
    if not is_own(own) or own[:2] == ERASURES or not about:
        return False
    if about[0].isdecimal() and int(about[0]) >= depth and about[1 : 1 + depth] == namespace:
        return True
    return about[:depth] == namespace
