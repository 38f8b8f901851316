"""Recalls of a `WarmStore`: the warm tier's half, the long-term tier's half, and the two with a router between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from langgraph.store.base import Item, SearchItem

from warmgraph.clock import Clock
from warmgraph.errors import StoreUnavailableError
from warmgraph.index import NamespaceIndex
from warmgraph.ranking import LexicalScorer, Signals, WarmRouter
from warmgraph.steps import Steps
from warmgraph.store.backends import Backend
from warmgraph.store.few import Glance, Place, recall_few
from warmgraph.store.many import best_of_many, warm_slots
from warmgraph.store.plan import Get, Search
from warmgraph.store.recalls import Found, Recall
from warmgraph.store.reranking import Reranking
from warmgraph.store.router_watch import RouterWatch
from warmgraph.store.search import Query, look, note_dropped, rank
from warmgraph.store.values import copy_value
from warmgraph.store.warm_bits import WarmBits
from warmgraph.store.why_not import Halves, Parts, score_parts
from warmgraph.warm import WarmItem, WarmTier

__all__ = ["CLEAR_LEAD", "WarmRecalls"]

Namespace: TypeAlias = tuple[str, ...]

# A recall is ranked by words alone if its best warm item leads the sixth, the first that is not among the best five, by
# this much of the best score there could be; closer, and the query is embedded to decide the order. Replayed on real
# conversations, with the questions asked right after their session, that spares 42% of all questions the embedding and
# costs .5% of evidence recall@5; .18 spares 32% and costs .4%. The lead over the second item is the worse sign: for as
# many questions spared it costs half as much again.
CLEAR_LEAD = 0.14


@dataclass(slots=True)  # not frozen: that takes twice as long to make
class _Sight:
    """What words show of a namespace, before it is decided who answers.

    Args:
        signals: What a router decides by.
        index: Of the namespace.
        query: The words.
        lead: By how much the best warm item leads.
        places: The best warm items, if one loop over few of them found these as well.
    """

    signals: Signals
    index: NamespaceIndex
    query: Query
    lead: float
    places: list[Place] | None


class WarmRecalls:
    """Recalls over a warm tier and what stands behind it.

    Args:
        tier: The warm items.
        backend: All items.
        bits: The warm bits of the backend's indexes.
        capacity: Warm items of a namespace, loaded on its first touch.
        promote: Whether what the long-term tier found becomes warm.
        clear_lead: By how much the best warm item must lead for words alone to rank.
        reranking: Reads what was found, and puts it in order.
        clock: Tells the time.
    """

    def __init__(
        self,
        tier: WarmTier,
        backend: Backend,
        bits: WarmBits,
        *,
        capacity: int,
        promote: bool,
        clear_lead: float,
        reranking: Reranking,
        clock: Clock,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._tier, self._backend, self._bits = tier, backend, bits
        self._capacity, self._promote, self._clock = capacity, promote, clock
        self._clear_lead = clear_lead
        self._reranking = reranking
        self.watch: RouterWatch = RouterWatch(tier, backend, promote=promote)

    def recall(self, search: Search, router: WarmRouter) -> Steps[Recall]:
        """Answer warm if the router finds that enough, else from the long-term tier."""
        search = search._replace(dropped=[])
        yield from self.watch.ready(router, search.prefix)
        sight = yield from self._see(search)
        decision = router.decide(sight.signals)
        if decision.hit:
            warm = yield from self._answer(search, sight)
            self._use(search, warm)
            self.watch.hit(router, decision, search, [item.key for item in warm.items])
            return Recall(warm.items, "warm", sight.signals, decision, warm.failure, warm.dropped)
        # What a hit would have answered is ranked only if somebody learns from it, and before a miss makes more warm.
        missed = (yield from self._answer(search, sight)) if self.watch.learns(router) else None
        try:
            cold = yield from self.long_term(search._replace(dropped=[]))
        except StoreUnavailableError as error:
            away = self._backend.away
            if away is None:
                raise error
            signals = replace(sight.signals, away=away)  # it went away on the way
            warm = missed or (yield from self._answer(search, sight))
            self._use(search, warm)
            return replace(warm, signals=signals, decision=router.decide(signals))
        if missed is not None:
            self.watch.miss(router, decision, [item.key for item in missed.items], cold.items)
        failure = cold.failure or (missed.failure if missed else None)
        return replace(cold, signals=sight.signals, decision=decision, failure=failure)

    def warm(self, search: Search) -> Steps[Recall]:
        """Rank the warm items, and count what is returned as used."""
        search = Search(*search[:-1], dropped=[])  # `_replace` takes three times as long
        sight = yield from self._see(search)
        answer = yield from self._answer(search, sight)
        self._use(search, answer)
        return answer

    def long_term(self, search: Search) -> Steps[Recall]:
        """Rank all items, warm or not."""
        self.count("fallbacks")
        if search.dropped is None:
            search = search._replace(dropped=[])
        found = yield from self._backend.recall(self._reranking.widened(search))
        found = yield from self._reranking.ordered(search, found)
        keys = [item.key for item in found.items]
        if self._promote:
            yield from self._make_warm(search.prefix, keys)
        self._tier.touch(search.prefix, keys)
        return Recall(found.items, "long_term", failure=found.failure, dropped=search.dropped or ())

    def halves(self, search: Search) -> Halves:
        """Return what there is to explain a recall by."""
        namespace = search.prefix

        def get(key: str) -> Steps[Item | None]:
            warm = self._tier.get(namespace, key, self._now(), touch=False)
            if warm is not None:
                return Item(
                    value=copy_value(warm.value),
                    key=key,
                    namespace=namespace,
                    created_at=warm.created_at,
                    updated_at=warm.updated_at,
                )
            (found,) = yield from self._backend.read([Get(namespace, key, False)])
            item: Item | None = found
            return item

        def parts(keys: Collection[str]) -> Steps[dict[str, Parts]]:
            index = self._backend.index_of(namespace)
            if index is None:
                return {}
            query = yield from self._backend.ranking.recall_query(search.query or "", self._clock.now(), index)
            return score_parts(query, index, keys)

        def expired(key: str) -> bool:
            index = self._backend.index_of(namespace)
            return index is not None and index.slot(key) is not None  # it is indexed, and cannot be read

        return Halves(
            get, lambda: self.warm(search), lambda limit: self.long_term(search._replace(limit=limit)), parts, expired
        )

    @property
    def behind(self) -> bool:
        """Whether others may have written something that is not known here yet."""
        return self._backend.behind

    def follow(self) -> Steps[None]:
        """Take in what others wrote."""
        yield from self._backend.follow()

    def count(self, what: str) -> None:
        """Count an event."""
        with self._tier.lock:
            self.counts[what] += 1

    def _see(self, search: Search) -> Steps[_Sight]:
        """Look at a namespace by words: all that a router needs to know."""
        namespace = search.prefix
        backend = self._backend
        with self._tier.lock:
            resident = self._tier.resident(namespace) or not backend.durable
            self.counts["recalls"] += 1
        index = backend.index_of(namespace)
        if index is None or not resident or index.warm_owner is not self._bits or backend.behind:
            try:
                index = yield from self._ready(namespace, resident)
            except StoreUnavailableError:
                if backend.away is None:
                    raise
                index = backend.index_of(namespace) or backend.ranking.new_index()
                self._bits.claim(index, namespace, self._tier)
        today = self._clock.now()
        now = today.timestamp()
        self._tier.expire(now, namespace)
        ranking, text = backend.ranking, search.query or ""
        query = ranking.words(text, today)
        seen, places = self._see_few(search, index, query)
        if seen is None:
            seen = look(index, query, now, search.exclude)
        signals = Signals(
            best_warm=seen.best_warm,
            best_cold=seen.best_cold,
            warm_items=seen.warm_items,
            items=seen.items,
            resident=resident,
            can_peek=backend.covers(namespace) and (search.matches is None or seen.best_cold is None),
            away=backend.away,
            lead=seen.lead,
            filtered=search.matches is not None,
            namespace=namespace,
        )
        return _Sight(signals, index, query, seen.lead, places)

    def _answer(self, search: Search, sight: _Sight) -> Steps[Recall]:
        """Rank the warm items: by words, and by meaning as well where these leave a doubt."""
        index, query, places = sight.index, sight.query, sight.places
        ranking = self._backend.ranking
        if ranking.recall_scorer.needs_dense and sight.lead < self._clear_lead:
            query = yield from ranking.recall_query(search.query or "", self._clock.now(), index, words=query)
            places = None
        wide = search if self._reranking.idle else self._reranking.widened(search)
        if places is None and search.matches is None:
            places = self._best_places(wide, index, query)
        items = self._warm_items(wide, index, query) if places is None else self._items_at(search, index, places)
        if self._reranking.idle:
            return Recall(items, "warm", sight.signals, failure=query.failure, dropped=search.dropped or ())
        found = yield from self._reranking.ordered(search, Found(items, query.failure))
        return Recall(found.items, "warm", sight.signals, failure=found.failure, dropped=search.dropped or ())

    def _see_few(
        self, search: Search, index: NamespaceIndex, query: Query
    ) -> tuple[Glance, list[Place]] | tuple[None, None]:
        """Look and rank in one loop, where only few items have any word of the query and nothing else counts."""
        if search.matches is not None or type(query.scorer) is not LexicalScorer or query.timely:
            return None, None
        with index.lock:
            few = None if index.mortal else index.few(query.terms)
            if few is None:
                return None, None
            limit = search.limit if self._reranking.idle else self._reranking.widened(search).limit
            return recall_few(index, few, query.score_few(index, few), limit, search.exclude, search.dropped)

    def _best_places(self, search: Search, index: NamespaceIndex, query: Query) -> list[Place] | None:
        """Rank the warm items, and no others; `None` where some may have expired."""
        with index.lock:
            if index.mortal:
                return None
            slots = warm_slots(index, search.exclude)
            if query.only_words and not query.timely:
                slots = slots[index.lexical(query.terms)[slots] > 0]
            scores = query.scores_at(index, slots, few=True)
            return best_of_many(index, slots, scores, search.limit, search.dropped)

    def _items_at(self, search: Search, index: NamespaceIndex, places: Sequence[Place]) -> list[SearchItem]:
        namespace = search.prefix
        found: list[SearchItem] = []
        with self._tier.lock, index.lock:
            keys, seqs, held = index.keys_by_slot, index.views.seq, self._tier.held_items(namespace)
            for score, seq, slot in places:
                # What somebody wrote meanwhile, and what is no longer warm, is left out.
                key = keys[slot] if slot < len(keys) and seqs[slot] == seq else None
                item = None if key is None else held.get(key)
                if key is not None and item is not None:
                    value = copy_value(item.value)
                    found.append(SearchItem(namespace, key, value, item.created_at, item.updated_at, score))
        return found

    def _warm_items(self, search: Search, index: NamespaceIndex, query: Query) -> list[SearchItem]:
        now = self._now()
        found: list[SearchItem] = []
        if not search.limit:
            return found
        indexes = [(search.prefix, index)]
        places = rank(
            indexes,
            query,
            now=now,
            wanted=search.limit,
            warm_only=True,
            above=0.0,
            exclude=search.exclude,
            varied=search.matches is None,  # of two with the same words the filter may want the other
            dropped=search.dropped,
        )
        for place in places:
            item = self._tier.get(search.prefix, place.key, now, touch=False)
            if item is None:
                note_dropped(search, place, "expired")
            elif search.matches is not None and not search.matches(item.value):
                note_dropped(search, place, "filter")
            else:
                value = copy_value(item.value)
                found.append(SearchItem(search.prefix, place.key, value, item.created_at, item.updated_at, place.score))
                if len(found) == search.limit:
                    break
        return found

    def _use(self, search: Search, answer: Recall) -> None:
        """Count warm items as used: they stay warm, and alive, for longer."""
        keys = [item.key for item in answer.items]
        mortal = self._tier.touch(search.prefix, keys)
        if mortal and search.refresh_ttl and (renewed := self._tier.to_renew(search.prefix, keys, self._now())):
            self._backend.refresh({(search.prefix, key): expires for key, expires in renewed.items()})

    def _ready(self, namespace: Namespace, resident: bool) -> Steps[NamespaceIndex]:
        """Return the index of a namespace with its warm bits set, its best items loaded."""
        if self.behind:
            yield from self.follow()
        index = self._backend.index_of(namespace)
        if index is None:
            index = yield from self._backend.load_index(namespace)
        if not resident:
            weight = self._tier.importance_weight(namespace)
            with index.lock:
                best = index.most_worth(self._capacity, self._now(), weight)
            self._tier.keep(namespace, best)
            yield from self._make_warm(namespace, best)
            self._tier.open(namespace, best)
        self._bits.claim(index, namespace, self._tier)
        return index

    def _make_warm(self, namespace: Namespace, keys: Sequence[str]) -> Steps[None]:
        """Read items and keep those that no write overtook, the last ones as the most recent."""
        now = self._now()
        cold = [key for key in keys if self._tier.get(namespace, key, now, touch=False) is None]
        flights = self._tier.begin(namespace, cold, write=False)
        found: dict[str, WarmItem] = {}
        try:
            if cold:
                found = yield from self._backend.fetch(namespace, cold)
        finally:
            for key, generation in flights.items():
                self._tier.land(namespace, key, generation, found.get(key), write=False)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _check(self) -> None:
        for namespace in self._tier.namespaces():
            index = self._backend.index_of(namespace)
            if index is not None:
                with self._tier.lock, index.lock:
                    index._check()
                    warm = {index.key(slot) for slot in np.flatnonzero(index.warm).tolist()}
                    held = set(self._tier.warm_keys(namespace))
                    assert index.warm_owner is not self._bits or warm == held & set(index.keys())
