"""The published kit, run on LangGraph's in-memory store and on each configuration of ours."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from tests.conformance.stores import KINDS
from warmgraph.testing import StoreCase, store_cases

CASES = [
    pytest.param(kind, list(cases), id=f"{kind}-{name}")
    for kind, described in KINDS.items()
    for name, cases in groupby(
        store_cases(features=described.features, differences=described.differences, modes=described.modes),
        lambda each: each.case.name,
    )
]


@pytest.mark.parametrize(("kind", "cases"), CASES)
def test_a_store_keeps_the_contract(kind: str, cases: list[StoreCase], tmp_path: Path) -> None:
    """Each case holds on each store, called in each way, or differs where it is listed as different."""
    for case in cases:
        directory = tmp_path / case.mode
        directory.mkdir()
        case.run(partial(KINDS[kind].make, directory))
