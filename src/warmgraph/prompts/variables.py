"""Variables of a prompt: a change that loses one would break whatever fills it in."""

from __future__ import annotations

import re
from string import Formatter

__all__ = ["keeps_variables"]

_MUSTACHE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")


def keeps_variables(old: str, new: str) -> bool:
    """Whether a changed prompt can be filled in by what filled in the old one.

    A template for `str.format` has to stay one, with the same fields: none lost and none invented. Names in doubled
    braces have to stay as well. A prompt without variables may hold any braces.

    Example:
        >>> keeps_variables("Hello {name}", "Hi {name}!"), keeps_variables("Hello {name}", "Hello")
        (True, False)
        >>> keeps_variables("Hello {name}", 'Hello {name}, as {"json": 1}'), keeps_variables("Hello", "{}")
        (False, True)
    """
    fields = _fields(old)
    if fields and _fields(new) != fields:
        return False
    return set(_MUSTACHE.findall(old)) <= set(_MUSTACHE.findall(new))


def _fields(text: str) -> set[str] | None:
    try:
        return {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except ValueError:  # a stray brace: no template
        return None
