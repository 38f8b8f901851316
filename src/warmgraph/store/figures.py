"""Figures of the stores: what `stats` returns."""

from __future__ import annotations

from dataclasses import dataclass

from warmgraph.ranking import RouterStats

__all__ = ["RoutedStats", "WarmStats"]


@dataclass(frozen=True, slots=True)
class RoutedStats:
    """Figures of a `RoutedStore`.

    Args:
        items: Items in the file, expired ones not yet swept included.
        namespaces_loaded: Namespaces whose index is in RAM.
        lexical_bytes: RAM of the lexical indexes.
        vector_bytes: RAM of the vector indexes.
        file_bytes: Size of the database file and its log.
        vector_model: What the file's vectors were made by, such as "hashing-512 (512 dimensions)"; `None` without any.
        vector_fields: The paths that they were made of by default, where the file knows them.
        ranks_by_words: Whether that is another model than the store embeds with: vectors are then not compared, and
            words rank, until `reembed`.
        failed_renewals: Items that were read and whose time to live could not be renewed in the file.
        sweeps: Rounds of the sweeper since the start.
        failed_sweeps: Of these, those that failed; the log says why.
        vector_disk_bytes: Disk that vectors of large namespaces take a second time, mapped into memory.
        refits: How often codes and cells were made for a namespace since the start.
        failed_refits: How often that failed; the log says why.
    """

    items: int
    namespaces_loaded: int
    lexical_bytes: int
    vector_bytes: int
    file_bytes: int
    vector_model: str | None = None
    vector_fields: tuple[str, ...] | None = None
    ranks_by_words: bool = False
    failed_renewals: int = 0
    sweeps: int = 0
    failed_sweeps: int = 0
    vector_disk_bytes: int = 0
    refits: int = 0
    failed_refits: int = 0


@dataclass(frozen=True, slots=True)
class WarmStats:
    """Figures of a `WarmStore` since it was made.

    Args:
        items: Warm items now.
        namespaces: Namespaces in RAM now.
        bytes: Bytes of the warm items now, estimated.
        gets: Reads by key.
        get_hits: Of these, those answered from RAM.
        recalls: Recalls of the warm tier.
        fallbacks: Recalls of the long-term tier.
        evictions: Items that had to make room.
        arena_bytes: RAM that the vectors of a store without a long-term tier take, with the room kept for more; 0 with
            a long-term tier, whose own figures have it.
        router: What a router that learns has seen, and what answering warm has cost; `None` without one.
        checks: Warm answers that were compared with the long-term tier's, in the background.
        failed_checks: Comparisons that failed, or that were left out because too many waited.
    """

    items: int
    namespaces: int
    bytes: int
    gets: int
    get_hits: int
    recalls: int
    fallbacks: int
    evictions: int
    arena_bytes: int
    router: RouterStats | None = None
    checks: int = 0
    failed_checks: int = 0
