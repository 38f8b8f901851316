"""Logs as JSON, one object a line: what happened, how long it took, and no word of anybody's memory."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from datetime import datetime, timezone
from typing import Any, TextIO

from warmgraph.errors import InvalidArgumentError
from warmgraph.recall import NotedReceipt, ReceiptHub, receipts

__all__ = ["JsonFormatter", "configure_logs", "log_receipts"]

RECEIPTS = "warmgraph.receipts"
_OURS = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,39}")
_TOLD = ("tier", "count", "tokens", "messages", "kept", "after_seconds", "milliseconds", "node", "error")
_handler: logging.Handler | None = None


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object.

    What could quote somebody is left out: of an exception its message, of arguments the texts that are no names of
    ours. Where it happened stays.

    Example:
        >>> record = logging.LogRecord("warmgraph", 30, "x.py", 1, "%s failed: %s", ("recall", "My PIN is 1"), None)
        >>> json.loads(JsonFormatter().format(record))["message"]
        'recall failed: …'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if isinstance(receipt := getattr(record, "receipt", None), dict):
            line.update(receipt)
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)
            line["error"] = type(error).__name__
            line["where"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
        return json.dumps(line, ensure_ascii=False)


def configure_logs(stream: TextIO | None = None) -> None:
    """Do what `WARMGRAPH_LOG` says: "json" writes our logs and every receipt as JSON; without it nothing is changed.

    Args:
        stream: Where to; standard error by default.

    Raises:
        InvalidArgumentError: It says something else.
    """
    global _handler
    wanted = os.environ.get("WARMGRAPH_LOG") or None
    if wanted not in (None, "json"):
        raise InvalidArgumentError("WARMGRAPH_LOG", expected="'json' or nothing", got=wanted)
    if wanted is None or _handler is not None:
        return
    _handler = logging.StreamHandler(stream or sys.stderr)
    _handler.setFormatter(JsonFormatter())
    ours = logging.getLogger("warmgraph")
    ours.addHandler(_handler)
    ours.propagate = False  # else it would be written a second time, with everything in it
    ours.setLevel(logging.INFO)
    log_receipts()


def log_receipts(hub: ReceiptHub = receipts) -> None:
    """Log every receipt, less the namespace and the keys, which name users."""
    logger = logging.getLogger(RECEIPTS)

    def log(noted: NotedReceipt) -> None:
        event: dict[str, Any] = dict(noted.event)
        told = {name: event[name] for name in _TOLD if name in event}
        decision = event.get("decision")
        if isinstance(decision, dict):
            told |= {"hit": decision["hit"], "confidence": round(decision["confidence"], 4)}
        logger.info(event["type"], extra={"receipt": told})

    hub.subscribe(log)


def _message(record: logging.LogRecord) -> str:
    args = record.args
    if not args:
        return str(record.msg)
    if isinstance(args, tuple):
        try:
            return str(record.msg) % tuple(_plain(each) for each in args)
        except (TypeError, ValueError):  # a format that wants a number of what is no number any more
            pass
    return str(record.msg)


def _plain(value: object) -> object:
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, BaseException):
        return type(value).__name__
    return value if isinstance(value, str) and _OURS.fullmatch(value) else _Left()


class _Left:
    """Stands for what is left out, however a format asks for it."""

    def __repr__(self) -> str:
        return "…"
