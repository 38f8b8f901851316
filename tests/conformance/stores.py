"""The stores that the contract is checked on, each with its features and in what it is known to differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph.store.base import BaseStore, IndexConfig
from langgraph.store.memory import InMemoryStore

from warmgraph.index import Plan
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FEATURES, FakeEmbeddings
from warmgraph.testing.conformance.client import MODES, Mode

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """A store in one configuration.

    Args:
        make: Makes it, given a directory and the options of a case.
        features: What it can do of the kit's features.
        differences: Why it does not keep to a case, by name.
        modes: How it is called; the variants in two ways, of the four that lead to the same steps.
    """

    make: Callable[..., BaseStore]
    features: tuple[str, ...] = tuple(FEATURES)
    differences: Mapping[str, str] = field(default_factory=dict)
    modes: Sequence[Mode] = MODES


_TWO: Sequence[Mode] = ("sync", "abatch")

# What LangGraph's in-memory store does otherwise, and with it a warm tier in front of it, which hands on all that is
# not read by key.
_ORDER = "its order without a query is that of insertion, in each namespace"
_VECTORS = "vectors of an earlier value stay"
_LOGIC = "`$and`, `$or`, `$in` and the like are not known"
_INHERITED = {
    "a_dollar_is_the_whole_document": "`$` in `index` of a put is ignored",
    "a_dotted_field_is_a_path": "a dot in a field is no path",
    "a_namespace_goes_with_its_last_item": "an empty namespace stays listed",
    "a_shrunken_list_drops_its_vectors": _VECTORS,
    "an_empty_query_is_none": _ORDER,
    "items_of_one_batch_are_ordered_as_well": _ORDER,
    "items_without_a_vector_come_last_without_a_score": _ORDER,
    "one_text_twice_in_a_batch_is_no_problem": "equal texts in a batch raise a ValueError",
    "overwriting_keeps_when_an_item_was_created": "`created_at` starts anew",
    "pages_count_what_the_filter_lets_through": _ORDER,
    "pages_without_a_query_are_disjoint_and_complete": _ORDER,
    "reading_creates_no_namespace": "a read makes its namespace",
    "unlike_types_never_match_and_never_raise": "comparing unlike types raises a TypeError",
    "vectors_of_a_wrong_length_are_refused": "vectors are not checked",
    "without_a_query_the_newest_come_first": _ORDER,
    "writing_again_without_index_drops_the_vector": _VECTORS,
}
_ITS_OWN = {
    "a_bad_label_fails_its_batch_before_anything_is_done": "a batch does not check labels",
    "a_filter_that_means_nothing_is_an_error": "`$and` and `$or` are taken for fields",
    "a_prefix_may_be_a_list": "a list as prefix finds nothing",
    "bad_arguments_are_refused": "arguments are not checked",
    "conditions_are_checked": "a batch does not check labels",
    "filters_combine": _LOGIC,
    "methods_check_labels_as_well[abatch]": "a batch does not check labels",
    "methods_check_labels_as_well[batch]": "a batch does not check labels",
    "no_value_that_is_returned_is_the_stores_own": "values are handed out as they are kept",
    "nothing_is_put_without_a_namespace": "a batch writes into the empty namespace",
    "what_json_cannot_hold_is_refused": "any object is kept",
}


def _in_memory(directory: Path, index: Any = None) -> BaseStore:
    return InMemoryStore(index=index)


def _on_in_memory(directory: Path, index: Any = None) -> BaseStore:
    return WarmStore(InMemoryStore(index=index))


def _warm(directory: Path, **options: Any) -> BaseStore:
    return WarmStore(**options)


def _routed(directory: Path, **options: Any) -> BaseStore:
    return RoutedStore(":memory:", **options)


def _coded(directory: Path, **options: Any) -> BaseStore:
    return RoutedStore(":memory:", vector_plan=_EARLY, **options)


def _in_front(directory: Path, **options: Any) -> BaseStore:
    return WarmStore(RoutedStore(":memory:", **options), capacity=3, eviction="lru", promote=True)


def _on_a_file(make: Callable[..., BaseStore], **fixed: Any) -> Callable[..., BaseStore]:
    # Whether a commit survives a power cut is not asked here, and waiting for the disk takes most of the time.
    def made(directory: Path, **options: Any) -> BaseStore:
        return make(directory / "memory.db", synchronous="NORMAL", **fixed, **options)

    return made


def _ranked_by(mode: str, make: Callable[..., BaseStore]) -> Kind:
    """Let searches rank otherwise than by cosine. There is always an index, of which the cases know nothing."""
    index: IndexConfig = {"dims": 256, "embed": FakeEmbeddings(256), "fields": ["text"]}

    def made(directory: Path, **options: Any) -> BaseStore:
        return make(directory, index=index, search_mode=mode, **options)

    return Kind(made, features=("ttl", "words"), modes=_TWO)


# Codes from the second vector on, cells from the fourth, so that the few items of a case are searched as a large
# namespace is.
_EARLY = Plan(
    codes_from=2, routed_from=4, estimated_from=1, mapped_from=1, nlist=2, fewest=1, probed=0.5, reranked=1, batch=2
)

KINDS: dict[str, Kind] = {
    "InMemoryStore": Kind(_in_memory, ("index",), _INHERITED | _ITS_OWN),  # first: it checks the kit
    "WarmStore": Kind(_warm),
    "WarmStore on a file": Kind(_on_a_file(WarmStore.open)),
    "WarmStore of 2 on a file": Kind(_on_a_file(WarmStore.open, capacity=2, max_namespaces=3)),  # much is being evicted
    "WarmStore of a kilobyte on a file": Kind(_on_a_file(WarmStore.open, max_bytes=1000, eviction="sieve"), modes=_TWO),
    "WarmStore that promotes on RoutedStore": Kind(_in_front, modes=_TWO),
    "WarmStore on InMemoryStore": Kind(_on_in_memory, ("index",), _INHERITED),
    "RoutedStore on a file": Kind(_on_a_file(RoutedStore)),
    "RoutedStore in memory": Kind(_routed),
    "RoutedStore without room for an index": Kind(_on_a_file(RoutedStore, max_index_bytes=1), modes=_TWO),
    "RoutedStore with codes and cells": Kind(_on_a_file(RoutedStore, vector_plan=_EARLY)),
    "RoutedStore with codes and cells in memory": Kind(_coded, modes=_TWO),
    "WarmStore with codes and cells on a file": Kind(
        _on_a_file(WarmStore.open, capacity=2, vector_plan=_EARLY), modes=_TWO
    ),
    "WarmStore ranked by words": _ranked_by("lexical", _warm),
    "WarmStore ranked by both": _ranked_by("hybrid", _warm),
    "RoutedStore ranked by words": _ranked_by("lexical", _routed),
    "RoutedStore ranked by both": _ranked_by("hybrid", _routed),
}
