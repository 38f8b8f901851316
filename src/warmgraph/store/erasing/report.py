"""What an erasure did."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ErasureReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReport:
    """What was erased, and what was not.

    Args:
        namespace: The namespace.
        keys: The memories that were asked for; `None` for the whole namespace and those below it.
        memories: Memories that were deleted.
        derived: Memories that were made from them, such as summaries and extracted facts, and were deleted with them.
        rebuilt: Such memories that were written anew from what is left of their sources.
        restored: Memories that only a summary that went stood for, and that are memories of their own again.
        revisions: Revisions of them in the history.
        quarantined: Memories of them that were kept aside for review.
        own: Other records of ours that named them, such as watermarks.
        jobs: Background jobs that held them, waiting, running or dead, and are gone or were cut.
        threads: Conversations that they came from. A checkpointer keeps the messages of these: they are erased there
            as well if it was handed in, and else by its `delete_thread`.
        threads_deleted: How many of these were.
        quoted_by: Keys of memories that stay and quote the text of a memory that went.
        bytes_before: Size of the file and its log before; 0 for a store without a file of ours.
        bytes_after: The same afterwards.
        left: What is not erased, each with the reason; empty when all is done.

    Example:
        >>> report = ErasureReport(namespace=("memories", "ana"), memories=3)
        >>> report.complete, str(report)
        (True, 'memories.ana: 3 memories erased')
    """

    namespace: tuple[str, ...]
    keys: tuple[str, ...] | None = None
    memories: int = 0
    derived: int = 0
    rebuilt: int = 0
    restored: int = 0
    revisions: int = 0
    quarantined: int = 0
    own: int = 0
    jobs: int = 0
    threads: tuple[str, ...] = ()
    threads_deleted: int = 0
    quoted_by: tuple[str, ...] = ()
    bytes_before: int = 0
    bytes_after: int = 0
    left: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything is erased that this looked after."""
        return not self.left

    def __str__(self) -> str:
        counts = {
            "memories": self.memories,
            "derived memories": self.derived,
            "revisions": self.revisions,
            "quarantined memories": self.quarantined,
            "records of ours": self.own,
            "background jobs": self.jobs,
            "threads": self.threads_deleted,
        }
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "nothing"
        rebuilt = f", {self.rebuilt:,} memories written anew" if self.rebuilt else ""
        left = f"; not done: {'; '.join(self.left)}" if self.left else ""
        return f"{'.'.join(self.namespace)}: {told} erased{rebuilt}{left}"
