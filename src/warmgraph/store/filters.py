"""Filters of a search: `{"field": value}`, `{"field": {"$gt": 3}}`, and their combinations.

Unlike types never match and never raise: a text is neither greater nor smaller than a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from warmgraph.errors import InvalidFilterError

__all__ = ["Predicate", "compile_filter"]

Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]
_Test: TypeAlias = Callable[[Any], bool]

_MISSING = object()
_QUOTES, _CODE = frozenset("'\""), frozenset("()")


def compile_filter(filter: Mapping[str, Any] | None) -> Predicate | None:
    """Compile a filter into a predicate on values; `None` when everything matches.

    A field is a key of the value; one that does not exist under its full name is taken for a path, as in "user.name".
    Operators: `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$nin`, `$exists` on a field; `$and`, `$or`,
    `$not` on filters. A dict without operators matches values that contain it (subset, operators inside allowed),
    a list one of the same length whose elements match. `$eq`, `$ne`, `$in` and `$nin` compare whole values.
    A missing field equals `None`.

    Raises:
        InvalidFilterError: The filter is no dict, an operator is unknown, an operand is not what it takes, or a field's
            name holds quotation marks and parentheses, as an injection does.

    Example:
        >>> adult = compile_filter({"age": {"$gte": 18}, "$not": {"city": "Rome"}})
        >>> [adult({"age": 30}), adult({"age": "30"}), adult({"age": 30, "city": "Rome"})]
        [True, False, False]
    """
    if filter is None:
        return None
    if not isinstance(filter, Mapping):
        raise InvalidFilterError("filter", expected="a dict", got=filter)
    if not filter:
        return None
    try:
        return _all([_clause(name, operand) for name, operand in filter.items()])
    except RecursionError:
        raise InvalidFilterError("filter", expected="one that is not nested without end", got=type(filter)) from None


def _clause(name: str, operand: Any) -> Predicate:
    if name in ("$and", "$or"):
        if not isinstance(operand, (list, tuple)):
            raise InvalidFilterError(f"filter {name}", expected="a list of filters", got=operand)
        parts = [_filter(name, part) for part in operand]
        return _all(parts) if name == "$and" else lambda value: any(part(value) for part in parts)
    if name == "$not":
        inner = _filter(name, operand)
        return lambda value: not inner(value)
    if not isinstance(name, str):
        raise InvalidFilterError("filter", expected="field names that are strings", got=name)
    if name.startswith("$"):
        raise InvalidFilterError("filter", expected="a field, $and, $or or $not", got=name)
    if not _CODE.isdisjoint(name) and not _QUOTES.isdisjoint(name):
        # Nothing here would run it. But stores that build a query from it refuse it as well, and whoever sends one
        # should hear of it.
        raise InvalidFilterError("filter", expected="the name of a field (Invalid filter key)", got=name)
    test = _field_test(name, operand)
    if "." not in name:
        return lambda value: test(value.get(name, _MISSING))
    path = name.split(".")
    return lambda value: test(value[name] if name in value else _at_path(value, path))


def _filter(name: str, part: Any) -> Predicate:
    if not isinstance(part, Mapping):
        raise InvalidFilterError(f"filter {name}", expected="a filter (a dict)", got=part)
    return compile_filter(part) or (lambda value: True)


def _all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 1:
        return parts[0]
    return lambda value: all(part(value) for part in parts)


def _at_path(value: Any, path: list[str]) -> Any:
    for label in path:
        if not isinstance(value, Mapping) or label not in value:
            return _MISSING
        value = value[label]
    return value


def _field_test(name: str, operand: Any) -> _Test:
    """Return the test of a field against what a filter says of it: operators, a subset, elements or a value."""
    if isinstance(operand, Mapping):
        if any(isinstance(key, str) and key.startswith("$") for key in operand):
            return _operators_test(name, operand)
        inner = {key: _field_test(f"{name}.{key}", wanted) for key, wanted in operand.items()}
        return lambda found: (
            isinstance(found, Mapping) and all(test(found.get(key, _MISSING)) for key, test in inner.items())
        )
    if isinstance(operand, (list, tuple)):
        elements = [_field_test(f"{name}[{at}]", wanted) for at, wanted in enumerate(operand)]
        return lambda found: (
            isinstance(found, (list, tuple))
            and len(found) == len(elements)
            and all(test(each) for test, each in zip(elements, found, strict=True))
        )
    return _equal(operand)


def _operators_test(name: str, operand: Mapping[Any, Any]) -> _Test:
    tests = []
    for operator, argument in operand.items():
        make = _OPERATORS.get(operator)
        if make is None:
            raise InvalidFilterError(f"filter {name}", expected=f"one of {', '.join(_OPERATORS)}", got=operator)
        tests.append(make(name, argument))
    return tests[0] if len(tests) == 1 else lambda found: all(test(found) for test in tests)


def _same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but neither is true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping):
        return (
            isinstance(right, Mapping)
            and left.keys() == right.keys()
            and all(_same(inner, right[key]) for key, inner in left.items())
        )
    if isinstance(left, (list, tuple)):
        return (
            isinstance(right, (list, tuple))
            and len(left) == len(right)
            and all(_same(mine, yours) for mine, yours in zip(left, right, strict=True))
        )
    return bool(left == right)


def _compare(name: str, operand: Any, operator: str, test: Callable[[Any, Any], bool]) -> _Test:
    kind = _comparable(operand)
    if kind is None:
        raise InvalidFilterError(f"filter {name}", expected=f"a number or a string for {operator}", got=operand)
    return lambda found: _comparable(found) is kind and test(found, operand)


def _comparable(value: Any) -> type | None:
    """Return with what a value can be compared: numbers with numbers, texts with texts, truth values with those."""
    for kind, types in ((bool, bool), (float, (int, float)), (str, str)):
        if isinstance(value, types):
            return kind
    return None


def _among(name: str, operand: Any, operator: str) -> _Test:
    if isinstance(operand, str) or not isinstance(operand, (list, tuple, set, frozenset)):
        raise InvalidFilterError(f"filter {name}", expected=f"a list for {operator}", got=operand)
    wanted = list(operand)
    return lambda found: any(_same(None if found is _MISSING else found, each) for each in wanted)


def _exists(name: str, operand: Any) -> _Test:
    if not isinstance(operand, bool):
        raise InvalidFilterError(f"filter {name}", expected="True or False for $exists", got=operand)
    return lambda found: (found is not _MISSING) == operand


def _equal(operand: Any) -> _Test:
    return lambda found: _same(None if found is _MISSING else found, operand)


def _negate(test: _Test) -> _Test:
    return lambda found: not test(found)


_OPERATORS: dict[str, Callable[[str, Any], _Test]] = {
    "$eq": lambda name, operand: _equal(operand),
    "$ne": lambda name, operand: _negate(_equal(operand)),
    "$gt": lambda name, operand: _compare(name, operand, "$gt", lambda found, than: found > than),
    "$gte": lambda name, operand: _compare(name, operand, "$gte", lambda found, than: found >= than),
    "$lt": lambda name, operand: _compare(name, operand, "$lt", lambda found, than: found < than),
    "$lte": lambda name, operand: _compare(name, operand, "$lte", lambda found, than: found <= than),
    "$in": lambda name, operand: _among(name, operand, "$in"),
    "$nin": lambda name, operand: _negate(_among(name, operand, "$nin")),
    "$exists": _exists,
}
