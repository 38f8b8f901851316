"""Let a model think for some calls, and then answer in a schema: with tools where it has them, in JSON elsewhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, ValidationError

from warmgraph.steps import Io, Steps

__all__ = ["reflect"]

_logger = logging.getLogger(__name__)

Schema = TypeVar("Schema", bound=BaseModel)

THINK = "First think it through, in words. Do not answer yet."
GO_ON = "Think further if something is still unclear. As soon as you are sure, answer."
ANSWER = "Now answer."


def reflect(
    model: Any, prompt: str, schema: type[Schema], config: RunnableConfig | None, *, least: int, most: int
) -> Steps[Schema | None]:
    """Ask a model something that needs thought.

    It thinks for `least` calls at least. After that it may answer at any time, and is done when it does; after `most`
    calls it has to. That makes at least `least + 1` and at most `most + 1` calls.

    Args:
        model: A chat model.
        prompt: The question.
        schema: What the answer has to be.
        config: The config of the caller, with its callbacks.
        least: Calls to think for at least.
        most: Calls after which the model has to answer.

    Returns:
        The answer; `None` when the model gave none.

    Raises:
        Exception: What the model raised.
    """
    offered, forced = _bind(model, schema, choice=None), _bind(model, schema, choice=schema.__name__)
    how = "" if forced is not None else f"\nAnswer with nothing but JSON of this schema: {_schema_text(schema)}"
    messages: list[BaseMessage] = [HumanMessage(prompt)]
    for step in range(most + 1):
        may_answer, has_to = step >= least, step == most
        asks = ANSWER + how if has_to else GO_ON + how if may_answer else THINK
        if isinstance(messages[-1], HumanMessage):  # the first call; some providers refuse two turns of one side
            messages = [HumanMessage(f"{prompt}\n\n{asks}")]
        else:
            messages.append(HumanMessage(asks))
        bound = (forced if has_to else offered) if may_answer else None
        reply = yield from _call(bound if bound is not None else model, list(messages), config)
        answer = _read(reply, schema) if may_answer else None
        if answer is not None or has_to:
            return answer
        messages.append(AIMessage(reply.text or "..."))
    return None


def _call(model: Runnable[Any, Any], messages: list[BaseMessage], config: RunnableConfig | None) -> Steps[BaseMessage]:
    reply: BaseMessage = yield Io(lambda: model.invoke(messages, config), lambda: model.ainvoke(messages, config))
    return reply


def _bind(model: Any, schema: type[BaseModel], *, choice: str | None) -> Runnable[Any, Any] | None:
    try:
        bound: Runnable[Any, Any] = model.bind_tools([schema], **({"tool_choice": choice} if choice else {}))
    except (NotImplementedError, AttributeError):
        return None
    return bound


def _read(reply: BaseMessage, schema: type[Schema]) -> Schema | None:
    """Read an answer from the calls of a tool, else from JSON in the text."""
    given = [call["args"] for call in getattr(reply, "tool_calls", None) or () if call["name"] == schema.__name__]
    if not given:
        found = _json_in(reply.text)
        given = [found] if found is not None else []
    for arguments in given:
        try:
            return schema.model_validate(arguments)
        except ValidationError as error:
            _logger.warning("prompts: an answer is no %s: %d errors", schema.__name__, error.error_count())
    return None


def _json_in(text: str) -> Mapping[str, Any] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        value = json.JSONDecoder().raw_decode(text[start:])[0]
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Mapping) else None


def _schema_text(schema: type[BaseModel]) -> str:
    return json.dumps(schema.model_json_schema(), ensure_ascii=False)
