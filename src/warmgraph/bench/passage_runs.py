"""The experiments of `warmgraph bench run` that need texts, with questions whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, median
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from warmgraph.bench.index_chart import Chart
from warmgraph.bench.index_data import Floats
from warmgraph.bench.passages import ENCODERS, Passages, best_encoder, encode
from warmgraph.bench.report import Table
from warmgraph.bench.vectors import available
from warmgraph.index import FlatIndex, Hits, Plan, RoutedIndex

__all__ = ["PASSAGE_RUNS"]

Tell: TypeAlias = Callable[[str], None]
Found: TypeAlias = tuple[Table, Any, Chart]
Search: TypeAlias = Callable[[Floats, int], Hits]


def filtering(passages: Passages, tell: Tell) -> Found:
    """H3: tokens spared, over recall kept, where results below a score are left out."""
    encoder = best_encoder()
    texts, questions = encode(encoder, passages, tell)
    index = _routed(texts)
    tokens = np.array([len(text) / 4 for text in passages.texts])
    hits = [index.search(question, 10) for question in questions]
    everything = sum(tokens[each.slots].sum() for each in hits)
    unfiltered = _recall(hits, passages.answers, 5)
    found: list[dict[str, Any]] = []
    for threshold in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        kept = [each.above(threshold) for each in hits]
        recall = _recall(kept, passages.answers, 5)
        spared = 1 - sum(tokens[each.slots].sum() for each in kept) / everything
        share = recall / unfiltered if unfiltered else float("nan")
        found.append({"threshold": threshold, "tokens_spared": spared, "recall": recall, "recall_kept": share})
    rows = [
        [
            f"{each['threshold']:.1f}",
            f"{each['tokens_spared']:.1%}",
            f"{each['recall']:.4f}",
            f"{each['recall_kept']:.1%}",
        ]
        for each in found
    ]
    note = (
        f"Encoder: {encoder}. Of ten results, those below the score are left out; a token is four characters."
        " routing-memory claims 59.1% of tokens saved at .7, with a recall@5 of .958."
    )
    table = Table(
        ["score at least", "tokens spared", "recall@5", "recall kept"], rows, f"H3  {passages.describe()}", note
    )
    line = [(each["tokens_spared"], each["recall_kept"]) for each in found]
    chart = Chart("H3  What a score threshold costs", "tokens spared", "recall kept", {encoder: line}, log_x=False)
    return table, found, chart


def encoders(passages: Passages, tell: Tell) -> Found:
    """H6: how much of an exact search's recall routing keeps, with one encoder and another."""
    found: list[dict[str, Any]] = []
    for encoder in ENCODERS[: 3 if available(None) == "model" else 2]:
        tell(f"H6: {encoder}")
        texts, questions = encode(encoder, passages, tell)
        exact, truth = _exact(texts), passages.answers
        searches: dict[str, Search] = {
            "exact": exact.search,
            "four_probes": _four_probes(texts).search,
            "routed": _routed(texts).search,
        }
        recalls = {
            name: _recall([search(each, 5) for each in questions], truth, 5) for name, search in searches.items()
        }
        found.append({"encoder": encoder, "dims": texts.shape[1], **recalls})
    ratios = [each["routed"] / each["exact"] for each in found if each["exact"]]
    spread = max(ratios) - min(ratios)
    rows = [
        [
            each["encoder"],
            str(each["dims"]),
            *(f"{each[name]:.4f}" for name in ("exact", "four_probes", "routed")),
            *(f"{each[name] / max(each['exact'], 1e-9):.4f}" for name in ("four_probes", "routed")),
        ]
        for each in found
    ]
    columns = ["encoder", "dims", "exact R@5", "4 probes", "ours", "4 probes / exact", "ours / exact"]
    note = f"Spread of ours / exact: {spread:.4f}. routing-memory claims a spread of .0036 for its own."
    chart = Chart(
        "H6  What routing keeps of an exact search's recall@5",
        "dimensions",
        "share kept",
        {
            name: sorted((each["dims"], each[key] / max(each["exact"], 1e-9)) for each in found)
            for name, key in (("4 probes", "four_probes"), ("ours", "routed"))
        },
    )
    return Table(columns, rows, f"H6  {passages.describe()}", note), found, chart


