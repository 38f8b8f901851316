"""The receipts of a process."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from warmgraph.recall import NotedReceipt, ReceiptHub
from warmgraph.recall.hub import BUCKETS
from warmgraph.testing import ManualClock


def remembered(user: str = "ana", milliseconds: float = 1.0) -> Any:
    return {"type": "memory_remember", "namespace": ["memories", user], "keys": [], "milliseconds": milliseconds}


def recalled(tier: str) -> Any:
    return {"type": "memory_recall", "tier": tier, "namespace": ["memories", "ana"], "milliseconds": 0.3}


def test_the_last_receipts_are_kept_and_all_are_counted() -> None:
    """RAM stays bounded; counts go on."""
    hub = ReceiptHub(3, clock=ManualClock())
    for number in range(5):
        hub.publish(remembered(milliseconds=number))
    assert [3, 4, 5] == [noted.number for noted in hub.latest()]
    assert [5] == [noted.number for noted in hub.latest(after=4)]
    assert {"remember": 5} == hub.counts()


def test_recalls_count_as_hits_and_misses() -> None:
    """By the tier that answered; failures are counted as such."""
    hub = ReceiptHub()
    for event in (recalled("warm"), recalled("long_term"), recalled("warm")):
        hub.publish(event)
    hub.publish({"type": "memory_error", "node": "recall", "error": "OSError", "message": "disk full"})
    assert {"hit": 2, "miss": 1, "error": 1} == hub.counts()
    assert {"hit", "miss"} == set(hub.latencies())


def test_latencies_fall_into_buckets() -> None:
    """A bucket holds what took at most as long as its end; the last one what took longer than all of them."""
    hub = ReceiptHub()
    for seconds in (BUCKETS[0], BUCKETS[0] + 1e-6, BUCKETS[-1] + 1):
        hub.publish(remembered(milliseconds=seconds * 1000))
    found = hub.latencies()["remember"]
    assert (1, 1) == found.counts[:2]
    assert 1 == found.counts[-1]
    assert 3 == sum(found.counts)
    assert pytest.approx(2 * BUCKETS[0] + 1e-6 + BUCKETS[-1] + 1) == found.seconds


def test_listeners_hear_until_they_end() -> None:
    """One that fails disturbs nobody."""
    hub, heard = ReceiptHub(), list[NotedReceipt]()

    def broken(noted: NotedReceipt) -> None:
        raise RuntimeError("broken")

    hub.subscribe(broken)
    end = hub.subscribe(heard.append)
    hub.publish(remembered())
    end()
    hub.publish(remembered())
    assert [1] == [noted.number for noted in heard]


def test_many_threads_lose_no_receipt() -> None:
    """Every receipt has a number of its own, in the order in which they are kept."""
    hub = ReceiptHub(10_000)

    def publish_many() -> None:
        for _ in range(500):
            hub.publish(remembered())

    threads = [threading.Thread(target=publish_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(range(1, 4001)) == [noted.number for noted in hub.latest()]
    assert {"remember": 4000} == hub.counts()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_takes_receipts_in() -> None:
    """No lock of the parent's is held there, and its listeners are not told."""
    hub, heard = ReceiptHub(), list[NotedReceipt]()
    hub.subscribe(heard.append)
    child = os.fork()
    if child == 0:
        hub.publish(remembered())
        os._exit(0 if hub.counts()["remember"] == 1 and not heard else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
