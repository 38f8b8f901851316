"""The conformance kit itself: a fault is found, named, and never taken for a listed difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langgraph.store.base import BaseStore, Op, Result
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import InvalidArgumentError
from warmgraph.store import WarmStore
from warmgraph.testing import FEATURES, ConformanceError, check_store, store_cases

PLAIN: Any = {"features": (), "modes": ("sync",)}


class Forgetful(BaseStore):
    """A store that loses every deletion."""

    def __init__(self) -> None:
        self.inner = WarmStore()
        self.closed = False

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute all but deletions."""
        kept = [op for op in ops if getattr(op, "value", ()) is not None]
        return self.inner.batch(kept)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute all but deletions."""
        return self.batch(ops)

    def close(self) -> None:
        """Note that somebody closed it."""
        self.closed = True


def test_a_fault_is_found_and_named() -> None:
    """All cases that fail are in one error, with what they expected."""
    with pytest.raises(ConformanceError, match=r"a_deleted_item_is_gone\[sync\]") as caught:
        check_store(Forgetful, **PLAIN)
    report = caught.value.report
    assert report is not None
    assert isinstance(report.failed["a_deleted_item_is_gone[sync]"], AssertionError)
    assert "an_item_is_read_as_it_was_written[sync]" in report.passed
    assert str(report) == str(caught.value)


def test_listed_differences_are_confirmed() -> None:
    """A store passes with its known differences, and the report shows them."""
    with pytest.raises(ConformanceError) as caught:
        check_store(InMemoryStore, **PLAIN)
    assert caught.value.report is not None
    differences = dict.fromkeys(caught.value.report.failed, "as LangGraph has it")
    report = check_store(InMemoryStore, differences=differences, **PLAIN)
    assert differences == report.different
    assert {} == report.failed


def test_a_difference_that_is_none_is_an_error() -> None:
    """A difference that has gone has to leave the list."""
    with pytest.raises(ConformanceError, match="holds, but is listed as different: once it did"):
        check_store(WarmStore, differences={"a_deleted_item_is_gone": "once it did"}, **PLAIN)


def test_a_difference_may_be_that_of_one_way_of_calling() -> None:
    """A name with a mode lists that mode alone."""
    cases = store_cases(differences={"a_deleted_item_is_gone[async]": "it is not"})
    listed = [str(each) for each in cases if each.difference]
    assert ["a_deleted_item_is_gone[async]"] == listed


def test_missing_features_leave_cases_out() -> None:
    """What a store cannot do is not asked for, and listed as not asked for."""
    report = check_store(WarmStore, **PLAIN)
    assert "ttl" == report.left_out["an_item_expires"]
    assert "index" == report.left_out["scores_are_cosines"]
    assert "left out, for want of ttl" in str(report)
    everything = {each.case.name for each in store_cases()}
    assert everything == {name.partition("[")[0] for name in report.passed} | set(report.left_out)


def test_a_factory_may_return_a_context_manager() -> None:
    """Stores that open like `SqliteStore.from_conn_string` are entered and left, one a case."""
    opened: list[bool] = []

    @contextmanager
    def open_store(**options: Any) -> Iterator[BaseStore]:
        opened.append(True)
        yield WarmStore(**options)
        opened.append(False)

    report = check_store(open_store, **PLAIN)
    assert len(report.passed) <= opened.count(True) == opened.count(False)


def test_stores_are_closed_and_check_themselves() -> None:
    """A store with `close` is closed after its case, whose failure may be its own invariant."""
    made: list[Forgetful] = []

    class Broken(Forgetful):
        def _check(self) -> None:
            raise AssertionError("out of order")

    def make(**options: Any) -> BaseStore:
        made.append(Broken())
        return made[-1]

    case = next(each for each in store_cases() if each.case.name == "an_empty_batch_is_an_empty_list")
    with pytest.raises(AssertionError, match="out of order"):
        case.run(make)
    assert [True] == [store.closed for store in made]


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"features": ["speed"]}, "features"),
        ({"differences": {"it_flies": "no"}}, "differences"),
        ({"modes": ["both"]}, "modes"),
    ],
)
def test_unknown_names_are_refused(options: Any, argument: str) -> None:
    """A name that is misspelt leaves nothing out."""
    with pytest.raises(InvalidArgumentError) as caught:
        store_cases(**options)
    assert argument == caught.value.argument


def test_every_case_says_what_holds() -> None:
    """Each case has a sentence, and every feature is asked for by some case."""
    cases = {each.case.name: each.case for each in store_cases()}
    assert all(case.says.endswith(".") for case in cases.values())
    assert FEATURES.keys() == {feature for case in cases.values() for feature in case.needs}
