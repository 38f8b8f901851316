"""What a job is submitted with: copied, written down, read again, and merged with what comes later."""

from __future__ import annotations

import copy
import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from warmgraph.errors import InvalidValueError

__all__ = [
    "Live",
    "Merge",
    "Submission",
    "combined",
    "context_values",
    "dumps",
    "inherited_callbacks",
    "loads",
    "merge_payloads",
]

Merge: TypeAlias = Literal["merge", "latest"] | Callable[[Any, Any], Any]

_logger = logging.getLogger(__name__)
_serializer = JsonPlusSerializer()
_CONFIG_KEYS = ("tags", "metadata", "run_name", "max_concurrency", "recursion_limit")
# What LangGraph and its server put there for the run that submits; it means nothing to another run.
_OF_THE_RUN = ("__", "checkpoint_", "langgraph_auth", "run_id", "graph_id", "assistant_id", "x-")


@dataclasses.dataclass(slots=True)
class Live:
    """What cannot be written down, and is there as long as the process: callbacks, objects in the config."""

    callbacks: list[Any] | None = None
    configurable: dict[str, Any] = dataclasses.field(default_factory=dict)
    store: Any = None


@dataclasses.dataclass(slots=True)
class Submission:
    """What a job is run with, without any reference to what the caller holds.

    Args:
        payload: For the reflector.
        config: The part of the caller's config that can be written down.
        context: The runtime context, as a dict.
    """

    payload: Any
    config: dict[str, Any]
    context: dict[str, Any] | None

    @classmethod
    def of(cls, payload: Any, config: RunnableConfig | None, context: dict[str, Any] | None) -> tuple[Submission, Live]:
        """Split a config into what lasts and what lives."""
        config = config or {}
        live = Live(callbacks=inherited_callbacks(config))
        kept: dict[str, Any] = {key: config[key] for key in _CONFIG_KEYS if config.get(key)}  # type: ignore[literal-required]
        configurable: dict[str, Any] = {}
        for key, value in config.get("configurable", {}).items():
            if key.startswith(_OF_THE_RUN):
                continue
            if _can_be_written(value):
                configurable[key] = value
            else:
                live.configurable[key] = value
        kept["configurable"] = configurable
        if "metadata" in kept and not _can_be_written(kept["metadata"]):
            kept["metadata"] = {key: value for key, value in kept["metadata"].items() if _can_be_written(value)}
        return cls(payload, kept, context), live

    def dumps(self) -> bytes:
        """Write it down.

        Raises:
            InvalidValueError: The payload holds something that cannot be written down.
        """
        try:
            return dumps((self.payload, self.config, self.context))
        except Exception as error:
            raise InvalidValueError("payload", expected="messages, and values as in JSON", got=self.payload) from error

    @classmethod
    def loads(cls, written: bytes) -> Submission:
        """Read it again."""
        return cls(*loads(written))


def dumps(value: Any) -> bytes:
    """Write any value down that a checkpoint could hold."""
    kind, data = _serializer.dumps_typed(value)
    return kind.encode() + b"\n" + data


def loads(written: bytes) -> Any:
    """Read what `dumps` wrote."""
    kind, data = bytes(written).split(b"\n", 1)
    return _serializer.loads_typed((kind.decode(), data))


def combined(merge: Merge) -> Callable[[bytes, bytes], bytes]:
    """Return what makes one written submission of an older and a newer one: the newer's, with payloads merged."""

    def combine(older: bytes, newer: bytes) -> bytes:
        if merge == "latest":
            return newer
        before, after = Submission.loads(older), Submission.loads(newer)
        payload = merge_payloads(before.payload, after.payload)
        if callable(merge):
            try:
                payload = merge(before.payload, after.payload)
            except Exception:
                # It runs where jobs are put back as well, long after their submit: there is nobody to raise it to.
                _logger.exception("payloads could not be merged as asked; their messages are joined")
        return Submission(payload, after.config, after.context).dumps()

    return combine


def merge_payloads(older: Any, newer: Any) -> Any:
    """Merge two payloads so that nothing said in either is lost.

    `messages` are joined: a newer list that begins with the older one replaces it, else messages with the id of an
    earlier one take its place and the others follow. Of everything else the newer counts.

    Example:
        >>> merge_payloads({"messages": ["a"]}, {"messages": ["b"], "max_steps": 2})
        {'messages': ['a', 'b'], 'max_steps': 2}
        >>> merge_payloads({"messages": ["a"]}, {"messages": ["a", "b"]})
        {'messages': ['a', 'b']}
    """
    if not isinstance(older, Mapping) or not isinstance(newer, Mapping):
        return newer
    merged = {**older, **newer}
    before, after = older.get("messages"), newer.get("messages")
    if isinstance(before, list) and isinstance(after, list):
        merged["messages"] = _join(before, after)
    return merged


def _join(before: list[Any], after: list[Any]) -> list[Any]:
    if after[: len(before)] == before:
        return after
    joined = list(before)
    places = {number: at for at, message in enumerate(joined) if (number := _id_of(message)) is not None}
    for message in after:
        at = places.get(_id_of(message) or "")
        if at is None:
            joined.append(message)
        else:
            joined[at] = message
    return joined


def _id_of(message: Any) -> str | None:
    if isinstance(message, BaseMessage):
        return message.id
    return message.get("id") if isinstance(message, Mapping) else None


def context_values(context: Any) -> dict[str, Any] | None:
    """Return a runtime context (a dataclass, a pydantic model, a mapping) as a dict of its own."""
    if context is None:
        return None
    if dataclasses.is_dataclass(context) and not isinstance(context, type):
        return dataclasses.asdict(context)
    if hasattr(context, "model_dump"):
        return dict(context.model_dump())
    if isinstance(context, Mapping):
        return copy.deepcopy(dict(context))
    return {name: value for name, value in vars(context).items() if not name.startswith("_")}


def inherited_callbacks(config: RunnableConfig) -> list[Any] | None:
    """Return the callbacks that a caller gave, without those that stream the run that submits."""
    given = config.get("callbacks")
    handlers = given if isinstance(given, list) else getattr(given, "inheritable_handlers", ())
    return [each for each in handlers or () if not type(each).__module__.startswith("langgraph.")] or None


def _can_be_written(value: Any) -> bool:
    try:
        _serializer.dumps_typed(value)
    except Exception:
        return False
    return True
