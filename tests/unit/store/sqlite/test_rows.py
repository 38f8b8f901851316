"""Rows: how values are written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from warmgraph.store.documents import Searchable
from warmgraph.store.plan import check_put
from warmgraph.store.sqlite.rows import json_writer, pending_write

VALUES: list[dict[str, Any]] = [
    {},
    {"content": 'quotes " and \\ and \n, \x00, é, 名, \U0001f600'},
    {"a": [1, 2.5, -0.0, True, None, [], {}], "b": {"c": {"d": [10**30, 1e308, 5e-324]}}},
    {"numbers": [float("nan"), float("inf"), float("-inf")]},
    {"1": "a key was a number", "ключ": "a key beyond ASCII"},
]


@pytest.mark.parametrize("value", VALUES)
def test_values_are_written_as_json_writes_them(value: dict[str, Any]) -> None:
    """Without spaces, in ASCII."""
    put = check_put(("a",), "k", value)
    assert json.dumps(value, separators=(",", ":")) == pending_write(put, Searchable(), None, 0).value


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_what_writes_json_needs_nothing_of_cpython(
    value: dict[str, Any], ensure_ascii: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no encoder in C to keep, the usual way writes the same."""
    quick = json_writer(ensure_ascii=ensure_ascii)(value)
    monkeypatch.setattr("json.encoder.c_make_encoder", None)
    usual = json.dumps(value, separators=(",", ":"), ensure_ascii=ensure_ascii)
    assert usual == quick == json_writer(ensure_ascii=ensure_ascii)(value)