def retrieval(passages: Passages, tell: Tell) -> Found:
    """A1: do searches find the passage that answers a question?"""
    encoder = best_encoder()
    texts, questions = encode(encoder, passages, tell)
    ways: dict[str, Search] = {
        "exact": _exact(texts).search,
        "4 probes of sqrt N cells": _four_probes(texts).search,
        "RoutedIndex": _routed(texts).search,
    }
    found: list[dict[str, Any]] = []
    for name, search in ways.items():
        tell(f"A1: {name}")
        hits, times = [], []
        for question in questions:
            began = perf_counter()
            hits.append(search(question, 10))
            times.append(perf_counter() - began)
        recalls = {f"recall_{k}": _recall(hits, passages.answers, k) for k in (1, 5, 10)}
        ranks = [_first(each, answers) for each, answers in zip(hits, passages.answers, strict=True)]
        found.append({"way": name, **recalls, "mrr_10": fmean(ranks), "p50_us": 1e6 * median(times)})
    rows = [
        [
            each["way"],
            *(f"{each[name]:.4f}" for name in ("recall_1", "recall_5", "recall_10", "mrr_10")),
            f"{each['p50_us']:,.0f}",
        ]
        for each in found
    ]
    note = f"Encoder: {encoder}. routing-memory claims a recall@5 of .9585 with 4 probes, on MS MARCO."
    columns = ["search", "recall@1", "recall@5", "recall@10", "MRR@10", "p50 us"]
    chart = Chart(
        "A1  Passages that answer a question",
        "results",
        "recall",
        {each["way"]: [(k, each[f"recall_{k}"]) for k in (1, 5, 10)] for each in found},
        log_x=False,
    )
    return Table(columns, rows, f"A1  {passages.describe()}", note), found, chart


def _exact(vectors: Floats) -> FlatIndex:
    index = FlatIndex(vectors.shape[1])
    index.upsert(np.arange(len(vectors)), vectors)
    return index


def _routed(vectors: Floats, plan: Plan | None = None) -> RoutedIndex:
    """Return our index as it comes; of few texts with codes all the same."""
    index = RoutedIndex(vectors.shape[1], plan=plan or Plan(codes_from=200, routed_from=500))
    index.upsert(np.arange(len(vectors)), vectors)
    return index


def _four_probes(vectors: Floats) -> RoutedIndex:
    """Return an index that searches as routing-memory does: everything in four of sqrt N cells, and no second look."""
    count = len(vectors)
    nlist = max(2, int(count**0.5))
    reranked = max(count // 4, 1)
    plan = Plan(2, 2, nlist=nlist, probed=4 / nlist, fewest=1, reranked=reranked, slack=384, fallback_margin=-9.0)
    return _routed(vectors, plan)


def _recall(hits: Sequence[Hits], answers: Sequence[frozenset[int]], k: int) -> float:
    """Return the share of the texts that answer a question among the first k, of as many as there is room for."""
    return fmean(
        len(wanted.intersection(each.slots[:k].tolist())) / min(len(wanted), k)
        for each, wanted in zip(hits, answers, strict=True)
    )


def _first(hits: Hits, answers: frozenset[int]) -> float:
    """Return 1 / rank of the first that answers; 0 if none does."""
    return next((1 / rank for rank, slot in enumerate(hits.slots.tolist(), start=1) if slot in answers), 0.0)


PASSAGE_RUNS: dict[str, Callable[[Passages, Tell], Found]] = {"H3": filtering, "H6": encoders, "A1": retrieval}
"""By name: each gives a table, figures and a chart."""
