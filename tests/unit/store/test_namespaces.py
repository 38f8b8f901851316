"""Namespaces: templates that fail closed, ids that any label can hold."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from langgraph.store.base import ListNamespacesOp, MatchCondition

from warmgraph.errors import InvalidArgumentError, UnresolvedNamespaceError
from warmgraph.store import NamespaceTemplate, RoutedStore, decode_label, encode_label
from warmgraph.store.namespaces import fixed_prefix, matches, page_of

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: bool(text.strip()))


@given(st.text(min_size=1), st.sampled_from(["", "-", "-_@"]))
def test_labels_are_encoded_reversibly(value: str, also: str) -> None:
    """Every id has a label that LangGraph takes, and comes back from it."""
    label = encode_label(value, also)
    assert not set(".\x00*") & set(label)
    assert value == decode_label(label)


@given(IDS, IDS)
def test_two_ids_never_share_a_namespace(one: str, other: str) -> None:
    """However the ids look, different ones resolve differently."""
    assume(one != other)
    for template in (("memories", "{user_id}"), "user-{user_id}", "{user_id}"):
        made = NamespaceTemplate(template)
        assert made.resolve({"user_id": one}) != made.resolve({"user_id": other})


@given(st.tuples(IDS, IDS), st.tuples(IDS, IDS))
def test_two_variables_of_one_label_do_not_run_together(one: tuple[str, str], other: tuple[str, str]) -> None:
    """("x-y", "z") and ("x", "y-z") are two users."""
    assume(one != other)
    template = NamespaceTemplate("{org}-{user_id}")
    names = ("org", "user_id")
    assert template.resolve(dict(zip(names, one, strict=True))) != template.resolve(
        dict(zip(names, other, strict=True))
    )


@given(IDS)
def test_every_id_can_be_stored(user_id: str) -> None:
    """What a template resolves to is accepted by a store, reserved names included."""
    namespace = NamespaceTemplate("{user_id}").resolve({"user_id": user_id})
    with RoutedStore(":memory:") as store:
        store.put(namespace, "k", {})
        assert [namespace] == store.list_namespaces()


def test_reserved_roots_are_escaped() -> None:
    """A user called "langgraph" gets a namespace, and nobody else gets the same."""
    template = NamespaceTemplate("{user_id}")
    assert ("%6Canggraph",) == template.resolve({"user_id": "langgraph"})
    assert ("%256Canggraph",) == template.resolve({"user_id": "%6Canggraph"})
    assert ("langgraph", "x") == NamespaceTemplate(("langgraph", "{user_id}")).resolve({"user_id": "x"})


@pytest.mark.parametrize("values", [{}, {"user_id": None}, {"user_id": ""}, {"user_id": " \n"}, {"user_id": True}])
def test_without_an_id_there_is_no_namespace(values: dict[str, object]) -> None:
    """An unresolved or empty value is an error, never a shared default."""
    with pytest.raises(UnresolvedNamespaceError, match="user_id"):
        NamespaceTemplate().resolve(values)


def test_both_names_of_the_user_are_one_variable() -> None:
    """`user_id` and `langgraph_user_id` fill each other's place, and must not contradict each other."""
    for name in ("user_id", "langgraph_user_id"):
        template = NamespaceTemplate(("m", f"{{{name}}}"))
        assert ("m", "ana") == template.resolve({"user_id": "ana"})
        assert ("m", "ana") == template.resolve({"langgraph_user_id": "ana", "user_id": None})
        assert ("m", "7") == template.resolve({"user_id": 7, "langgraph_user_id": "7"})
        with pytest.raises(UnresolvedNamespaceError, match="one value under"):
            template.resolve({"user_id": "ana", "langgraph_user_id": "bob"})


def test_templates_name_their_variables() -> None:
    """A template knows what it needs, and one without variables needs nothing."""
    assert {"org", "user_id"} == NamespaceTemplate(("{org}", "x-{user_id}")).variables
    assert ("all",) == NamespaceTemplate("all").resolve({})


@pytest.mark.parametrize(
    "template", [(), "", ("a", ""), "a.b", "{", "{}", "{a}{b}", "{a}é{b}", "{a}1{b}", (1,), "a\x00"]
)
def test_templates_that_could_mix_users_are_refused(template: object) -> None:
    """Labels are non-empty, without periods or stray braces, and variables are kept apart."""
    with pytest.raises(InvalidArgumentError, match="namespace"):
        NamespaceTemplate(template)  # type: ignore[arg-type]


LABELS = st.sampled_from(["a", "b", "*", "ab"])
PATHS = st.lists(LABELS, max_size=4).map(tuple)


@given(PATHS, PATHS, st.sampled_from(["prefix", "suffix"]))
def test_conditions_match_label_by_label(namespace: tuple[str, ...], path: tuple[str, ...], kind: str) -> None:
    """A condition compares its labels with the first or the last ones; `*` is any label."""
    part = namespace[: len(path)] if kind == "prefix" else namespace[::-1][: len(path)][::-1]
    expected = len(part) == len(path) and all(p in ("*", label) for p, label in zip(path, part, strict=True))
    assert expected == matches(namespace, [MatchCondition(kind, path)])  # type: ignore[arg-type]


@given(PATHS, st.lists(st.tuples(st.sampled_from(["prefix", "suffix"]), PATHS), max_size=3))
def test_the_fixed_prefix_belongs_to_every_match(
    namespace: tuple[str, ...], parts: list[tuple[str, tuple[str, ...]]]
) -> None:
    """Whatever meets the conditions lies under their fixed prefix."""
    conditions = [MatchCondition(kind, path) for kind, path in parts]  # type: ignore[arg-type]
    prefix = fixed_prefix(conditions)
    assert "*" not in prefix
    assert not matches(namespace, conditions) or namespace[: len(prefix)] == prefix


def test_a_page_is_cut_out_of_what_is_left() -> None:
    """Namespaces are matched, cut, made one, sorted, and then counted."""
    names = [("b", "2"), ("b", "1"), ("a", "1"), ("c",)]
    assert [("a",), ("b",)] == page_of(names, ListNamespacesOp(None, 1, limit=2))
    assert [("b",), ("c",)] == page_of(names, ListNamespacesOp(None, 1, limit=2, offset=1))
