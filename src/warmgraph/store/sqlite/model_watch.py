"""Whether the vectors in the file are those of the model that this store embeds with."""

from __future__ import annotations

import logging

from warmgraph.embeddings import Embedder
from warmgraph.store.sqlite.vectors import Key, Model

__all__ = ["ModelWatch"]

logger: logging.Logger = logging.getLogger(__name__)


class ModelWatch:
    """Compares the model that the file's vectors are of with the one that a store embeds with.

    While they differ the store ranks by words: vectors of two models have nothing to do with each other, and most items
    have none of ours.

    Args:
        path: What to call the file.
        embedder: The store's own; `None` without an index.
        fields: The paths that it embeds by default.
    """

    def __init__(self, path: str, embedder: Embedder | None, fields: tuple[str, ...]) -> None:
        self.in_use: Model | None = None
        self._path = path
        self._embedder = embedder
        self._fields = fields
        self._warned: Model | None = None

    @property
    def key(self) -> Key | None:
        """Name and dimensions of the store's model; the dimensions may be unknown before the first vector."""
        return None if self._embedder is None else (self._embedder.name, self._embedder.dims)

    @property
    def ours(self) -> Model | None:
        """The store's model, once its dimensions are known."""
        if self._embedder is None or self._embedder.dims is None:
            return None
        return Model(self._embedder.name, self._embedder.dims, self._fields)

    def note(self, in_use: Model | None) -> None:
        """Hear which model the file's vectors are of; `None` while there are none."""
        self.in_use = in_use
        self.usable()

    def usable(self) -> bool:
        """Whether the vectors in the file can be compared with ours; warns once where they cannot."""
        in_use, embedder = self.in_use, self._embedder
        if in_use is None or embedder is None:
            return True
        if in_use.name == embedder.name and embedder.dims in (None, in_use.dims):
            return True
        if self._warned != in_use:
            self._warned = in_use
            logger.warning("%s", self.explain())
        return False

    def explain(self) -> str:
        """Say which models these are, and what mends it."""
        ours = (
            None if self._embedder is None else f"{self._embedder.name} ({self._embedder.dims or 'unknown'} dimensions)"
        )
        return (
            f"{self._path} holds vectors of {self.in_use}, and this store embeds with {ours}: it ranks by words until"
            f" all memories are embedded anew: warmgraph reembed {self._path} --embed MODEL, or RoutedStore.reembed()"
        )
