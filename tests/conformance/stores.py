"""The stores that the contract is checked on, and in what they are known to differ from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph.store import RoutedStore, WarmStore

__all__ = ["KINDS", "KNOWN_DIFFERENCES", "build"]

KINDS = (
    "InMemoryStore",
    "WarmStore",
    "WarmStore on a file",
    "WarmStore of 2 on a file",
    "WarmStore on InMemoryStore",
    "RoutedStore on a file",
    "RoutedStore in memory",
)


def build(kind: str, directory: Path, **options: Any) -> BaseStore:
    """Make a store.

    Args:
        kind: One of `KINDS`.
        directory: Where a file may be made.
        options: `index`, `ttl`, `clock`; those that a store of LangGraph's does not know are left out there.
    """
    file = directory / "memory.db"
    if kind == "InMemoryStore":
        return InMemoryStore(index=options.get("index"))
    if kind == "WarmStore":
        return WarmStore(**options)
    if kind == "WarmStore on a file":
        return WarmStore.open(file, **options)
    if kind == "WarmStore of 2 on a file":  # nearly everything is cold, and much is being evicted
        return WarmStore.open(file, capacity=2, max_namespaces=3, **options)
    if kind == "WarmStore on InMemoryStore":
        return WarmStore(InMemoryStore(index=options.get("index")), clock=options.get("clock"))
    return RoutedStore(file if kind == "RoutedStore on a file" else ":memory:", **options)


# What LangGraph's in-memory store does otherwise, and with it a warm tier in front of it, which hands on all that is
# not read by key. Each is a test that has to fail there: a difference that goes away has to leave the list as well.
_NO_TTL = "it has no times to live"
_ORDER = "its order without a query is that of insertion, in each namespace"
_VECTORS = "vectors of an earlier value stay"
_INHERITED: dict[str, str] = {
    "test_a_dollar_is_the_whole_document": "`$` in `index` of a put is ignored",
    "test_a_dotted_field_is_a_path": "a dot in a field is no path",
    "test_a_namespace_goes_with_its_last_item": "an empty namespace stays listed",
    "test_a_shrunken_list_drops_its_vectors": _VECTORS,
    "test_a_sweep_deletes_what_has_expired": _NO_TTL,
    "test_a_write_starts_the_time_anew": _NO_TTL,
    "test_a_very_long_time_is_for_ever": _NO_TTL,
    "test_an_empty_query_is_none": _ORDER,
    "test_an_expired_item_is_not_brought_back": _NO_TTL,
    "test_an_item_expires": _NO_TTL,
    "test_each_item_may_have_its_own_time": _NO_TTL,
    "test_get_lets_an_item_live_on": _NO_TTL,
    "test_items_of_one_batch_are_ordered_as_well": _ORDER,
    "test_items_without_a_vector_come_last_without_a_score": _ORDER,
    "test_one_text_twice_in_a_batch_is_no_problem": "equal texts in a batch raise a ValueError",
    "test_overwriting_keeps_when_an_item_was_created": "`created_at` starts anew",
    "test_pages_are_counted_without_what_has_expired": _NO_TTL,
    "test_pages_count_what_the_filter_lets_through": _ORDER,
    "test_pages_without_a_query_are_disjoint_and_complete": _ORDER,
    "test_reading_creates_no_namespace": "a read makes its namespace",
    "test_reads_do_not_refresh_where_the_store_says_so": _NO_TTL,
    "test_search_lets_what_it_returns_live_on": _NO_TTL,
    "test_unlike_types_never_match_and_never_raise": "comparing unlike types raises a TypeError",
    "test_vectors_of_a_wrong_length_are_refused": "vectors are not checked",
    "test_what_is_written_after_it_expired_is_new": _NO_TTL,
    "test_without_a_configuration_items_may_expire_as_well": _NO_TTL,
    "test_without_a_query_the_newest_come_first": _ORDER,
    "test_without_an_index_words_rank": "without an index nothing is ranked",
    "test_writing_again_without_index_drops_the_vector": _VECTORS,
}
_ITS_OWN: dict[str, str] = {
    "test_a_bad_label_fails_its_batch_before_anything_is_done": "a batch does not check labels",
    "test_a_bad_time_is_refused": _NO_TTL,
    "test_a_filter_that_means_nothing_is_an_error": "`$and` and `$or` are taken for fields",
    "test_a_prefix_may_be_a_list": "a list as prefix finds nothing",
    "test_conditions_are_checked": "a batch does not check labels",
    "test_errors_name_the_argument": "arguments are not checked",
    "test_filters_combine": "`$and`, `$or`, `$in` and the like are not known",
    "test_no_value_that_is_returned_is_the_stores_own": "values are handed out as they are kept",
    "test_nothing_is_put_without_a_namespace": "a batch writes into the empty namespace",
    "test_what_json_cannot_hold_is_refused": "any object is kept",
}

KNOWN_DIFFERENCES = {"InMemoryStore": _INHERITED | _ITS_OWN, "WarmStore on InMemoryStore": _INHERITED}
