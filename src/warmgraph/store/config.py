"""How a store ranks: what it embeds with, what it indexes, and by what it scores. Shared by both stores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from langgraph.store.base import IndexConfig
from numpy.typing import NDArray

from warmgraph.embeddings import Embedder, create_embedder
from warmgraph.errors import DimensionError, EmbeddingError, InvalidArgumentError
from warmgraph.index import Analyzer, FlatIndex, Metric, NamespaceIndex, RoutedIndex, Routing
from warmgraph.index import Plan as VectorPlan
from warmgraph.index.arena import Arenas
from warmgraph.ranking import (
    DenseScorer,
    HybridScorer,
    LexicalScorer,
    OverviewScorer,
    Period,
    Scorer,
    first_person,
    read_cues,
)
from warmgraph.steps import Io, Steps
from warmgraph.store.documents import Indexing, Searchable
from warmgraph.store.plan import Put
from warmgraph.store.search import Query

__all__ = ["Ranking", "SearchMode"]

logger: logging.Logger = logging.getLogger(__name__)

SearchMode: TypeAlias = Literal["dense", "lexical", "hybrid"]
# A query of no other words asks for no memory in particular: "What do you know about me?", "Who am I?"
GENERIC_WORDS = "know remember recall tell told say said learn memory memories summary summarize happen"
# LangGraph's SqliteStore and PostgresStore know two keys more: another name of the fields, and what vectors are
# compared by. Their "l2" is the negative distance and their "inner_product" the product of vectors as they are.
_INDEX_KEYS = ("dims", "embed", "fields", "text_fields", "distance_type")
_METRICS: dict[object, Metric] = {"cosine": "cosine", "l2": "l2", "inner_product": "dot"}


WORDS = LexicalScorer()

OUTAGE_SECONDS = 30.0
"""For so long after the model failed, recalls do not ask it again: each would wait until it times out."""


class Ranking:
    """Embedder, analyzer and scorers of a store.

    Args:
        index: As in LangGraph; `None` for words alone. `distance_type` ("cosine", "l2", "inner_product") is what
            `search` scores by; with another than cosine recalls rank by words, for their scores are sums with cosines.
        search_mode: What `search` ranks by; by default "dense" with an index, "lexical" without.
        scorer: What recalls rank by; by default hybrid, or lexical where vectors mean no more than words.
        analyzer: From text to terms.

    Attributes:
        comparable: Tells whether the stored vectors can be compared with those of the embedder. While they cannot,
            queries are not embedded, and words rank.

    Raises:
        InvalidArgumentError: A key is unknown, or a mode asks for vectors where there are none.
    """

    def __init__(
        self, index: IndexConfig | None, *, search_mode: SearchMode | None, scorer: Scorer | None, analyzer: Analyzer
    ) -> None:
        self.analyzer = analyzer
        self.comparable: Callable[[], bool] = lambda: True
        self.embedder: Embedder | None = _embedder_of(index)
        self.index_config: dict[str, Any] | None = None if index is None else dict(index)
        self.metric: Metric = _metric_of(self.index_config)
        self.indexing: Indexing = Indexing(_fields_of(self.index_config), analyzer)
        mode = search_mode or ("lexical" if self.embedder is None else "dense")
        if mode not in get_args(SearchMode):
            raise InvalidArgumentError("search_mode", expected="'dense', 'lexical' or 'hybrid'", got=search_mode)
        if mode != "lexical" and self.embedder is None:
            raise InvalidArgumentError("search_mode", expected="'lexical' without an index", got=search_mode)
        if mode == "hybrid" and self.metric != "cosine":
            raise InvalidArgumentError("search_mode", expected="'dense' or 'lexical' without cosines", got=search_mode)
        meaningful = self.embedder is not None and not self.embedder.lexical_only and self.metric == "cosine"
        self.recall_scorer: Scorer = scorer or (HybridScorer() if meaningful else LexicalScorer())
        if self.recall_scorer.needs_dense and self.embedder is None:
            raise InvalidArgumentError("scorer", expected="one that needs no vectors, without an index", got=scorer)
        if self.recall_scorer.needs_dense and self.metric != "cosine":
            raise InvalidArgumentError("scorer", expected="one that needs no vectors, without cosines", got=scorer)
        scorers: dict[SearchMode, Scorer] = {
            "dense": DenseScorer(),
            "lexical": LexicalScorer.plain(),
            "hybrid": HybridScorer(),
        }
        self.search_scorer: Scorer = scorers[mode]
        self._generic = frozenset(analyzer(GENERIC_WORDS))
        self._outage: tuple[float, str] | None = None  # until when, and why

    def new_index(self) -> NamespaceIndex:
        """Make an empty index of a namespace."""
        return NamespaceIndex(partial(FlatIndex, metric=self.metric))

    def new_large_index(
        self, directory: Path | None, plan: VectorPlan | None, routing: Routing | None, arenas: Arenas
    ) -> NamespaceIndex:
        """Make an empty index of a namespace that may get large.

        Args:
            directory: Where its vectors are mapped into memory once they have codes; `None` for RAM.
            plan: How many make which way of searching the fastest.
            routing: What was made for it before.
            arenas: Where its vectors lie while they are few.
        """
        if self.metric != "cosine":
            return self.new_index()

        def make(dims: int) -> RoutedIndex:
            known = routing if routing is not None and routing.dims == dims else None
            return RoutedIndex(
                dims, path=directory, plan=plan, unnamed=True, routing=known, defers=True, arena=arenas.of(dims)
            )

        return NamespaceIndex(make)

    def query(self, text: str, scorer: Scorer) -> Steps[Query]:
        """Prepare a query, embedding it if the scorer needs that and it was not embedded before."""
        vector = None
        if scorer.needs_dense and self.embedder is not None and self.comparable():
            vector = yield from self.embed_query(text)
        query = Query(() if isinstance(scorer, DenseScorer) else self.analyzer(text), vector, scorer)
        return self.checked(query, text)

    def query_by_vector(self, text: str) -> Steps[Query]:
        """Prepare a query by vector alone.

        Raises:
            InvalidArgumentError: There is no index.
        """
        if self.embedder is None:
            raise InvalidArgumentError("index", expected="a store with an index, to embed the query with", got=None)
        return self.query(text, DenseScorer())

    def checked(self, query: Query, text: str) -> Query:
        """Return a query, or one by words if it asks for vectors that cannot be compared, as may show at any time."""
        if not query.scorer.needs_dense or self.comparable():
            return query
        return Query(self.analyzer(text), None, LexicalScorer.plain(), query.cues)

    def words(self, text: str, now: datetime) -> Query:
        """Prepare a recall by words alone; by importance where the query names nothing to look for.

        Args:
            text: The query.
            now: From when on "last week" is counted.
        """
        cues = read_cues(text, now)
        terms = self.analyzer(text if cues.period is None else _without_period(text, cues.period))
        if self._generic.issuperset(terms) and any(map(str.isalnum, text)):
            return Query(terms, None, OverviewScorer(), cues)
        scorer = WORDS if self.recall_scorer.needs_dense else self.recall_scorer
        events = () if cues.relation is None else [self.analyzer(event) for event in cues.relation.events]
        return Query(terms, None, scorer, cues, events)

    def recall_query(
        self, text: str, now: datetime, index: NamespaceIndex | None, words: Query | None = None
    ) -> Steps[Query]:
        """Prepare a recall by the best ranking there is.

        Args:
            text: The query.
            now: From when on "last week" is counted.
            index: Where will be looked: a query that names who wrote there is embedded as they would put it.
            words: What `words` made of it, where that is known.

        Returns:
            The query. One that cannot be embedded, because the model fails, ranks by words, and says so.
        """
        query = self.words(text, now) if words is None else words
        if not self.recall_scorer.needs_dense or not self.comparable() or isinstance(query.scorer, OverviewScorer):
            return query
        if index is not None and query.cues.words:
            with index.lock:
                named = index.traits.named(query.cues.words)
            text = first_person(text, named) if named else text
        try:
            vector = yield from self._embed_for_recall(text, now.timestamp())
        except (EmbeddingError, DimensionError) as error:
            return query._replace(failure=error)
        return query._replace(vector=vector, scorer=self.recall_scorer) if self.comparable() else query

    def _embed_for_recall(self, text: str, now: float) -> Steps[NDArray[np.float32]]:
        """Embed a query, unless the model has just failed and does not know it from before."""
        embedder, outage = self.embedder, self._outage
        assert embedder is not None
        if outage is not None and now < outage[0] and embedder.cached_query(text) is None:
            raise EmbeddingError(outage[1])
        try:
            vector = yield from self.embed_query(text)
        except (EmbeddingError, DimensionError) as error:
            if error.__cause__ is not None:  # the model's own; whoever calls an async one from sync code must learn to
                self._outage = now + OUTAGE_SECONDS, str(error)
                logger.warning("a query could not be embedded; words rank for %g s: %s", OUTAGE_SECONDS, error)
            raise
        self._outage = None
        return vector

    def embed_query(self, text: str) -> Steps[NDArray[np.float32]]:
        """Embed a query, or take it from the memo: array of shape (dims,), float32."""
        embedder = self.embedder
        assert embedder is not None
        known = embedder.cached_query(text)
        if known is not None:
            return known
        vector: NDArray[np.float32] = yield Io(
            lambda: embedder.embed_query(text), (lambda: embedder.aembed_query(text)) if embedder.native_async else None
        )
        return vector

    def forget_queries(self) -> None:
        """Forget the vectors of queries, which may quote what is being erased."""
        if self.embedder is not None:
            self.embedder.forget_queries()

    def searchable(self, put: Put) -> tuple[Searchable, NDArray[np.float32] | None]:
        """Return how one put is searched, embedded on the calling thread. As `searchables`, whose steps take 2 us."""
        if put.value is None:
            return Searchable(), None
        found = self.indexing.searchable(put.value, put.index, later=True)
        if self.embedder is None or not found.texts or not put.embed:
            return found, None
        return found, self.embedder.embed_documents(list(found.texts))

    def searchables(
        self, puts: Sequence[Put], *, later: bool = False
    ) -> Steps[list[tuple[Searchable, NDArray[np.float32] | None]]]:
        """Return how each put is searched, with vectors of shape (texts, dims); all are embedded in one call.

        Args:
            puts: The writes. Those that are to be embedded later get no vectors.
            later: As in `Indexing.searchable`.
        """
        indexing = self.indexing
        found: list[Searchable] = []
        bare: list[tuple[Searchable, NDArray[np.float32] | None]] = []
        for put in puts:
            how = Searchable() if put.value is None else indexing.searchable(put.value, put.index, later=later)
            found.append(how)
            bare.append((how, None))
        embedder = self.embedder
        if embedder is None:
            return bare
        embedded = [each.texts if put.embed else () for put, each in zip(puts, found, strict=True)]
        texts = [text for each in embedded for text in each]
        if not texts:
            return bare
        vectors: NDArray[np.float32] = yield Io(
            lambda: embedder.embed_documents(texts),
            (lambda: embedder.aembed_documents(texts)) if embedder.native_async else None,
        )
        if len(found) == 1:
            return [(found[0], vectors)]
        prepared: list[tuple[Searchable, NDArray[np.float32] | None]] = []
        start = 0
        for each, of_it in zip(found, embedded, strict=True):
            stop = start + len(of_it)
            prepared.append((each, vectors[start:stop] if of_it else None))
            start = stop
        return prepared


def _without_period(text: str, period: Period) -> str:
    """Return a query without a time that is meant from today on: what was said yesterday does not say "yesterday"."""
    if not period.relative:
        return text
    start, stop = period.words
    return f"{text[:start]} {text[stop:]}"


def _metric_of(index: dict[str, Any] | None) -> Metric:
    given = (index or {}).get("distance_type", "cosine")
    metric = _METRICS.get(given) if isinstance(given, str) else None
    if metric is None:
        raise InvalidArgumentError("distance_type", expected="'cosine', 'l2' or 'inner_product'", got=given)
    return metric


def _fields_of(index: dict[str, Any] | None) -> Any:
    given = [index[name] for name in ("fields", "text_fields") if index and index.get(name) is not None]
    if len(given) > 1:
        raise InvalidArgumentError("index", expected="fields, or text_fields, which is the same", got=given)
    return given[0] if given else None


def _embedder_of(index: Any) -> Embedder | None:
    if index is None:
        return None
    if not isinstance(index, dict):
        raise InvalidArgumentError("index", expected="a dict with embed, dims, fields", got=index)
    unknown = [key for key in index if key not in _INDEX_KEYS]
    if unknown:
        raise InvalidArgumentError("index", expected=f"keys among {', '.join(_INDEX_KEYS)}", got=unknown[0])
    if "embed" not in index:
        raise InvalidArgumentError("index", expected="embed: an Embeddings, a function, or a name", got=index)
    return create_embedder(index["embed"], dims=index.get("dims"))
