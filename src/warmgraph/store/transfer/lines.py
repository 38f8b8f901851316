"""The lines of an export.

The first says what follows, the last how much that was: an export that was cut short is noticed. In between there is
one line for each item, in the order of their writing::

    {
        "format": "warmgraph-export",
        "version": 1,
        "exported_at": "2026-11-30T09:00:00+00:00",
        "source": "RoutedStore",
        "models": {"1": {"name": "hashing-512", "dims": 512, "fields": ["content"], "in_use": true}},
    }
    {
        "namespace": ["memories", "ana"],
        "key": "1",
        "value": {"content": "I live in Lisbon."},
        "created_at": "...",
        "updated_at": "...",
        "ttl": 60.0,
        "expires_at": "...",
        "index": ["content"],
        "vectors": {"1": ["<base64 of float32, little-endian>"]},
    }
    {"state": {"namespace": "", "name": "tau", "value": 0.06}}
    {"end": {"items": 1, "state": 1}}

What is at its default is left out: `ttl`, `expires_at`, `index`, `vectors`. A value that is damaged in the file stands
under `damaged`, as the text that it is.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.errors import ImportDataError
from warmgraph.store.plan import check_namespace

__all__ = ["FORMAT", "VERSION", "ExportLine", "Header", "Line", "ModelLine", "StateLine", "dumps", "read_lines"]

FORMAT = "warmgraph-export"
VERSION = 1
FloatArray: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelLine:
    """An embedding model of the vectors in an export."""

    name: str
    dims: int
    fields: tuple[str, ...] | None
    in_use: bool


@dataclass(frozen=True, slots=True)
class Header:
    """The first line.

    Args:
        exported_at: When the export was made.
        source: What kind of store it was made from.
        models: The models of its vectors, by number.
    """

    exported_at: datetime
    source: str
    models: dict[str, ModelLine] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what is written."""
        models = {
            number: {"name": each.name, "dims": each.dims, "fields": each.fields, "in_use": each.in_use}
            for number, each in self.models.items()
        }
        told = {"exported_at": self.exported_at.isoformat(), "source": self.source, "models": models}
        return {"format": FORMAT, "version": VERSION, **told}


