"""What may be wrong with memories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Finding", "Kind"]

Kind: TypeAlias = Literal[
    "damaged_file",
    "unreadable",
    "wrong_index",
    "near_duplicate",
    "echo",
    "loop",
    "orphan",
    "stale_embedding",
    "drift",
    "unfinished_erasure",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be. It holds no text of a memory.

    Args:
        kind: What it is:

            - "damaged_file": SQLite finds pages or references that are wrong.
            - "unreadable": a value is no JSON object, or a vector no vector.
            - "wrong_index": the words by which an item is found are not those of its value.
            - "near_duplicate": two memories say the same.
            - "echo": the assistant's own repetition of an older memory was kept as another one.
            - "loop": memories that name one another as their sources.
            - "orphan": a memory names a source, or what it supersedes, that is not there.
            - "stale_embedding": an item has no vector of the model in use.
            - "drift": what was written lately lies elsewhere than what was written first.
            - "unfinished_erasure": an erasure was cut short.
        namespace: Where; empty for the whole file.
        key: Which item; empty for the whole namespace.
        others: Keys of the other items that it is about.
        message: What was found.
        remedy: What mends it; empty where nothing needs to be done.
        mendable: Whether `mend` does.
    """

    kind: Kind
    namespace: tuple[str, ...] = ()
    key: str = ""
    others: tuple[str, ...] = ()
    message: str
    remedy: str = ""
    mendable: bool = False

    @property
    def is_problem(self) -> bool:
        """Whether it should be mended; else it is only worth knowing."""
        return bool(self.remedy)

    def __str__(self) -> str:
        place = ".".join((*self.namespace, self.key) if self.key else self.namespace) or "the file"
        return f"{self.kind}: {place}: {self.message}"
