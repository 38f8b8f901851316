"""Whose memory: the context of a run, and the namespace that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from warmgraph.errors import UnresolvedNamespaceError
from warmgraph.store.namespaces import USER_ID_ALIASES, NamespaceTemplate

__all__ = ["DEFAULT_NAMESPACE", "MemoryContext", "resolve_namespace"]

DEFAULT_NAMESPACE = ("memories", "{user_id}")
_USER_ID = frozenset(("user_id",))


@dataclass
class MemoryContext:
    """Whose memories a run uses. `user_id` has to be given, except where users are authenticated."""

    # One line, because Studio shows the docstring above the form that it makes of the fields.

    user_id: str | None = None


def resolve_namespace(template: NamespaceTemplate, runtime: Runtime[Any], config: RunnableConfig) -> tuple[str, ...]:
    """Fill in a namespace template from a run.

    The authenticated identity comes first: it is the only value that a client cannot choose. Without one, values
    come from the runtime context (a dataclass, a pydantic model, a dict), else from `config["configurable"]`.

    Args:
        template: The template.
        runtime: The runtime of the node.
        config: The config of the node.

    Raises:
        UnresolvedNamespaceError: A variable has no value, or a client claims to be somebody else than it is. Nothing
            is ever shared by default.
    """
    context = runtime.context
    if (
        type(context) is MemoryContext
        and type(context.user_id) is str
        and runtime.server_info is None
        and template.variables == _USER_ID
    ):  # most runs of most graphs: nothing is to be weighed against anything
        return _resolve(template, (("user_id", context.user_id),))
    sources = (context, config.get("configurable"))
    values: list[tuple[str, object]] = []
    for name in template.variables:
        names = USER_ID_ALIASES if name in USER_ID_ALIASES else (name,)
        identity = _identity(runtime) if names is USER_ID_ALIASES else None
        if identity is not None:
            _refuse_others(name, identity, sources)
            values.append((name, identity))
            continue
        for source in sources:
            found = _values(source, names)
            if found:
                # The server puts an empty `user_id` into `configurable`; beside the other name it says nothing.
                values += [(alias, value) for alias, value in found if value != ""] or found
                break
    if all(type(value) is str for _, value in values):
        return _resolve(template, tuple(values))
    return template.resolve(dict(values))


@lru_cache(maxsize=4_096)  # every node of every turn asks
def _resolve(template: NamespaceTemplate, values: tuple[tuple[str, object], ...]) -> tuple[str, ...]:
    return template.resolve(dict(values))


def _identity(runtime: Runtime[Any]) -> str | None:
    # Without authentication the server's user has an empty identity.
    user = runtime.server_info.user if runtime.server_info is not None else None
    return (user.identity or None) if user is not None else None


def _refuse_others(name: str, identity: str, sources: tuple[object, ...]) -> None:
    for source in sources:
        for alias, value in _values(source, USER_ID_ALIASES):
            if value != "" and str(value) != identity:
                raise UnresolvedNamespaceError(
                    name, expected="the authenticated identity, or nothing", got={alias: value}
                )


def _values(source: object, names: tuple[str, ...]) -> list[tuple[str, object]]:
    if source is None:
        return []
    if isinstance(source, dict):
        return [(name, source[name]) for name in names if source.get(name) is not None]
    if isinstance(source, Mapping):
        return _values(dict(source), names)
    return [(name, value) for name in names if (value := getattr(source, name, None)) is not None]
