"""Whose memory a run uses."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.runtime import Runtime, ServerInfo
from pydantic import BaseModel

from warmgraph.errors import InvalidArgumentError, UnresolvedNamespaceError
from warmgraph.nodes import MemoryContext, resolve_namespace
from warmgraph.store import NamespaceTemplate


@dataclass
class User:
    """An authenticated user."""

    identity: str
    is_authenticated: bool = True
    display_name: str = "somebody"
    permissions: tuple[str, ...] = ()


class Model(BaseModel):
    """A context of pydantic's."""

    user_id: str | None = None
    team: str | None = None


def runtime(context: Any = None, identity: str | None = None) -> Runtime[Any]:
    """Make a runtime, on a server with an authenticated user where there is an identity."""
    user: Any = None if identity is None else User(identity)
    info = None if identity is None else ServerInfo(assistant_id="a", graph_id="g", user=user)
    return Runtime(context=context, server_info=info)


def resolve(
    template: str | tuple[str, ...] = ("memories", "{user_id}"),
    *,
    context: Any = None,
    configurable: Mapping[str, Any] | None = None,
    identity: str | None = None,
) -> tuple[str, ...]:
    """Resolve a template."""
    config: Any = {} if configurable is None else {"configurable": dict(configurable)}
    return resolve_namespace(NamespaceTemplate(template), runtime(context, identity), config)


@pytest.mark.parametrize(
    "context",
    [MemoryContext("ana"), {"user_id": "ana"}, UserDict(user_id="ana"), Model(user_id="ana"), User.__new__(User)],
    ids=["dataclass", "dict", "mapping", "pydantic", "object"],
)
def test_the_context_may_be_of_any_kind(context: Any) -> None:
    """Dataclasses, mappings, pydantic models and plain objects are all read."""
    if isinstance(context, User):
        context.user_id = "ana"  # type: ignore[attr-defined]
    assert ("memories", "ana") == resolve(context=context)


def test_configurable_takes_over_where_the_context_is_silent() -> None:
    """Without a context, or with one that says nothing, the old way still works."""
    silent: list[Any] = [None, MemoryContext(), {}, Model()]
    for context in silent:
        assert ("memories", "bob") == resolve(context=context, configurable={"user_id": "bob"})


def test_the_context_comes_before_configurable() -> None:
    """The server copies one into the other; where they differ the context counts."""
    assert ("memories", "ana") == resolve(context=MemoryContext("ana"), configurable={"user_id": "bob"})


@pytest.mark.parametrize("said", ["user_id", "langgraph_user_id"])
@pytest.mark.parametrize("asked", ["user_id", "langgraph_user_id"])
def test_user_id_has_two_names(said: str, asked: str) -> None:
    """A namespace written for LangMem works unchanged."""
    assert ("m", "ana") == resolve(("m", f"{{{asked}}}"), configurable={said: "ana"})
    assert ("m", "ana") == resolve(("m", f"{{{asked}}}"), context={said: "ana"})


def test_the_two_names_may_not_contradict_each_other() -> None:
    """Two different users in one context are nobody."""
    with pytest.raises(UnresolvedNamespaceError):
        resolve(context={"user_id": "ana", "langgraph_user_id": "bob"})


def test_every_variable_is_looked_up_where_it_is_given() -> None:
    """One may come from the context and another from `configurable`."""
    found = resolve(("{team}", "{user_id}"), context=Model(team="red"), configurable={"user_id": "ana"})
    assert ("red", "ana") == found


@pytest.mark.parametrize("user_id", [None, "", "  ", True, 1.5, ["ana"]])
def test_without_a_usable_id_there_is_no_memory(user_id: Any) -> None:
    """Nothing is ever shared by default."""
    with pytest.raises(UnresolvedNamespaceError):
        resolve(context={"user_id": user_id})
    with pytest.raises(UnresolvedNamespaceError):
        resolve(configurable={"user_id": user_id})


def test_a_bool_is_not_taken_for_a_number_seen_before() -> None:
    """1 is an id, and True, which equals it, is none: whatever was resolved before."""
    assert ("memories", "1") == resolve(context={"user_id": 1})
    with pytest.raises(UnresolvedNamespaceError):
        resolve(context={"user_id": True})
    assert ("memories", "1") == resolve(context={"user_id": "1"})


def test_an_empty_context_does_not_fall_back() -> None:
    """An id that is empty was given by somebody, and is an error."""
    with pytest.raises(UnresolvedNamespaceError):
        resolve(context=MemoryContext(""), configurable={"user_id": "bob"})


@pytest.mark.parametrize("empty", ["user_id", "langgraph_user_id"])
def test_an_empty_name_does_not_contradict_the_other(empty: str) -> None:
    """The server without authentication puts an empty `user_id` beside whatever a client says."""
    other = {"user_id": "langgraph_user_id", "langgraph_user_id": "user_id"}[empty]
    assert ("memories", "ana") == resolve(configurable={empty: "", other: "ana"})
    with pytest.raises(UnresolvedNamespaceError):
        resolve(configurable={empty: "", other: ""})


def test_ids_are_encoded() -> None:
    """An e-mail address is a fine id."""
    assert ("memories", "ana@example%2Eorg") == resolve(context=MemoryContext("ana@example.org"))


class TestIdentity:
    def test_the_authenticated_identity_is_used(self) -> None:
        """A client need not say who it is."""
        assert ("memories", "ana") == resolve(identity="ana")
        assert ("memories", "ana") == resolve(identity="ana", context=MemoryContext())

    def test_saying_the_same_is_fine(self) -> None:
        """A client may repeat its own identity, or leave a form field empty."""
        assert ("memories", "ana") == resolve(identity="ana", context=MemoryContext("ana"))
        assert ("memories", "ana") == resolve(identity="ana", context={"user_id": ""})
        assert ("memories", "7") == resolve(identity="7", configurable={"langgraph_user_id": 7})

    @pytest.mark.parametrize("name", ["user_id", "langgraph_user_id"])
    def test_claiming_to_be_somebody_else_is_an_error(self, name: str) -> None:
        """Under either name, in the context or in `configurable`."""
        with pytest.raises(UnresolvedNamespaceError, match="authenticated identity"):
            resolve(identity="ana", context={name: "bob"})
        with pytest.raises(UnresolvedNamespaceError, match="authenticated identity"):
            resolve(identity="ana", context=MemoryContext("ana"), configurable={name: "bob"})

    def test_an_empty_identity_is_none(self) -> None:
        """A server without authentication has a user without an identity."""
        assert ("memories", "bob") == resolve(identity="", context=MemoryContext("bob"))
        with pytest.raises(UnresolvedNamespaceError):
            resolve(identity="")

    def test_other_variables_are_the_clients(self) -> None:
        """Authentication says who somebody is, not which team they ask about."""
        assert ("red", "ana") == resolve(("{team}", "{user_id}"), identity="ana", context={"team": "red"})


def test_the_error_is_one_of_arguments() -> None:
    """A caller that catches `ValueError` catches it."""
    with pytest.raises(InvalidArgumentError) as caught:
        resolve()
    assert isinstance(caught.value, ValueError)
