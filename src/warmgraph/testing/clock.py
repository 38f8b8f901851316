"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

from warmgraph.errors import InvalidArgumentError

__all__ = ["ManualClock"]

_START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class ManualClock:
    """A `warmgraph.clock.Clock` whose time passes only by `advance`. Thread-safe.

    Args:
        start: The first time it tells, timezone-aware. By default midnight UTC, 1 January 2026.

    Raises:
        InvalidArgumentError: `start` has no timezone.

    Example:
        >>> clock = ManualClock()
        >>> before = clock.now()
        >>> clock.advance(minutes=5) - before
        datetime.timedelta(seconds=300)
    """

    def __init__(self, start: datetime = _START) -> None:
        if start.tzinfo is None:
            raise InvalidArgumentError("start", expected="a timezone-aware datetime", got=start)
        self._now = start.astimezone(timezone.utc)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""
        with self._lock:
            return self._now

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
        """Move the time, and return what it is then. Negative steps turn it back, as a corrected clock does."""
        with self._lock:
            self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
            return self._now
