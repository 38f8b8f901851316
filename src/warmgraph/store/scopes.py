"""Whose memory a call is for: the namespace and the store that follow from the run it is part of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from langgraph.store.base import BaseStore

from warmgraph.errors import StoreError, UnresolvedNamespaceError
from warmgraph.store.namespaces import USER_ID_ALIASES, NamespaceTemplate

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.runtime import Runtime

__all__ = ["namespace_of_call", "resolve_namespace", "store_of_call"]

_USER_ID = frozenset(("user_id",))


def namespace_of_call(template: NamespaceTemplate, config: RunnableConfig | None = None) -> tuple[str, ...]:
    """Fill in a template for a call that may happen inside a graph or outside of any.

    Args:
        template: The template.
        config: The config of the call, if it was given one; else that of the run around it is taken.

    Raises:
        UnresolvedNamespaceError: As in `resolve_namespace`.

    Example:
        >>> namespace_of_call(NamespaceTemplate(("memories", "{user_id}")), {"configurable": {"user_id": "ana"}})
        ('memories', 'ana')
    """
    if not template.variables:
        return template.resolve({})
    from langchain_core.runnables.config import ensure_config

    return resolve_namespace(template, _runtime(), ensure_config(config))


def store_of_call(store: BaseStore | None = None) -> BaseStore:
    """Return the given store, else that of the graph that runs. Looked up for each call: graphs may differ.

    Raises:
        StoreError: There is neither.
    """
    if store is not None:
        return store
    runtime = _runtime()
    if runtime is None or runtime.store is None:
        raise StoreError("no store: pass store=..., or call it inside a graph that was compiled with one")
    return runtime.store


def _runtime() -> Runtime[Any] | None:
    from langgraph.runtime import get_runtime  # twice the import time of everything else here

    try:
        found: Runtime[Any] | None = get_runtime()
    except (RuntimeError, KeyError):  # outside of a graph
        return None
    return found


def resolve_namespace(
    template: NamespaceTemplate, runtime: Runtime[Any] | None, config: RunnableConfig
) -> tuple[str, ...]:
    """Fill in a namespace template from a run.

    The authenticated identity comes first: it is the only value that a client cannot choose. Without one, values
    come from the runtime context (a dataclass, a pydantic model, a dict), else from `config["configurable"]`.

    Args:
        template: The template.
        runtime: The runtime of the graph that runs; `None` outside of graphs.
        config: The config of the call.

    Raises:
        UnresolvedNamespaceError: A variable has no value, or a client claims to be somebody else than it is. Nothing
            is ever shared by default.
    """
    context = runtime.context if runtime is not None else None
    if runtime is not None and runtime.server_info is None and template.variables == _USER_ID:
        user_id = getattr(context, "user_id", None)
        if type(user_id) is str and not hasattr(context, "langgraph_user_id"):
            # Most runs of most graphs: nothing is to be weighed against anything.
            return _resolve(template, (("user_id", user_id),))
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


def _identity(runtime: Runtime[Any] | None) -> str | None:
    # Without authentication the server's user has an empty identity.
    server = runtime.server_info if runtime is not None else None
    user = server.user if server is not None else None
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
