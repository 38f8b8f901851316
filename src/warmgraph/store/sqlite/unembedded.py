"""What was written while the model that embeds was away, and gets its vectors when it is back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any, TypeAlias

from warmgraph.errors import WarmGraphError
from warmgraph.forks import ForkAware, watch_forks
from warmgraph.steps import Steps
from warmgraph.store.plan import Put
from warmgraph.store.sqlite.upkeep import Upkeep

__all__ = ["Unembedded"]

Place: TypeAlias = tuple[tuple[str, ...], str]

logger: logging.Logger = logging.getLogger(__name__)

MOST = 10_000
"""Items that are remembered as lacking vectors; what comes beyond is left to `reembed`."""

AT_ONCE = 64
"""Items embedded in one call."""


class Unembedded(ForkAware):
    """Remembers which items this process wrote without vectors. A process that ends forgets them; `reembed` does not.

    Args:
        upkeep: Embeds them.
    """

    def __init__(self, upkeep: Upkeep) -> None:
        self._upkeep = upkeep
        self._places: set[Place] = set()
        self._lock = threading.Lock()
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Have a lock that nobody holds; what the parent wrote is the parent's to embed."""
        self._lock = threading.Lock()
        self._places = set()

    def written(self, puts: Sequence[Put], prepared: Sequence[tuple[object, Any]]) -> Steps[None]:
        """Hear of a write: of one without vectors that it lacks them, of one with vectors that the model is back.

        Args:
            puts: The writes.
            prepared: How each is searched, with its vectors or `None`.
        """
        late = {(put.namespace, put.key) for put in puts if not put.embed}
        if late:
            with self._lock:
                if len(self._places) < MOST:
                    self._places |= late
        elif self._places and any(vectors is not None for _, vectors in prepared):
            yield from self._embed()

    def _embed(self) -> Steps[None]:
        with self._lock:
            places, self._places = self._places, set()
        try:
            yield from self._upkeep.embed_missing(places, AT_ONCE)
        except WarmGraphError:
            logger.warning("%d memories written without vectors cannot be embedded yet", len(places), exc_info=True)
            with self._lock:
                self._places |= places
