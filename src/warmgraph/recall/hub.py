"""The receipts of this process: the last of them, counts of all, and whoever listens."""

from __future__ import annotations

import itertools
import logging
import threading
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from warmgraph.clock import Clock, SystemClock
from warmgraph.forks import ForkAware, watch_forks
from warmgraph.recall.receipts import MemoryEvent

__all__ = ["BUCKETS", "Kind", "Latencies", "NotedReceipt", "ReceiptHub", "kind_of", "receipts"]

_logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["hit", "miss", "remember", "summarize", "schedule_reflection", "error"]
Listener: TypeAlias = Callable[["NotedReceipt"], object]

BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper ends of the buckets of latencies, in seconds: a warm recall takes a quarter of a millisecond."""

CAPACITY = 4096


class NotedReceipt(NamedTuple):
    """A receipt, and when it came.

    Args:
        number: Its number in this process, from 1.
        at: When it came, in seconds since the epoch.
        event: The receipt.
    """

    number: int
    at: float
    event: MemoryEvent

    @property
    def namespace(self) -> tuple[str, ...] | None:
        """Whose memory it is about, where it says so."""
        found = self.event.get("namespace")
        return tuple(str(label) for label in found) if isinstance(found, list) else None


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long one kind of work took.

    Args:
        counts: How many took at most as long as each of `BUCKETS`, not cumulated; the last is what took longer.
        seconds: All of them together.
    """

    counts: tuple[int, ...]
    seconds: float


@dataclass(slots=True)
class _Tally:
    """The receipts of one kind: how many, and of those that say so how long they took."""

    count: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0


class ReceiptHub(ForkAware):
    """Keeps the last receipts in RAM, counts all, and tells listeners. Thread-safe; holds no memory's text.

    Args:
        capacity: Receipts to keep.
        clock: Tells the time.

    Example:
        >>> hub = ReceiptHub()
        >>> hub.publish({"type": "memory_remember", "namespace": ["memories", "ana"], "keys": ["1"], "milliseconds": 2})
        >>> [(noted.number, noted.namespace) for noted in hub.latest()], hub.counts()["remember"]
        ([(1, ('memories', 'ana'))], 1)
    """

    def __init__(self, capacity: int = CAPACITY, *, clock: Clock | None = None) -> None:
        self._kept: deque[NotedReceipt] = deque(maxlen=capacity)
        self._numbers = itertools.count(1)
        self._tallies: defaultdict[Kind, _Tally] = defaultdict(_Tally)
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()
        self._clock: Clock = clock or SystemClock()
        watch_forks(self)

    def publish(self, event: MemoryEvent) -> None:
        """Take in a receipt. A listener that fails is logged, and nobody else notices."""
        kind, now = kind_of(event), self._clock.now().timestamp()
        milliseconds = event.get("milliseconds")
        with self._lock:
            noted = NotedReceipt(next(self._numbers), now, event)
            self._kept.append(noted)
            tally = self._tallies[kind]
            tally.count += 1
            if isinstance(milliseconds, (int, float)):
                seconds = milliseconds / 1000
                tally.buckets[bisect_left(BUCKETS, seconds)] += 1
                tally.seconds += seconds
            listeners = self._listeners
        for listener in listeners:
            try:
                listener(noted)
            except Exception:
                _logger.exception("a listener for receipts failed")

    def latest(self, *, after: int = 0) -> list[NotedReceipt]:
        """Return the receipts that are still kept, the oldest first.

        Args:
            after: Only those with larger numbers.
        """
        with self._lock:
            return [noted for noted in self._kept if noted.number > after]

    def counts(self) -> Counter[Kind]:
        """Return how many receipts of each kind there were since the start."""
        with self._lock:
            return Counter({kind: tally.count for kind, tally in self._tallies.items()})

    def latencies(self) -> dict[Kind, Latencies]:
        """Return how long each kind of work took since the start."""
        with self._lock:
            return {
                kind: Latencies(tuple(tally.buckets), tally.seconds)
                for kind, tally in self._tallies.items()
                if any(tally.buckets)
            }

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell a listener of every receipt from now on, on the thread that it comes from.

        Returns:
            What ends that.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other != listener)

        return end

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def before_fork(self) -> None:
        """Let no receipt be half taken in."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Begin without listeners: who listened is on threads and loops of the parent."""
        self._lock = threading.Lock()
        self._listeners = ()


def kind_of(event: MemoryEvent) -> Kind:
    """Return what kind of event it is; a recall is a hit if the warm tier answered it.

    Example:
        >>> kind_of({"type": "memory_error", "node": "recall", "error": "OSError", "message": "disk full"})
        'error'
    """
    if event["type"] == "memory_recall":
        return "hit" if event["tier"] == "warm" else "miss"
    kind: Kind = event["type"].removeprefix("memory_")  # type: ignore[assignment]
    return kind


receipts: ReceiptHub = ReceiptHub()
"""The receipts of this process."""
