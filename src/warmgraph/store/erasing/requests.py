"""What is to be erased."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from warmgraph.errors import InvalidArgumentError
from warmgraph.store.erasing.rows import Held
from warmgraph.store.own_records import is_own
from warmgraph.store.plan import check_namespace

__all__ = ["Erasure", "Rebuild"]

Rebuild: TypeAlias = Callable[[Held, Sequence[Held]], Mapping[str, Any] | None]
"""From a memory that was made of others, and those of its sources that stay, to its new value; `None` deletes it."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to erase.

    Args:
        namespace: The namespace. Without keys everything in it and below it goes.
        keys: The memories of exactly this namespace that go.
        rebuild: Makes memories anew that were derived from what goes; by default they go as well.
        rewrite: Whether the whole file is rewritten afterwards, so that no page of it holds a remnant.
    """

    namespace: tuple[str, ...]
    keys: tuple[str, ...] | None = None
    rebuild: Rebuild | None = None
    rewrite: bool = True

    @classmethod
    def of(
        cls,
        namespace: object,
        key: str | Collection[str] | None = None,
        rebuild: Rebuild | None = None,
        rewrite: bool = True,
    ) -> Erasure:
        """Check the arguments of a call.

        Raises:
            InvalidNamespaceError, InvalidArgumentError: They are not what they have to be. Nothing was touched.
        """
        labels = check_namespace(namespace)
        if not labels or is_own(labels):
            raise InvalidArgumentError("namespace", expected="at least one label, none of ours", got=namespace)
        keys: tuple[str, ...] | None = None
        if key is not None:
            keys = (key,) if isinstance(key, str) else tuple(key)
            if not keys or not all(isinstance(each, str) for each in keys):
                raise InvalidArgumentError("key", expected="a key, some keys, or None for all", got=key)
        return cls(labels, keys, rebuild, rewrite)
