"""The clock that a test moves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from warmgraph.clock import Clock
from warmgraph.errors import InvalidArgumentError
from warmgraph.testing import ManualClock


def test_time_stands_still_until_moved() -> None:
    """Two looks at the clock tell the same time; `advance` adds up all its units."""
    clock: Clock = (manual := ManualClock())
    before = clock.now()
    assert before == clock.now()
    assert before + timedelta(days=1, hours=2, minutes=3, seconds=4) == manual.advance(
        days=1, hours=2, minutes=3, seconds=4
    )
    assert timedelta(days=1, hours=2, minutes=3, seconds=4) == clock.now() - before


def test_tells_utc_wherever_it_starts() -> None:
    """A start in another timezone is the same instant in UTC."""
    start = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2)))
    assert datetime(2026, 11, 20, 10, tzinfo=timezone.utc) == ManualClock(start).now()
    assert timezone.utc == ManualClock(start).now().tzinfo


def test_refuses_a_naive_start() -> None:
    """A time without a zone is nobody's time."""
    with pytest.raises(InvalidArgumentError, match="timezone-aware"):
        ManualClock(datetime(2026, 11, 20))  # noqa: DTZ001
