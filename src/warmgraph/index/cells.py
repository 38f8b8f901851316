"""The cells of an index, for who wants to look at them."""

from __future__ import annotations

from warmgraph.index.base import VectorIndex
from warmgraph.index.codebook import Codebook
from warmgraph.index.routed import RoutedIndex

__all__ = ["codebook_of"]


def codebook_of(vectors: VectorIndex | None) -> Codebook | None:
    """Return the cells that an index routes by; `None` for one without, or with too few vectors for cells.

    Example:
        >>> codebook_of(RoutedIndex(dims=2)) is None
        True
    """
    coded = vectors._coded if isinstance(vectors, RoutedIndex) else None
    return None if coded is None else coded.codebook
