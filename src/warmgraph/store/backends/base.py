"""What a `WarmStore` asks of what stands behind it."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from langgraph.store.base import SearchItem
from numpy.typing import NDArray

from warmgraph.errors import InvalidArgumentError
from warmgraph.index import NamespaceIndex
from warmgraph.steps import Steps
from warmgraph.store.config import Ranking
from warmgraph.store.documents import Searchable
from warmgraph.store.plan import Put, Read, Search
from warmgraph.store.recalls import Found
from warmgraph.store.signalled import SignalledQuery, SignalledSearch
from warmgraph.store.sqlite.state import Merge
from warmgraph.warm import WarmItem, WarmTier

__all__ = ["Backend", "Place", "Prepared", "WriteFlight"]

logger: logging.Logger = logging.getLogger(__name__)

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]
Prepared: TypeAlias = Sequence[tuple[Searchable, NDArray[np.float32] | None]]


class Backend(ABC):
    """Answers the contract for all items, and lends the warm tier the index of a namespace.

    That index knows every item, warm or not, with a warm bit each: what the router's peek needs.
    """

    ranking: Ranking
    supports_ttl: bool = True
    durable: bool = True  # whether it holds more than the warm tier does
    keeps_state: bool = False  # whether `merge_state` keeps anything
    refreshes: bool = True  # whether `refresh` works; else a read that moves an expiry goes to the backend

    @property
    def away(self) -> str | None:
        """Why nothing but RAM can be asked for now; `None` while all can."""
        return None

    def attach(self, tier: WarmTier) -> None:
        """Get to know the warm tier."""
        return

    @abstractmethod
    def index_of(self, namespace: Namespace) -> NamespaceIndex | None:
        """Return the index of a namespace if it is in RAM."""

    @abstractmethod
    def load_index(self, namespace: Namespace) -> Steps[NamespaceIndex]:
        """Bring the index of a namespace into RAM."""

    def covers(self, namespace: Namespace) -> bool:
        """Whether the index in RAM holds every item of the namespace, so that cold ones can be judged."""
        return True

    @abstractmethod
    def fetch(self, namespace: Namespace, keys: Sequence[str]) -> Steps[dict[str, WarmItem]]:
        """Read items to keep warm."""

    @abstractmethod
    def read(self, reads: Sequence[Read]) -> Steps[list[Any]]:
        """Answer reads in order, for all items."""

    def search(self, search: Search) -> Steps[list[SearchItem]]:
        """Answer one search, for all items."""
        (found,) = yield from self.read([search])
        return found  # type: ignore[no-any-return]

    @abstractmethod
    def recall(self, search: Search) -> Steps[Found]:
        """Rank all items of one namespace by the best ranking there is."""

    def signalled(self, wanted: SignalledQuery) -> Steps[SignalledSearch]:
        """Search one namespace by vector, and say how sure that is.

        Raises:
            InvalidArgumentError: What stands behind cannot tell.
        """
        raise InvalidArgumentError("long_term", expected="a RoutedStore, to search with signals", got=self)

    @abstractmethod
    def write(self, tier: WarmTier, puts: Sequence[Put]) -> Steps[None]:
        """Write through: long term first, then the warm tier. What this returns from is as safe as it gets."""

    @property
    def arena_bytes(self) -> int:
        """RAM of the arenas that hold vectors of many namespaces side by side."""
        return 0

    def refresh(self, places: Mapping[Place, float]) -> None:
        """Let warm items that were read live for their whole time again, without waiting.

        Args:
            places: The items, with the time in seconds since the epoch at which they would have expired.
        """
        return

    def read_state(self, namespace: Namespace, name: str) -> object:
        """Return what warmgraph keeps for itself under a name, as JSON; `None` for nothing. Waits."""
        return None

    def merge_state(self, name: str, news: Mapping[Namespace, object], merge: Merge) -> dict[Namespace, object]:
        """Merge news into what is kept under a name, by namespace, and return what is kept then. Waits."""
        return {}

    @abstractmethod
    def sweep(self) -> Steps[int]:
        """Delete what has expired, and return how many items that were."""

    @property
    def behind(self) -> bool:
        """Whether others may have written something that `follow` would take in; waits for nothing."""
        return False

    def follow(self) -> Steps[None]:
        """Take in what other processes wrote, where they can."""
        return
        yield  # a generator that waits for nothing

    def forget(self, namespace: Namespace, key: str | None = None) -> None:
        """Hear that an item, or a whole namespace, left the tier for good. Called with the tier's lock held."""
        return

    def after_fork(self) -> None:
        """Go on in a forked child with what RAM holds; for a backend that holds it nowhere else."""
        return

    def close(self) -> None:
        """Let go of the store behind."""
        return


class WriteFlight:
    """Holds the items of a write out of the warm tier until it is known what the long-term tier holds.

    Args:
        tier: The warm tier.
        puts: The writes, at most one for each item.
    """

    def __init__(self, tier: WarmTier, puts: Sequence[Put]) -> None:
        self._tier = tier
        self._puts = puts
        self._generations: list[int] | None = None

    @property
    def under_way(self) -> bool:
        """Whether it has begun, and not landed."""
        return self._generations is not None

    def begin(self) -> None:
        """Take the items out of the tier: the write is about to leave."""
        self._generations = [self._tier.begin(put.namespace, [put.key], write=True)[put.key] for put in self._puts]

    def land(self, written: Mapping[Place, WarmItem]) -> bool:
        """Make warm what was written; what is not in `written`, as after a deletion, is not warm.

        Returns:
            Whether all of it is still true. What another write met on its way is dropped instead.
        """
        generations, self._generations = self._generations, None
        all_kept = True
        for put, generation in zip(self._puts, generations or (), strict=generations is not None):
            item = written.get((put.namespace, put.key))
            all_kept = self._land(put, generation, item) and all_kept
        return all_kept

    def _land(self, put: Put, generation: int, item: WarmItem | None) -> bool:
        try:
            return self._tier.land(put.namespace, put.key, generation, item, write=True)
        except Exception:
            # A policy of somebody's own failed. What was written is safe: only the warm tier has to do without.
            logger.exception("the warm tier failed; its items of this namespace are dropped")
            self._tier.drop(put.namespace)
            return False

    def abandon(self) -> None:
        """Leave nothing warm: the write failed, or nobody knows. Does nothing after `land`."""
        self.land({})
