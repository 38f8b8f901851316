"""Plans: a batch checked and sorted. What is refused, and how, is in the conformance tests."""

from __future__ import annotations

import pytest
from langgraph.store.base import GetOp, InvalidNamespaceError, PutOp, SearchOp

from warmgraph.errors import InvalidArgumentError
from warmgraph.store.plan import MAX_TTL, Plan, check_namespace, recall_search


def test_reads_keep_their_place_and_writes_their_order() -> None:
    """Reads are known by position; of the writes of an item the last remains, in the place of the last."""
    plan = Plan.of(
        [
            PutOp(("n",), "a", {"n": 1}),
            GetOp(("n",), "a"),
            PutOp(("n",), "b", {}),
            SearchOp(()),
            PutOp(("n",), "a", None),
        ]
    )
    assert 5 == plan.size
    assert [1, 3] == list(plan.reads)
    assert [(("n",), "b"), (("n",), "a")] == list(plan.writes)
    assert plan.writes[("n",), "a"].value is None


def test_a_plan_owns_its_values() -> None:
    """What the caller changes afterwards does not change the plan."""
    value, index = {"list": [1]}, ["a"]
    plan = Plan.of([PutOp(("n",), "k", value, index)])
    value["list"].append(2)
    index.append("b")
    put = plan.writes[("n",), "k"]
    assert ({"list": [1]}, ["a"]) == (put.value, put.index)


def test_times_are_bounded() -> None:
    """A time to live that no calendar holds is as long as ours goes."""
    plan = Plan.of([PutOp(("n",), "k", {}, None, 1e300), PutOp(("n",), "z", {}, None, 0)])
    assert [MAX_TTL, 0.0] == [put.ttl for put in plan.writes.values()]


def test_namespaces_are_tuples_of_valid_labels() -> None:
    """Lists become tuples, and a refusal is a refusal the second time as well."""
    assert ("a", "b") == check_namespace(["a", "b"])
    assert () == check_namespace(())
    for _ in range(2):
        with pytest.raises(InvalidNamespaceError):
            check_namespace(("a", "b.c"))
        with pytest.raises(InvalidNamespaceError):
            check_namespace(("a", ["unhashable"]))
        with pytest.raises(InvalidArgumentError, match="namespace"):
            check_namespace("a")


def test_a_recall_is_a_search_of_one_namespace() -> None:
    """A recall needs a namespace and a text, and refreshes what it returns unless the store does not."""
    search = recall_search(("a",), "q", 5, {"x": 1}, None)
    assert (("a",), "q", 5, 0, True) == (search.prefix, search.query, search.limit, search.offset, search.refresh_ttl)
    assert search.matches is not None
    assert not recall_search(("a",), "q", 5, None, {"refresh_on_read": False}).refresh_ttl
    for bad, name in (((), "namespace"), (("a",), "query")):
        with pytest.raises(InvalidArgumentError, match=name):
            recall_search(bad, None if name == "query" else "q", 5, None, None)
