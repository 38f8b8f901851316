"""One warm item."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["NEVER", "WORTH_RENEWING", "WarmItem"]

NEVER = float("inf")
# An expiry is moved when that adds at least this share of the time to live: an item that is read a thousand times a
# second is written to the long-term tier twice in that time, and what is read lives on for half of it at least.
WORTH_RENEWING = 0.5


@dataclass(slots=True)
class WarmItem:
    """One item in RAM.

    Args:
        value: The value, owned by the tier: copy it before it leaves.
        created_at: When it was first written.
        updated_at: When it was written last.
        size: Bytes that it takes, estimated.
        ttl: Minutes to live since its last use; `None` for ever.
        expires: When it expires, in seconds since the epoch; inf for never.
        importance: How much it says that it matters, in [0, 1]; `None` to ask the listener.
        version: The number that its long-term store gave this very value; `None` where there are no such numbers.
    """

    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    size: int
    ttl: float | None = None
    expires: float = NEVER
    importance: float | None = None
    version: int | None = None

    def worth_renewing(self, now: float) -> bool:
        """Whether a use at `now` (seconds since the epoch) moves the expiry by something worth writing down."""
        return self.ttl is not None and now + self.ttl * 60 - self.expires > WORTH_RENEWING * self.ttl * 60
