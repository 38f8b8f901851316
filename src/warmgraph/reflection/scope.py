"""Whose job it is: the thread and the namespace of a submit, from what the caller says or from the run it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.runtime import get_runtime
from langgraph.store.base import BaseStore

from warmgraph.errors import InvalidArgumentError
from warmgraph.reflection.submissions import context_values
from warmgraph.store import NamespaceTemplate

__all__ = ["FROM_CONFIG", "FromConfig", "Scope", "as_template", "check_after_seconds", "current_values"]


class FromConfig:
    """Stands for the thread that the config names."""

    def __repr__(self) -> str:
        return "the config's thread_id"


FROM_CONFIG: Final = FromConfig()


class Scope:
    """What a submit finds around it.

    Args:
        config: The caller's config; `None` for that of the run which submits.
        context: The runtime context; `None` for that of the run.
    """

    def __init__(self, config: RunnableConfig | None, context: Any = None) -> None:
        runtime = _runtime()
        given = config if config is not None else _current_config()
        self.config: RunnableConfig = given
        # A context belongs to the run that it was given to; a config of the caller's own speaks for itself.
        inherited = runtime.context if runtime is not None and config is None else None
        self.context: dict[str, Any] | None = context_values(context if context is not None else inherited)
        self.store: BaseStore | None = runtime.store if runtime is not None else None

    def thread(self, given: str | UUID | FromConfig | None) -> str | None:
        """Return the thread; `None` for a job that stands for itself."""
        thread = self.config.get("configurable", {}).get("thread_id") if isinstance(given, FromConfig) else given
        return None if thread is None or thread == "" else str(thread)

    def namespace(self, template: NamespaceTemplate) -> tuple[str, ...]:
        """Fill in a template from the context, else from the config.

        Raises:
            UnresolvedNamespaceError: A variable has no value.
        """
        return template.resolve(_values(self.config, self.context))


def as_template(namespace: Any) -> NamespaceTemplate:
    """Return any form of a namespace as a template.

    Raises:
        InvalidArgumentError: It is none.
    """
    if isinstance(namespace, NamespaceTemplate):
        return namespace
    template = getattr(namespace, "template", namespace)
    if not isinstance(template, str | Sequence):
        raise InvalidArgumentError("namespace", expected="labels, such as ('memories', '{user_id}')", got=namespace)
    return NamespaceTemplate(template)


def current_values() -> Mapping[str, Any]:
    """Return what templates are filled in from in the current run; nothing outside of one."""
    scope = Scope(None)
    return _values(scope.config, scope.context)


def check_after_seconds(after_seconds: float) -> float:
    """Return a delay that makes sense.

    Raises:
        InvalidArgumentError: It is none.
    """
    if isinstance(after_seconds, bool) or not isinstance(after_seconds, int | float) or not 0 <= after_seconds < 1e9:
        raise InvalidArgumentError("after_seconds", expected="seconds, 0 or more", got=after_seconds)
    return float(after_seconds)


def _values(config: RunnableConfig, context: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        **{name: value for name, value in config.get("configurable", {}).items() if value != ""},
        **{name: value for name, value in (context or {}).items() if value is not None and value != ""},
    }


def _current_config() -> RunnableConfig:
    try:
        return get_config()
    except RuntimeError:
        return {}


def _runtime() -> Any:
    try:
        return get_runtime()
    except (RuntimeError, KeyError):
        return None
