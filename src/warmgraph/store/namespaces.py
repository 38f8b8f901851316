"""Namespaces: templates that fail closed, ids that any label can hold, prefixes and patterns.

Labels may not contain a period, so ids such as e-mail addresses are percent-encoded on their way in: reversibly, and
so that two different ids never meet in one label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from langgraph.store.base import ListNamespacesOp, MatchCondition

from warmgraph.errors import InvalidArgumentError, UnresolvedNamespaceError

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

__all__ = ["USER_ID_ALIASES", "NamespaceTemplate", "decode_label", "encode_label", "fixed_prefix", "matches", "page_of"]

USER_ID_ALIASES = ("user_id", "langgraph_user_id")
RESERVED_ROOTS = ("langgraph", "_warmgraph")

_ALWAYS_ENCODED = "%.*\x00"
_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ESCAPE = re.compile(r"%([0-9A-F]{2})")


def encode_label(value: str, also: Iterable[str] = "") -> str:
    """Encode any id as a namespace label, reversibly and without collisions.

    Args:
        value: The id; not empty.
        also: Further ASCII characters to encode.

    Example:
        >>> encode_label("ana@example.org")
        'ana@example%2Eorg'
        >>> decode_label(encode_label("100%.*"))
        '100%.*'
    """
    special = {*_ALWAYS_ENCODED, *also}
    return "".join(f"%{ord(char):02X}" if char in special else char for char in value)


def decode_label(label: str) -> str:
    """Return the id that `encode_label` made `label` from."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), label)


class NamespaceTemplate:
    """A namespace with variables, such as `("memories", "{user_id}")` or `"user-{user_id}"`.

    `user_id` and `langgraph_user_id` are two names of one variable.

    Args:
        template: One label or a sequence of labels. Each may hold variables in braces, anywhere.

    Raises:
        InvalidArgumentError: A label is empty or holds a period, NUL or stray brace, or two variables stand side by
            side with nothing between them, so that different values could meet in one label.

    Example:
        >>> NamespaceTemplate(("memories", "{user_id}")).resolve({"user_id": "ana@example.org"})
        ('memories', 'ana@example%2Eorg')
    """

    __slots__ = ("_labels", "template", "variables")

    def __init__(self, template: str | Sequence[str] | NamespaceTemplate = ("memories", "{user_id}")) -> None:
        if isinstance(template, NamespaceTemplate):
            template = template.template
        self.template: tuple[str, ...] = (template,) if isinstance(template, str) else tuple(template)
        if not self.template:
            raise InvalidArgumentError("namespace", expected="at least one label", got=template)
        self._labels = tuple(_Label(label) for label in self.template)
        self.variables: frozenset[str] = frozenset(name for label in self._labels for name in label.names)

    def __call__(self, config: RunnableConfig | None = None) -> tuple[str, ...]:
        """Fill in the variables from a config, or from the run that this is called in.

        Example:
            >>> NamespaceTemplate("user-{user_id}")({"configurable": {"user_id": 7}})
            ('user-7',)
        """
        from warmgraph.store.scopes import namespace_of_call  # it knows templates, and not the other way round

        return namespace_of_call(self, config)

    def __repr__(self) -> str:
        return f"NamespaceTemplate({self.template!r})"

    def resolve(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """Fill in the variables.

        Args:
            values: Values by variable: non-empty strings, or integers.

        Raises:
            UnresolvedNamespaceError: A variable has no value, or one that is empty or no id. Nothing is shared by
                default: without an id there is no memory.
        """
        labels = [label.fill(values) for label in self._labels]
        if labels[0] in RESERVED_ROOTS and self._labels[0].names:
            labels[0] = f"%{ord(labels[0][0]):02X}{labels[0][1:]}"
        return tuple(labels)


class _Label:
    """One label of a template: literals and variable names in turn."""

    __slots__ = ("also_encoded", "names", "parts")

    def __init__(self, label: str) -> None:
        if not isinstance(label, str) or not label:
            raise InvalidArgumentError("namespace", expected="labels that are non-empty strings", got=label)
        self.parts = _VARIABLE.split(label)
        literals, self.names = self.parts[::2], tuple(self.parts[1::2])
        if any(char in literal for literal in literals for char in "{}.\x00"):
            raise InvalidArgumentError("namespace", expected="labels without periods, NULs or stray braces", got=label)
        between = literals[1:-1]
        if not all(between):
            raise InvalidArgumentError("namespace", expected="text between two variables of a label", got=label)
        if any(not literal.isascii() for literal in between):
            raise InvalidArgumentError("namespace", expected="ASCII text between two variables", got=label)
        # What separates two values must not occur inside one, or ("x-y", "z") and ("x", "y-z") would meet.
        self.also_encoded = frozenset("".join(between))
        if self.also_encoded & set("0123456789ABCDEF%"):
            raise InvalidArgumentError("namespace", expected="no digits, A-F or % between two variables", got=label)

    def fill(self, values: Mapping[str, object]) -> str:
        filled = list(self.parts)
        for at in range(1, len(filled), 2):
            filled[at] = encode_label(_value_of(filled[at], values), self.also_encoded)
        return "".join(filled)


def _value_of(name: str, values: Mapping[str, object]) -> str:
    names = USER_ID_ALIASES if name in USER_ID_ALIASES else (name,)
    found = {str(value): value for alias in names if (value := values.get(alias)) is not None}
    if len(found) > 1:
        raise UnresolvedNamespaceError(name, expected=f"one value under {' and '.join(names)}", got=sorted(found))
    value = next(iter(found.values()), None)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise UnresolvedNamespaceError(name, expected="a non-empty id (in the run's context, say)", got=value)
    return value


def matches(namespace: tuple[str, ...], conditions: Iterable[MatchCondition]) -> bool:
    """Whether a namespace meets all conditions; `*` in a condition stands for exactly one label.

    Example:
        >>> matches(("a", "b", "c"), [MatchCondition("prefix", ("a", "*")), MatchCondition("suffix", ("c",))])
        True
    """
    return all(_meets(namespace, condition) for condition in conditions)


def fixed_prefix(conditions: Iterable[MatchCondition]) -> tuple[str, ...]:
    """Return the longest prefix without wildcards that every match must have.

    Example:
        >>> fixed_prefix([MatchCondition("prefix", ("a", "*", "c")), MatchCondition("suffix", ("z",))])
        ('a',)
    """
    prefixes = [
        tuple(takewhile(lambda label: label != "*", condition.path))
        for condition in conditions
        if condition.match_type == "prefix"
    ]
    return max(prefixes, key=len, default=())


def page_of(namespaces: Iterable[tuple[str, ...]], op: ListNamespacesOp) -> list[tuple[str, ...]]:
    """Return the page of namespaces that an op asks for: matched, cut to its depth, each once, in order."""
    found = {namespace[: op.max_depth] for namespace in namespaces if matches(namespace, op.match_conditions or ())}
    return sorted(found)[op.offset : op.offset + op.limit]


def _meets(namespace: tuple[str, ...], condition: MatchCondition) -> bool:
    path = tuple(condition.path)
    if condition.match_type not in ("prefix", "suffix"):
        raise InvalidArgumentError("match_type", expected="'prefix' or 'suffix'", got=condition.match_type)
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(want in ("*", have) for want, have in zip(path, part, strict=True))
