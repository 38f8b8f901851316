"""Does a store keep the contract of `BaseStore`? `check_store` asks, in a hundred cases called in four ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from warmgraph.errors import InvalidArgumentError
from warmgraph.testing.conformance.cases import CASES
from warmgraph.testing.conformance.client import MODES, Mode
from warmgraph.testing.conformance.registry import FEATURES, Case
from warmgraph.testing.conformance.setting import Factory, Setting

__all__ = ["ConformanceError", "StoreCase", "StoreReport", "check_store", "store_cases"]


class ConformanceError(AssertionError):
    """A store does not keep the contract, or keeps it where it is said not to.

    Attributes:
        report: What was found, when all cases were run.
    """

    def __init__(self, message: str, report: StoreReport | None = None) -> None:
        super().__init__(message)
        self.report: StoreReport | None = report


@dataclass(slots=True)
class StoreReport:
    """What `check_store` found.

    Args:
        passed: The cases that hold.
        different: The known differences that were confirmed, with their reasons.
        failed: The cases that do not hold, with their errors; also differences that are none.
        left_out: The cases for which a feature is missing, with what it takes.
    """

    passed: list[str] = field(default_factory=list)
    different: dict[str, str] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Summarize in a line, and each failure in one more."""
        parts = [f"{len(self.passed)} hold", f"{len(self.different)} differ as listed"]
        needed = Counter(self.left_out.values())
        parts += [f"{count} left out, for want of {what}" for what, count in sorted(needed.items())]
        lines = [f"{len(self.failed)} failed, {', '.join(parts)}"]
        return "\n  ".join([*lines, *(f"{name}: {error!r}" for name, error in self.failed.items())])


@dataclass(frozen=True, slots=True)
class StoreCase:
    """One case, called in one way; `str` names it, as in "an_item_expires[async]".

    Args:
        case: What must hold.
        mode: How the store is called.
        difference: Why it is known not to hold; `None` where it must.
    """

    case: Case
    mode: Mode
    difference: str | None = None

    def __str__(self) -> str:
        return f"{self.case.name}[{self.mode}]"

    def run(self, factory: Factory) -> None:
        """Make a store and run the case on it.

        Raises:
            ConformanceError: A known difference is none.
            Exception: The case does not hold; usually an AssertionError, else what the store raised.
        """
        if self.difference is None:
            self._run(factory)
            return
        try:
            self._run(factory)
        except Exception:
            return
        raise ConformanceError(f"{self} holds, but is listed as different: {self.difference}")

    def _run(self, factory: Factory) -> None:
        with closing(Setting(factory, self.mode)) as setting:
            self.case.check(setting)
            setting.check()


def store_cases(
    *,
    features: Iterable[str] = tuple(FEATURES),
    differences: Mapping[str, str] | None = None,
    modes: Sequence[Mode] = MODES,
) -> list[StoreCase]:
    """List the cases for a store, to run them one by one.

    Args:
        features: What the store can do besides, of `FEATURES`: "index", "distances", "ttl", "words".
        differences: Why cases do not hold, by their name, or by name and mode ("an_item_expires[sync]"). Each of them
            really has to differ.
        modes: How to call the store, of "sync" and "async" (its methods), "batch" and "abatch" (its ops).

    Raises:
        InvalidArgumentError: There is no such feature, case or mode.

    Example:
        With pytest, which then shows each case as a test of its own:

        >>> import pytest
        >>> @pytest.mark.parametrize("case", store_cases(features=["index"]), ids=str)
        ... def test_the_contract(case):
        ...     case.run(MyStore)
    """
    wanted, known = _features(features), differences or {}
    _refuse_others("modes", modes, MODES)
    _refuse_others("differences", (name.partition("[")[0] for name in known), CASES)
    found = [StoreCase(case, mode) for case in CASES.values() if case.needs <= wanted for mode in modes]
    return [StoreCase(each.case, each.mode, known.get(str(each)) or known.get(each.case.name)) for each in found]


def check_store(
    factory: Factory,
    *,
    features: Iterable[str] = tuple(FEATURES),
    differences: Mapping[str, str] | None = None,
    modes: Sequence[Mode] = MODES,
) -> StoreReport:
    """Run the contract of `BaseStore` on a store of any kind.

    Each case gets an empty store of its own. A store that has a method `_check`, for its invariants, is asked for it
    after each case; one that has `close` is closed.

    Args:
        factory: Makes an empty store, or a context manager of one. It is called with those of the options `index`,
            `ttl` and `clock` (a `ManualClock`) that a case needs, as keywords.
        features: As in `store_cases`. Cases that need others are left out, and listed in the report.
        differences: As in `store_cases`.
        modes: As in `store_cases`.

    Returns:
        What was found, with no failure in it.

    Raises:
        ConformanceError: Cases do not hold, all of which are named; its `report` has the errors.
        InvalidArgumentError: There is no such feature, case or mode.

    Example:
        >>> from warmgraph import WarmStore
        >>> report = check_store(WarmStore, modes=["sync"])
        >>> len(report.passed) > 90, report.failed
        (True, {})
    """
    wanted = _features(features)
    report = StoreReport()
    for case in CASES.values():
        if missing := sorted(case.needs - wanted):
            report.left_out[case.name] = ", ".join(missing)
    for each in store_cases(features=wanted, differences=differences, modes=modes):
        try:
            each.run(factory)
        except Exception as error:
            report.failed[str(each)] = error
        else:
            if each.difference is None:
                report.passed.append(str(each))
            else:
                report.different[str(each)] = each.difference
    if report.failed:
        raise ConformanceError(str(report), report)
    return report


def _features(given: Iterable[str]) -> frozenset[str]:
    features = frozenset([given] if isinstance(given, str) else given)
    _refuse_others("features", features, FEATURES)
    return features


def _refuse_others(argument: str, given: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    for each in given:
        if each not in names:
            raise InvalidArgumentError(argument, expected=f"names among {', '.join(names)}", got=each)