@dataclass(frozen=True, slots=True)
class ExportLine:
    """An item.

    Args:
        namespace: Its namespace.
        key: Its key.
        value: Its value; `None` for one that is damaged.
        created_at: When it was first written.
        updated_at: When it was last written.
        ttl: Minutes that it lives.
        expires_at: When it expires.
        index: The `index` argument of its put.
        vectors: Its vectors, of shape (texts, dims), by the number of their model.
        damaged: What stands in the file instead of a value.
    """

    namespace: tuple[str, ...]
    key: str
    value: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    ttl: float | None = None
    expires_at: datetime | None = None
    index: Literal[False] | list[str] | None = None
    vectors: dict[str, FloatArray] = field(default_factory=dict)
    damaged: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what is written."""
        line: dict[str, Any] = {"namespace": self.namespace, "key": self.key}
        line |= {"value": self.value} if self.damaged is None else {"damaged": self.damaged}
        line |= {"created_at": self.created_at.isoformat(), "updated_at": self.updated_at.isoformat()}
        if self.ttl is not None:
            line["ttl"] = self.ttl
        if self.expires_at is not None:
            line["expires_at"] = self.expires_at.isoformat()
        if self.index is not None:
            line["index"] = self.index
        if self.vectors:
            line["vectors"] = {
                number: [base64.b64encode(np.ascontiguousarray(row, "<f4").tobytes()).decode() for row in rows]
                for number, rows in self.vectors.items()
            }
        return line


@dataclass(frozen=True, slots=True)
class StateLine:
    """What the store keeps for itself in a table of its own."""

    namespace: str
    name: str
    value: Any

    def to_json(self) -> dict[str, Any]:
        """Return what is written."""
        return {"state": {"namespace": self.namespace, "name": self.name, "value": self.value}}


Line: TypeAlias = ExportLine | StateLine
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}


def dumps(line: dict[str, Any]) -> str:
    """Return a line, without anything in it that some reader may take for its end."""
    return _encode(line).translate(_LINE_ENDS)


def read_lines(lines: Iterable[str | bytes]) -> tuple[Header, Iterator[Line]]:
    """Read an export, line by line.

    Returns:
        The header, and the lines behind it, which are read and checked as they are asked for.

    Raises:
        ImportDataError: A line is none of an export, here or while the lines are read; or the end is missing.
    """
    numbered = enumerate(lines, start=1)
    number, first = next(numbered, (1, ""))
    header = _header(_parsed(first, number), number)
    return header, _rest(numbered, header)


def _rest(numbered: Iterator[tuple[int, str | bytes]], header: Header) -> Iterator[Line]:
    items = states = 0
    number = 1
    for number, text in numbered:
        if not text.strip():
            continue
        found = _parsed(text, number)
        if "end" in found:
            counted = {"items": items, "state": states}
            if found["end"] != counted:
                raise ImportDataError(number, expected=f"the end to name what came: {counted}", got=found["end"])
            for number, text in numbered:
                if text.strip():
                    raise ImportDataError(number, expected="nothing behind the end", got=_shown(text))
            return
        if "state" in found:
            states += 1
            yield _state(found["state"], number)
        else:
            items += 1
            yield _item(found, number, header)
    raise ImportDataError(number + 1, expected="the end of the export, which was cut short", got="nothing more")


def _parsed(text: str | bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImportDataError(number, expected="a JSON object", got=_shown(text)) from error
    if not isinstance(found, dict):
        raise ImportDataError(number, expected="a JSON object", got=_shown(text))
    return found


def _header(found: dict[str, Any], number: int) -> Header:
    if found.get("format") != FORMAT:
        raise ImportDataError(number, expected=f'the first line of an export, with "format": "{FORMAT}"', got=found)
    if found.get("version") != VERSION:
        raise ImportDataError(number, expected=f"version {VERSION}; a newer warmgraph wrote this", got=found["version"])
    try:
        models = {
            str(name): ModelLine(
                str(each["name"]),
                int(each["dims"]),
                None if each.get("fields") is None else tuple(map(str, each["fields"])),
                bool(each.get("in_use")),
            )
            for name, each in found.get("models", {}).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ImportDataError(number, expected="models with name and dims", got=found.get("models")) from error
    return Header(_time(found, "exported_at", number), str(found.get("source", "")), models)


def _item(found: dict[str, Any], number: int, header: Header) -> ExportLine:
    try:
        namespace = check_namespace(found.get("namespace"))
    except (ValueError, TypeError) as error:
        raise ImportDataError(number, expected="a namespace: a list of labels", got=found.get("namespace")) from error
    key, value, damaged = found.get("key"), found.get("value"), found.get("damaged")
    if not namespace or not isinstance(key, str):
        raise ImportDataError(number, expected="a namespace and a key", got=found)
    if not isinstance(value, dict) and not isinstance(damaged, str):
        raise ImportDataError(number, expected="a value: an object", got=value)
    return ExportLine(
        namespace,
        key,
        value if damaged is None else None,
        _time(found, "created_at", number),
        _time(found, "updated_at", number),
        _ttl(found.get("ttl"), number),
        _time(found, "expires_at", number) if found.get("expires_at") is not None else None,
        _index(found.get("index"), number),
        _vectors(found.get("vectors", {}), number, header),
        damaged,
    )


def _state(found: Any, number: int) -> StateLine:
    namespace, name = (found.get("namespace"), found.get("name")) if isinstance(found, dict) else (None, None)
    if not isinstance(namespace, str) or not isinstance(name, str):
        raise ImportDataError(number, expected="state with namespace, name and value", got=found)
    return StateLine(namespace, name, found.get("value"))


def _time(found: dict[str, Any], name: str, number: int) -> datetime:
    try:
        time = datetime.fromisoformat(found[name])
    except (KeyError, TypeError, ValueError) as error:
        raise ImportDataError(number, expected=f"{name}: a time, ISO 8601", got=found.get(name)) from error
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)


def _ttl(ttl: Any, number: int) -> float | None:
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not math.isfinite(ttl) or ttl < 0:
        raise ImportDataError(number, expected="ttl: minutes >= 0", got=ttl)
    return float(ttl)


def _index(index: Any, number: int) -> Literal[False] | list[str] | None:
    if index is None or index is False:
        return index
    if not isinstance(index, list) or not all(isinstance(path, str) for path in index):
        raise ImportDataError(number, expected="index: false or a list of paths", got=index)
    return index


def _vectors(found: Any, number: int, header: Header) -> dict[str, FloatArray]:
    if not isinstance(found, dict):
        raise ImportDataError(number, expected="vectors: an object", got=found)
    vectors: dict[str, FloatArray] = {}
    for name, rows in found.items():
        model = header.models.get(name)
        if model is None or not isinstance(rows, list):
            raise ImportDataError(number, expected="vectors of the models in the first line", got=name)
        try:
            read = np.frombuffer(b"".join(base64.b64decode(row, validate=True) for row in rows), "<f4")
            vectors[name] = read.reshape(len(rows), model.dims)
        except (binascii.Error, TypeError, ValueError) as error:
            expected = f"vectors of {model.dims} float32 in base64"
            raise ImportDataError(number, expected=expected, got=_shown(str(rows))) from error
        if not np.isfinite(vectors[name]).all():
            raise ImportDataError(number, expected="finite vectors", got=name)
    return vectors


def _shown(text: str | bytes) -> str:
    shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
