"""What learning routers need of a store: hits are compared with the long-term tier, and what they learn is kept.

A hit is compared on a thread of its own, after the answer; nothing here waits on the way of an answer, or fails it.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Collection, Iterable
from functools import partial
from typing import NamedTuple, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.forks import ForkAware, watch_forks
from warmgraph.ranking import LearningRouter, RouteDecision, RouterStats, WarmRouter, missing_share
from warmgraph.steps import Io, Steps, run
from warmgraph.store.backends import Backend
from warmgraph.store.plan import Search
from warmgraph.warm import WarmTier

__all__ = ["RouterWatch"]

logger: logging.Logger = logging.getLogger(__name__)

Namespace: TypeAlias = tuple[str, ...]

MOST_WAITING = 256
"""Hits that wait to be compared; further ones are not, as if they had not been drawn."""
SAVE_EVERY = 64
"""Comparisons after which what was learned is kept. A crash loses that many at most."""
LINGER = 2.0
"""Seconds that the thread waits for more before it ends."""


class _Check(NamedTuple):
    router: LearningRouter
    decision: RouteDecision
    search: Search
    keys: frozenset[str]  # the warm answer


class RouterWatch(ForkAware):
    """Tells routers that learn what became of their decisions.

    Args:
        tier: The warm items.
        backend: All items, and the place for the routers' states.
        promote: Whether what the long-term tier found becomes warm.

    Attributes:
        counts: "checks" that were made, "failed" and "dropped" ones, "failed_saves".
    """

    def __init__(self, tier: WarmTier, backend: Backend, *, promote: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._tier, self._backend, self._promote = tier, backend, promote
        self._routers: list[LearningRouter] = []
        self._begin()
        watch_forks(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._saving = threading.Lock()
        self._waiting: deque[_Check | None] = deque()  # None: keep what was learned
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closed = False
        self._unsaved = 0

    def ready(self, router: WarmRouter, namespace: Namespace) -> Steps[None]:
        """Let a router take what was kept of a namespace, before it decides there for the first time."""
        learner = self._learner(router)
        if learner is None:
            return
        for part in ((), namespace):
            if not learner.knows(part):
                yield Io(partial(self._restore, learner, part))

    def learns(self, router: WarmRouter) -> bool:
        """Whether a router wants to hear what became of its decisions."""
        return self._learner(router) is not None

    def hit(self, router: WarmRouter, decision: RouteDecision, search: Search, keys: Iterable[str]) -> None:
        """Hear of a hit, answered with these keys; it is compared later, if the router wants that."""
        learner = self._learner(router)
        if learner is not None and self._is_drawn(learner, decision):
            quiet = search._replace(refresh_ttl=False, dropped=None)
            self._submit(_Check(learner, decision, quiet, frozenset(keys)))

    def miss(
        self, router: WarmRouter, decision: RouteDecision, keys: Collection[str], found: Iterable[SearchItem]
    ) -> None:
        """Hear of a miss: the keys that a hit would have answered with, and what the long-term tier answered."""
        learner = self._learner(router)
        if learner is not None:
            self._is_drawn(learner, decision)
            self._learn(learner, decision, keys, found)

    def stats(self, router: WarmRouter) -> RouterStats | None:
        """Return the figures of a router if it learns, else of the last one that does."""
        learner = self._learner(router)
        if learner is None and self._routers:
            learner = self._routers[-1]
        return None if learner is None else learner.stats()

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until nothing waits to be compared; False if it took longer than `timeout` seconds."""
        with self._lock:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self) -> None:
        """Finish the comparison under way, leave out the others, and keep what was learned."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self.save()

    def save(self) -> None:
        """Keep what the routers have learned since. Waits."""
        if not self._backend.keeps_state:
            return
        with self._saving:
            for learner in list(self._routers):
                news = learner.take_news()
                if not news:
                    continue
                try:
                    kept = self._backend.merge_state(learner.state_name, news, learner.merged)
                except Exception:
                    learner.give_back(news)
                    self.counts["failed_saves"] += 1
                    logger.exception("what %r learned could not be kept; it is tried again", learner)
                    continue
                for namespace, state in kept.items():
                    learner.restore(namespace, state)

    def after_fork_in_child(self) -> None:
        """Begin anew, with nothing to compare: the thread lives on in the parent only."""
        self._begin()

    # -- within ------------------------------------------------------------------------------------------------------

    def _learner(self, router: WarmRouter) -> LearningRouter | None:
        for known in self._routers:
            if known is router:
                return known
        if not _learns(router):
            return None
        assert isinstance(router, LearningRouter)
        with self._lock:
            self._routers = [*self._routers, router]
        return router

    def _restore(self, learner: LearningRouter, namespace: Namespace) -> None:
        state = None
        try:
            state = self._backend.read_state(namespace, learner.state_name)
        except Exception:
            logger.exception("what %r learned of %r could not be read", learner, namespace)
        learner.restore(namespace, state)

    def _is_drawn(self, learner: LearningRouter, decision: RouteDecision) -> bool:
        try:
            return learner.note(decision)
        except Exception:  # somebody's own router; the answer does not depend on what it learns
            logger.exception("%r failed to learn", learner)
            return False

    def _learn(
        self, learner: LearningRouter, decision: RouteDecision, keys: Collection[str], found: Iterable[SearchItem]
    ) -> None:
        namespace = decision.signals.namespace

        def has(key: str) -> bool:
            # What a miss found may have become warm since; then only the answer tells what was warm.
            return key in keys or (not self._promote and self._tier.find(namespace, key) is not None)

        try:
            with self._tier.lock:
                missing = missing_share([(item.key, item.score) for item in found], has)
            learner.observe(decision, missing)
        except Exception:
            logger.exception("%r failed to learn", learner)
            return
        self._unsaved += 1
        if self._unsaved >= SAVE_EVERY and self._backend.keeps_state:
            self._unsaved = 0
            self._submit(None)

    def _submit(self, check: _Check | None) -> None:
        with self._lock:
            if self._closed:
                return
            if check is not None and len(self._waiting) >= MOST_WAITING:
                self.counts["dropped"] += 1
                return
            self._waiting.append(check)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="warmgraph-router", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._changed.wait_for(lambda: self._waiting or self._closed, LINGER) or not self._waiting:
                    self._thread = None
                    return
                check = self._waiting.popleft()
                self._busy = True
            try:
                self.save() if check is None else self._compare(check)
            finally:
                with self._lock:
                    self._busy = False
                    self._changed.notify_all()

    def _compare(self, check: _Check) -> None:
        try:
            found = run(self._backend.recall(check.search))
            if found.failure is not None:  # words alone ranked: that says nothing of what was answered
                raise found.failure
        except Exception:
            self.counts["failed"] += 1
            logger.warning("a warm answer could not be compared with the long-term tier", exc_info=True)
            return
        self.counts["checks"] += 1
        self._learn(check.router, check.decision, check.keys, found.items)


_kinds: dict[type, bool] = {}


def _learns(router: WarmRouter) -> bool:
    """Whether a router is one that learns; by its class, for the look at a protocol takes longer than a decision."""
    kind = type(router)
    known = _kinds.get(kind)
    if known is None:
        known = _kinds[kind] = isinstance(router, LearningRouter)
    return known
