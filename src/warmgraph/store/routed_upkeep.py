"""What a `RoutedStore` does for its file when it is told to: compaction, and embedding anew."""

from __future__ import annotations

from collections.abc import Callable

from warmgraph.steps import arun, run
from warmgraph.store.plan import check_count
from warmgraph.store.sqlite.upkeep import Compacted, Reembedded, Upkeep

__all__ = ["RoutedUpkeep"]


class RoutedUpkeep:
    """The upkeep of a `RoutedStore`."""

    _upkeep: Upkeep

    def compact(self) -> Compacted:
        """Give the space of deleted items back to the disk, and start the log anew.

        In steps of a few milliseconds, between which others read and write. Only a file that an older version made is
        rewritten as a whole, once.

        Raises:
            StoreError: The file could not be written.
        """
        return run(self._upkeep.compact())

    async def acompact(self) -> Compacted:
        """Compact like `compact`, without blocking the event loop."""
        return await arun(self._upkeep.compact())

    def reembed(self, *, batch: int = 64, progress: Callable[[int], object] | None = None) -> Reembedded:
        """Embed every item with the model of this store, put it in use, and delete the vectors of others.

        Readers and writers go on: those with the previous model by its vectors until the last item is embedded, all
        others by words. What was done survives a kill; the next call goes on from there. It also embeds what has no
        vector yet because it was written without a model.

        Args:
            batch: Items embedded in one call.
            progress: Told how many items were embedded, after every batch.

        Raises:
            InvalidArgumentError: The store has no index.
            EmbeddingError: The model failed. What was embedded before is kept.
            StoreError: The file could not be written.

        Example:
            >>> from warmgraph import RoutedStore
            >>> with RoutedStore(":memory:", index={"embed": "hashing", "fields": ["content"]}) as store:
            ...     store.put(("memories", "ana"), "1", {"content": "I live in Lisbon."})
            ...     store.reembed().model
            'hashing-512 (512 dimensions)'
        """
        check_count("batch", batch, least=1)
        return run(self._upkeep.reembed(batch, progress))

    async def areembed(self, *, batch: int = 64, progress: Callable[[int], object] | None = None) -> Reembedded:
        """Embed anew like `reembed`, without blocking the event loop."""
        check_count("batch", batch, least=1)
        return await arun(self._upkeep.reembed(batch, progress))
