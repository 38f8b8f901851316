"""The published kit, run on PostgreSQL: LangGraph's store, ours, and ours with a warm tier in front."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from langgraph.store.base import BaseStore

from tests.postgres_server import postgres_server
from warmgraph.bench.postgres_server import PostgresServer
from warmgraph.store import PostgresLongTerm, WarmStore
from warmgraph.testing import StoreCase, store_cases
from warmgraph.testing.conformance.client import Mode

__all__ = ["postgres_server"]

_JSON = "jsonb refuses what is no number"
_NUL = "PostgreSQL's texts refuse NUL"
_HIDDEN = "items without a vector are hidden under a query"
_ONE_MOMENT = "what one batch writes has one time"
_DOLLAR = "`$` in `index` of a put is ignored"
_OURS = {
    "a_dollar_is_the_whole_document": _DOLLAR,
    "any_json_value_comes_back": _JSON,
    "any_text_is_a_key": _NUL,
    "items_of_one_batch_are_ordered_as_well": _ONE_MOMENT,
    "items_without_a_vector_come_last_without_a_score": _HIDDEN,
    "vectors_of_any_length_are_compared_by_their_direction": "a vector without a direction scores NaN",
    "what_is_no_number_is_in_no_order": _JSON,
    "writing_again_without_index_drops_the_vector": _HIDDEN,
}
_ARRAYS = "embeddings have to be lists"
_COMPARED = "filters compare texts, and know few operators"
_PAGES = "pages of a ranking end early"
_LANGGRAPHS = _OURS | {
    "a_dotted_field_is_a_path": "a dot in a field is no path",
    "a_field_name_that_is_code_finds_nothing": _NUL,
    "a_filter_that_means_nothing_is_an_error": _COMPARED,
    "a_shrunken_list_drops_its_vectors": "vectors of an earlier value stay",
    "bad_arguments_are_refused": "arguments are not checked",
    "each_distance_ranks_the_closest_first": _ARRAYS,
    "fields_are_compared": _COMPARED,
    "filters_combine": _COMPARED,
    "nothing_is_put_without_a_namespace": "a batch writes into the empty namespace",
    "numbers_are_compared_as_numbers": _COMPARED,
    "pages_of_a_ranking_are_full_and_disjoint": _PAGES,
    "pages_of_a_ranking_count_what_the_filter_lets_through": _PAGES,
    "queries_are_embedded_as_queries": "queries are embedded as documents",
    "unlike_types_never_match_and_never_raise": _COMPARED,
    "vectors_of_a_wrong_length_are_refused": "the database refuses them, with an error of its driver",
    "what_json_cannot_hold_is_refused": "the database refuses it, with an error of its driver",
}


@pytest.fixture(scope="module")
def databases(postgres_server: PostgresServer) -> Mapping[str, str]:
    """One database for each kind: a case of its own would take ten times as long."""
    import psycopg

    found = {kind: postgres_server.create_database(f"contract_{number}") for number, kind in enumerate(KINDS)}
    for uri in found.values():
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
    return found


def _emptied(uri: str, index: Any) -> str:
    """Return the schema for stores with such an index, with nothing in it."""
    import psycopg

    schema = "plain" if index is None else f"of_{index['dims']}_{index.get('distance_type', 'cosine')}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        found = connection.execute("SELECT to_regclass(%s)", [f"{schema}.store"]).fetchone()
        if found is not None and found[0] is not None:
            connection.execute(f"TRUNCATE {schema}.store CASCADE")
    return schema


@contextmanager
def _langgraphs(uri: str, index: Any = None) -> Iterator[BaseStore]:
    from langgraph.store.postgres import PostgresStore

    at = f"{uri}&options=-csearch_path%3D{_emptied(uri, index)},public"
    with PostgresStore.from_conn_string(at, pool_config={"min_size": 1, "max_size": 2}, index=index) as store:
        store.setup()
        yield store


def _ours(uri: str, index: Any = None) -> BaseStore:
    return PostgresLongTerm(uri, schema=_emptied(uri, index), index=index)


def _warm(uri: str, index: Any = None) -> BaseStore:
    return WarmStore.open(uri, schema=_emptied(uri, index), index=index, capacity=3)


# Each is called in one way: a case takes a connection and two statements of set-up.
KINDS: dict[str, tuple[Callable[..., Any], Mapping[str, str], Mode]] = {
    "PostgresStore": (_langgraphs, _LANGGRAPHS, "sync"),
    "PostgresLongTerm": (_ours, _OURS, "sync"),
    "WarmStore of 3 on PostgresLongTerm": (_warm, _OURS, "abatch"),
}
CASES = [
    pytest.param(kind, case, id=f"{kind}-{case}")
    for kind, (_, differences, mode) in KINDS.items()
    for case in store_cases(features=["index", "distances"], differences=differences, modes=[mode])
]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_store_in_postgresql_keeps_the_contract(kind: str, case: StoreCase, databases: Mapping[str, str]) -> None:
    """Each case holds in PostgreSQL as well, or differs where it is listed as different."""
    case.run(partial(KINDS[kind][0], databases[kind]))
