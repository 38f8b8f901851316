"""Cases: one store serves many threads, and event loops that come and go."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langgraph.store.base import BaseStore, InvalidNamespaceError, PutOp

from warmgraph.testing.conformance.client import Client
from warmgraph.testing.conformance.expect import equal
from warmgraph.testing.conformance.registry import case
from warmgraph.testing.conformance.setting import Setting

THREADS = 8
WRITES = 12


@case()
def no_write_of_any_thread_is_lost(setting: Setting) -> None:
    """Threads that write at once into one namespace, each through a client of its own, all find what they wrote."""
    store = setting.store()

    def write(thread: int) -> None:
        client = Client(store.store, setting.mode)
        for n in range(WRITES):
            client.put(("shared",), f"{thread}-{n}", {"thread": thread, "n": n})
            equal({"thread": thread, "n": n}, client.value(("shared",), f"{thread}-{n}"))
        client.close()

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(write, thread) for thread in range(THREADS)]:
            done.result()
    equal(THREADS * WRITES, len(store.keys(("shared",), limit=1000)))


@case()
def many_calls_at_once_on_one_loop(setting: Setting) -> None:
    """Hundreds of calls that one event loop awaits together each get their own answer."""
    store = setting.store()
    store.run([PutOp(("n", str(n % 5)), str(n), {"n": n}) for n in range(50)])

    async def together(base: BaseStore) -> list[Any]:
        gets = [base.aget(("n", str(n % 5)), str(n)) for n in range(50)]
        puts = [base.aput(("new",), str(n), {"n": n}) for n in range(25)]
        searches = [base.asearch(("n", str(n)), limit=100) for n in range(5)]
        return await asyncio.gather(*gets, *puts, *searches, base.alist_namespaces(prefix=("n",)))

    *results, listed = asyncio.run(together(store.store))
    equal(list(range(50)), [item.value["n"] for item in results[:50]])
    equal([None] * 25, results[50:75])
    equal([10] * 5, [len(found) for found in results[75:]])
    equal([("n", str(n)) for n in range(5)], sorted(listed))
    equal(25, len(store.keys(("new",), limit=100)))


@case()
def a_store_outlives_the_loop_that_used_it_first(setting: Setting) -> None:
    """One event loop writes and ends, another reads, and sync callers see both."""
    store = setting.store()
    asyncio.run(store.store.aput(("n",), "k", {"n": 1}))
    found = asyncio.run(store.store.aget(("n",), "k"))
    equal({"n": 1}, None if found is None else found.value)
    asyncio.run(store.store.adelete(("n",), "k"))
    equal(None, store.store.get(("n",), "k"))


@case()
def a_bad_call_fails_alone(setting: Setting) -> None:
    """Of calls that are awaited together, one with a bad label or value fails, and the others are done."""
    store = setting.store()
    store.put(("n",), "old", {"n": 0})

    async def together(base: BaseStore) -> list[Any]:
        calls: list[Any] = [
            base.aput(("n",), "before", {"n": 1}),
            base.aput(("bad.label",), "k", {"n": 2}),
            base.aget(("n",), "old"),
            base.aput(("n", ""), "k", {"n": 3}),
            base.aput(("n",), "after", {"n": 4}),
        ]
        return await asyncio.gather(*calls, return_exceptions=True)

    before, bad, read, empty, after = asyncio.run(together(store.store))
    equal([None, None], [before, after])
    equal({"n": 0}, read.value)
    equal([InvalidNamespaceError] * 2, [type(bad), type(empty)])
    equal({"old", "before", "after"}, set(store.keys(())))
