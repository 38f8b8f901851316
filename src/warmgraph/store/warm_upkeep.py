"""What a `WarmStore` does besides answering: its sweeper, and how it survives a fork."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from langgraph.store.base import BaseStore

from warmgraph.forks import ForkAware
from warmgraph.store.backends import Backend
from warmgraph.store.contract import StepStore
from warmgraph.store.routed import RoutedStore
from warmgraph.store.warm_recalls import WarmRecalls
from warmgraph.warm import WarmTier

__all__ = ["WarmUpkeep"]


class WarmUpkeep(StepStore, ForkAware):
    """The upkeep of a `WarmStore`."""

    long_term: BaseStore | None
    _remake: Callable[[], WarmUpkeep]  # makes another one with the same options
    _backend: Backend
    _tier: WarmTier
    _warm: WarmRecalls
    _closed: bool
    _held = False  # whether the tier is locked for a fork

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Start the sweeper, that of the `RoutedStore` behind where there is one. As `StepStore.start_ttl_sweeper`."""
        if isinstance(self.long_term, RoutedStore):
            return self.long_term.start_ttl_sweeper(sweep_interval_minutes)
        return super().start_ttl_sweeper(sweep_interval_minutes)

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop the sweeper. As `StepStore.stop_ttl_sweeper`."""
        if isinstance(self.long_term, RoutedStore):
            return self.long_term.stop_ttl_sweeper(timeout)
        return super().stop_ttl_sweeper(timeout)

    def _stop_own_sweeper(self) -> None:
        super().stop_ttl_sweeper()

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
