"""What a `WarmStore` does besides answering: what is warm, its sweeper, and how it survives a fork."""

from __future__ import annotations

from collections.abc import Callable

from langgraph.store.base import BaseStore

from warmgraph.forks import ForkAware
from warmgraph.store.backends import Backend
from warmgraph.store.contract import StepStore
from warmgraph.store.forgetting import ForgettingStore
from warmgraph.store.sweeper import Sweeper
from warmgraph.store.warm_recalls import WarmRecalls
from warmgraph.warm import WarmTier

__all__ = ["WarmUpkeep"]


class WarmUpkeep(ForgettingStore, ForkAware):
    """The upkeep of a `WarmStore`."""

    long_term: BaseStore | None
    _remake: Callable[[], WarmUpkeep]  # makes another one with the same options
    _backend: Backend
    _tier: WarmTier
    _warm: WarmRecalls
    _closed: bool
    _held = False  # whether the tier is locked for a fork

    def warm_keys(self, namespace: tuple[str, ...]) -> frozenset[str]:
        """Return the keys of the items of a namespace that are warm now."""
        return frozenset(self._tier.warm_keys(namespace))

    @property
    def ttl_sweeper(self) -> Sweeper:
        """What sweeps the store: that of the store of ours behind where there is one, which outlives this store."""
        return self.long_term.ttl_sweeper if isinstance(self.long_term, StepStore) else super().ttl_sweeper

    def _stop_own_sweeper(self) -> None:
        if self._sweeps is not None:
            self._sweeps.stop()

    def before_fork(self) -> None:
        """Let no change of items that are nowhere else be half done in a forked child."""
        self._held = not self._backend.durable and self._tier.lock.acquire(timeout=5)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._held:
            self._tier.lock.release()

    def after_fork_in_child(self) -> None:
        """Begin with an empty warm tier, or with a copy of the items where they are all there is."""
        if not self._backend.durable:
            self._backend.after_fork()
        elif not self._closed:
            self._backend.close()
            fresh = self._remake()
            self._backend, self._tier, self._warm = fresh._backend, fresh._tier, fresh._warm
