"""Makes codes and cells of large namespaces, beside the searches and writes that go on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

from warmgraph.errors import StoreClosedError
from warmgraph.forks import ForkAware, watch_forks
from warmgraph.index import NamespaceIndex, RoutedIndex, Routing

__all__ = ["Refits"]

logger: logging.Logger = logging.getLogger(__name__)

Namespace: TypeAlias = tuple[str, ...]


class Refits(ForkAware):
    """Refits indexes on a daemon thread of its own, one after the other; it ends when there is none left to do.

    One that fails is logged and counted: searches go on as before, exactly or by the cells there are.

    Args:
        keep: Keeps what was made, so that it is there when the namespace is loaded again.

    Attributes:
        done: Refits so far.
        failed: Refits that failed.
        stopped: Set by `stop`. Whoever outlives the indexes may set it without keeping them alive.
    """

    def __init__(self, keep: Callable[[Namespace, Routing], object]) -> None:
        self.done: int = 0
        self.failed: int = 0
        self._keep = keep
        self._lock = threading.Lock()
        self._waiting: dict[Namespace, NamespaceIndex] = {}
        self._thread: threading.Thread | None = None
        self.stopped: threading.Event = threading.Event()
        watch_forks(self)

    def look(self, namespace: Namespace, index: NamespaceIndex) -> None:
        """Have an index refitted if that is due. Takes a microsecond, and waits for nothing."""
        vectors = index.vectors
        if not isinstance(vectors, RoutedIndex) or not vectors.refit_due or self.stopped.is_set():
            return
        with self._lock:
            self._waiting[namespace] = index
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="warmgraph-refits", daemon=True)
                self._thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; False if that took too long.

        Args:
            timeout: Seconds; `None` for as long as it takes.
        """
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def stop(self) -> None:
        """Begin no other one, and give up the one under way."""
        self.stopped.set()

    def after_fork_in_child(self) -> None:
        """Begin anew: the thread lives on in the parent only."""
        self._lock = threading.Lock()
        self._waiting, self._thread = {}, None

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self.stopped.is_set():
                    self._thread = None
                    return
                namespace = next(iter(self._waiting))
                index = self._waiting.pop(namespace)
            try:
                self._refit(namespace, index)
            except StoreClosedError:
                continue
            except Exception:
                self.failed += 1
                logger.exception("the vectors of %s could not be refitted", ".".join(namespace))
            finally:
                with self._lock:  # what was written meanwhile asked for it once more
                    self._waiting.pop(namespace, None)

    def _refit(self, namespace: Namespace, index: NamespaceIndex) -> None:
        vectors = index.vectors
        if not isinstance(vectors, RoutedIndex) or not vectors.refit_due:
            return
        if vectors.refit(index.lock, stop=self.stopped.is_set):
            self.done += 1
            with index.lock:
                routing = vectors.routing()
                data = None if routing is None else routing.copied()
            if data is not None:
                self._keep(namespace, data)
