"""Reads: from ops to rows, by key, by age, or in the order of a ranking."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.store.config import Ranking
from warmgraph.store.namespaces import fixed_prefix, page_of
from warmgraph.store.plan import Get, ListNamespaces, Read, Search
from warmgraph.store.search import Query, Ranked, note_dropped, rank
from warmgraph.store.signalled import SignalledQuery, SignalledSearch
from warmgraph.store.sqlite import items
from warmgraph.store.sqlite.database import Database
from warmgraph.store.sqlite.indexes import LoadedIndexes
from warmgraph.store.sqlite.renewals import Renewals
from warmgraph.store.sqlite.rows import MICROSECONDS, Row
from warmgraph.warm import WORTH_RENEWING

__all__ = ["Reader"]

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]


class Reader:
    """Answers reads from a file and its indexes. All of it waits for the disk.

    Args:
        database: The file.
        indexes: Its indexes in RAM.
        now: Tells the time, in microseconds since the epoch.
        renewals: Is given items that were read and whose time to live starts anew.
        ranking: Knows whether the vectors in the file can be compared.
    """

    def __init__(
        self,
        database: Database,
        indexes: LoadedIndexes,
        now: Callable[[], int],
        renewals: Renewals,
        ranking: Ranking,
    ) -> None:
        self._database = database
        self._ranking = ranking
        self._indexes = indexes
        self._now = now
        self._renewals = renewals

    def answer(self, reads: Sequence[Read], prepared: Mapping[str, Query]) -> list[Any]:
        """Answer reads, in order.

        Args:
            reads: The reads.
            prepared: The queries of searches, by their text.
        """
        self._renewals.settle()
        if any(isinstance(read, Search) and read.query for read in reads):
            self._indexes.follow()
        return [self._answer(read, prepared) for read in reads]

    def fetch(self, namespace: Namespace, keys: Sequence[str]) -> dict[str, Row]:
        """Return the rows of keys that exist and have not expired."""
        self._renewals.settle()
        now = self._now()
        return self._database.read(
            lambda connection: items.fetch(connection, namespace, keys, now), snapshot=len(keys) > 1
        )

    def ranked(
        self, namespaces: Sequence[Namespace], search: Search, query: Query, above: float | None = None
    ) -> list[SearchItem]:
        """Return a page of a ranking over whole namespaces.

        Args:
            namespaces: The namespaces.
            search: Says which page, and which items match.
            query: What to rank by.
            above: Leaves out items whose score is not higher.
        """
        indexes = [(namespace, self._indexes.load(namespace)) for namespace in namespaces]
        wanted = search.offset + search.limit
        ranking = rank(
            indexes,
            self._ranking.checked(query, search.query or ""),
            now=self._now() / MICROSECONDS,
            wanted=wanted,
            above=above,
            exclude=search.exclude,
            varied=above is not None and search.matches is None,
            dropped=search.dropped,
        )
        return self._page(ranking, search) if search.limit else []

    def signalled(self, wanted: SignalledQuery, query: Query) -> SignalledSearch:
        """Return the items of one namespace most like a query, and how sure that is.

        Args:
            wanted: Which items.
            query: What to rank by, with a vector.
        """
        self._renewals.settle()
        self._indexes.follow()
        search, least = wanted.search, wanted.score_threshold
        items = self.ranked([search.prefix], search, query)
        if least is not None:
            items = [item for item in items if item.score is not None and item.score >= least]
        checked = self._ranking.checked(query, search.query or "")
        if checked.vector is None:
            return SignalledSearch(items, None)
        index = self._indexes.load(search.prefix)
        with index.lock:
            return SignalledSearch(items, index.signals(checked.vector, max(search.limit, 1)))

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        """Return the namespaces at a prefix and below it that hold an item, in order."""
        now = self._now()
        return self._database.read(lambda connection: items.namespaces_under(connection, prefix, now))

    def few_namespaces(self, prefix: Namespace, most: int) -> list[Namespace] | None:
        """Return what `namespaces` does, `None` if there are more than so many."""
        now = self._now()
        return self._database.read(lambda connection: items.few_namespaces_under(connection, prefix, now, most))

    def _answer(self, read: Read, prepared: Mapping[str, Query]) -> Any:
        if isinstance(read, Get):
            return self._get(read)
        if isinstance(read, ListNamespaces):
            conditions = read.op.match_conditions or ()
            return page_of(self.namespaces(fixed_prefix(conditions)), read.op)
        if not read.limit:
            return []
        if read.query is None:
            return self._newest(read)
        return self.ranked(self.namespaces(read.prefix), read, prepared[read.query])

    def _get(self, read: Get) -> Any:
        row = self.fetch(read.namespace, [read.key]).get(read.key)
        if row is None:
            return None
        if read.refresh_ttl and row.ttl is not None:
            self._renewals.renew(_expiries([row], self._now()))
        return row.item()

    def _newest(self, search: Search) -> list[SearchItem]:
        now = self._now()

        def read(connection: sqlite3.Connection) -> list[tuple[SearchItem, Row]]:
            found = ((row.search_item(), row) for row in items.newest_rows(connection, search.prefix, now))
            if search.matches is not None:
                found = (each for each in found if search.matches(each[0].value))
            return list(islice(found, search.offset, search.offset + search.limit))

        page = self._database.read(read)
        if search.refresh_ttl:
            self._renewals.renew(_expiries((row for _, row in page), now))
        return [item for item, _ in page]

    def _page(self, ranking: Iterator[Ranked], search: Search) -> list[SearchItem]:
        """Fetch rows in the order of a ranking, testing the filter as they come, until the page is full."""
        skip, wanted = search.offset, search.limit
        if search.matches is None:  # nothing has to be fetched to be skipped
            ranking, skip = islice(ranking, skip, None), 0
        page: list[SearchItem] = []
        taken: list[Row] = []
        while len(page) < wanted and (places := list(islice(ranking, skip + wanted - len(page)))):
            rows = self._rows_of(places)
            for place in places:
                row = rows.get((place.namespace, place.key))
                if row is None:  # deleted since it was ranked
                    note_dropped(search, place, "expired")
                    continue
                item = row.search_item(place.score)
                if search.matches is not None and not search.matches(item.value):
                    note_dropped(search, place, "filter")
                    continue
                if skip:
                    skip -= 1
                    continue
                page.append(item)
                taken.append(row)
        if search.refresh_ttl:
            self._renewals.renew(_expiries(taken, self._now()))
        # In a large namespace a look at all vectors may find one that should have come before.
        return sorted(page, key=_worst_without, reverse=True)

    def _rows_of(self, places: Sequence[Ranked]) -> dict[Place, Row]:
        wanted: dict[Namespace, list[str]] = {}
        for place in places:
            wanted.setdefault(place.namespace, []).append(place.key)
        now = self._now()

        def read(connection: sqlite3.Connection) -> dict[Place, Row]:
            return {
                (namespace, key): row
                for namespace, keys in wanted.items()
                for key, row in items.fetch(connection, namespace, keys, now).items()
            }

        return self._database.read(read)


def _expiries(rows: Iterable[Row], now: int) -> dict[Place, float]:
    """Return the rows whose expiry is worth moving, and when they would expire, in seconds since the epoch."""
    return {
        (row.namespace, row.key): row.expires_at / MICROSECONDS
        for row in rows
        if row.ttl is not None and row.expires_at is not None and _worth_renewing(row.ttl, row.expires_at, now)
    }


def _worth_renewing(ttl: float, expires_at: int, now: int) -> bool:
    lifetime = ttl * 60 * MICROSECONDS
    return now + lifetime - expires_at > WORTH_RENEWING * lifetime


def _worst_without(item: SearchItem) -> float:
    return -math.inf if item.score is None else item.score
