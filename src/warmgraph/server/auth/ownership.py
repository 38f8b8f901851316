"""Which namespaces are a user's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from warmgraph.errors import InvalidArgumentError, WarmGraphError
from warmgraph.store.namespaces import USER_ID_ALIASES, NamespaceTemplate

__all__ = ["NotYoursError", "OwnNamespaces"]

Namespace: TypeAlias = tuple[str, ...]


class NotYoursError(WarmGraphError, PermissionError):
    """A user asked for what is somebody else's, or nobody's."""


class OwnNamespaces:
    """The namespaces of a user: those that a few templates name, and all below them.

    What is ours (`_warmgraph`: history, watermarks, quarantine) is below none of them.

    Args:
        templates: Templates over `user_id` alone; each has to name the user.

    Raises:
        InvalidArgumentError: A template names somebody else than the user, or nobody.

    Example:
        >>> own = OwnNamespaces()
        >>> own.prefixes("ana@example.org")
        [('memories', 'ana@example%2Eorg')]
        >>> own.narrowed("ana", ("memories",))
        ('memories', 'ana')
        >>> own.narrowed("ana", ("memories", "bea"))
        Traceback (most recent call last):
        ...
        warmgraph.server.auth.ownership.NotYoursError: this namespace is not yours
    """

    def __init__(self, templates: Sequence[str | Sequence[str]] = (("memories", "{user_id}"),)) -> None:
        self._templates = [NamespaceTemplate(template) for template in templates]
        for template in self._templates:
            if len(template.variables) != 1 or not template.variables <= set(USER_ID_ALIASES):
                raise InvalidArgumentError(
                    "namespaces", expected="templates with the variable user_id and no other", got=template.template
                )

    def prefixes(self, user: str) -> list[Namespace]:
        """Return where the user's namespaces begin."""
        return [template.resolve({"user_id": user}) for template in self._templates]

    def owns(self, user: str, namespace: Namespace) -> bool:
        """Whether a namespace is the user's."""
        return any(namespace[: len(own)] == own for own in self.prefixes(user))

    def check(self, user: str, namespace: Namespace) -> None:
        """Refuse a namespace that is not the user's.

        Raises:
            NotYoursError: It is not.
        """
        if not self.owns(user, namespace):
            raise NotYoursError("this namespace is not yours")

    def narrowed(self, user: str, prefix: Namespace, *, wildcards: bool = False) -> Namespace:
        """Return the part of a prefix that is the user's: what lies above the user's own is narrowed down to it.

        Args:
            user: The user.
            prefix: The prefix that was asked for; empty for everything.
            wildcards: Whether `*` in it stands for any label, as when namespaces are listed.

        Raises:
            NotYoursError: Nothing below the prefix is the user's, or more than one prefix could say.
        """
        found = []
        for own in self.prefixes(user):
            pairs = zip(prefix, own, strict=False)
            if all(asked == label or (wildcards and asked == "*") for asked, label in pairs):
                found.append((*own, *prefix[len(own) :]))
        if len(found) > 1:
            raise NotYoursError("several namespaces below this prefix are yours: name one of them")
        if not found:
            raise NotYoursError("this namespace is not yours")
        return found[0]
