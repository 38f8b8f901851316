"""What a memory may look like: schemas, and values of any origin read as one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, ClassVar, get_type_hints

from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from typing_extensions import is_typeddict

from warmgraph.errors import InvalidArgumentError
from warmgraph.extraction_request import DELETE, NOTHING, UPDATE

__all__ = ["ControlNames", "Memory", "RawMemory", "RemoveDoc", "Schemas", "content_of", "dumped"]

LONGEST_CONTENT = 32_000  # characters of JSON


class Memory(BaseModel):
    """Call this tool once for each new memory you want to record. Call it several times to record several."""

    content: str = Field(
        description="The memory as a well-written, standalone episode/fact/note/preference/etc."
        " Refer to the user's instructions for more information the preferred memory organization."
    )


class RawMemory(BaseModel):
    """A stored value that no schema fits, with its fields as they are."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


class RemoveDoc(BaseModel):
    """Stands in a result for a memory that was deleted."""

    json_doc_id: str


class ControlNames:
    """Names of the tools that change memories and add none; never the name of a schema."""

    def __init__(self, taken: Sequence[str]) -> None:
        self.update: str = _free(UPDATE, taken)
        self.delete: str = _free(DELETE, taken)
        self.nothing: str = _free(NOTHING, taken)


class Schemas:
    """The kinds of memories that a manager keeps.

    Args:
        schemas: Pydantic models, TypedDicts or dataclasses.

    Raises:
        InvalidArgumentError: Something else, or two of one name.

    Example:
        >>> schemas = Schemas([Memory])
        >>> schemas.read("Lives in Lisbon.")
        Memory(content='Lives in Lisbon.')
    """

    def __init__(self, schemas: Sequence[Any]) -> None:
        models = [_as_model(schema) for schema in schemas] or [Memory]
        self.by_name: dict[str, type[BaseModel]] = {}
        self.by_tool: dict[str, type[BaseModel]] = {}
        for model in models:
            tool = tool_name(model)
            if tool in self.by_tool:
                raise InvalidArgumentError("schemas", expected="schemas of different names", got=model.__name__)
            self.by_name[model.__name__] = self.by_tool[tool] = model
        self.control: ControlNames = ControlNames(list(self.by_tool))

    @property
    def first(self) -> type[BaseModel]:
        """The schema that plain texts are read as."""
        return next(iter(self.by_tool.values()))

    def read(self, value: Any, kind: str | None = None) -> BaseModel:
        """Read content as the schema named, else as the first that fits, else as a `RawMemory`. Never fails."""
        if isinstance(value, BaseModel):
            return value
        if isinstance(value, str):
            model = self.first if list(self.first.model_fields) == ["content"] else Memory
            fitting = _validated(model, {"content": value})
            return fitting if fitting is not None else Memory(content=value)
        if not isinstance(value, Mapping):
            return RawMemory.model_validate({"content": value})
        named = self.by_name.get(kind or "")
        candidates = [named] if named is not None else list(self.by_tool.values()) if kind in (None, "__any__") else []
        for model in candidates:
            found = _validated(model, value)
            if found is not None:
                return found
        if set(value) == {"content"} and isinstance(value["content"], str):
            return Memory(content=value["content"])
        return RawMemory.model_validate({str(name): inner for name, inner in value.items()})

    def read_value(self, value: Mapping[str, Any]) -> BaseModel:
        """Read a stored value of any format: a record, `{"content"}`, `{"kind", "content"}`, or any other dict."""
        kind, content = content_of(value)
        return self.read(content, kind)

    def fits(self, value: Mapping[str, Any]) -> bool:
        """Whether a stored value says what it is, and is that."""
        kind, content = content_of(value)
        named = self.by_name.get(kind or "")
        return named is None or isinstance(content, str) or _validated(named, content) is not None

    def tools(self, *, inserts: bool, updates: bool, deletes: bool) -> list[dict[str, Any]]:
        """Return the tools that a model is offered, in OpenAI's format."""
        tools: list[dict[str, Any]] = []
        if inserts:
            for name, model in self.by_tool.items():
                tool = convert_to_openai_tool(model)
                tool["function"]["name"] = name
                tools.append(tool)
        if updates:
            tools.append(
                _tool(
                    self.control.update,
                    "Change an existing memory. `content` holds its whole new content, or only the fields that change.",
                    {
                        "id": {"type": "string", "description": "The id of an existing memory."},
                        "content": {"type": "object", "description": "Fields of its kind.", "properties": {}},
                    },
                )
            )
        if deletes:
            told = {"id": {"type": "string", "description": "The id of an existing memory."}}
            tools.append(_tool(self.control.delete, "Delete a memory that is wrong, outdated or redundant.", told))
        tools.append(_tool(self.control.nothing, "Call this when there is nothing to change, or nothing more.", {}))
        return tools


def content_of(value: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Return the kind and the content of a stored value; one without content is its own.

    Example:
        >>> content_of({"kind": "Memory", "content": {"content": "tea"}}), content_of({"likes": "tea"})
        (('Memory', {'content': 'tea'}), (None, {'likes': 'tea'}))
    """
    content = value.get("content")
    kind = value.get("kind")
    if isinstance(content, (str, Mapping)):
        return (kind if isinstance(kind, str) else None), content
    return None, value


def dumped(content: BaseModel) -> dict[str, Any]:
    """Return content as JSON has it, free of halves of surrogate pairs, which can be neither stored nor embedded.

    Raises:
        ValueError: JSON cannot hold it, or it is longer than 32,000 characters.
    """
    text = json.dumps(content.model_dump(mode="json"), ensure_ascii=False, allow_nan=False)
    if len(text) > LONGEST_CONTENT:
        raise ValueError(f"{len(text)} characters are too long for a memory: {LONGEST_CONTENT} at most")
    found: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return found


def tool_name(model: type[BaseModel]) -> str:
    """Return the name of a schema's tool: such as every provider takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", model.__name__)[:64]


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _tool(name: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _validated(model: type[BaseModel], value: Any) -> BaseModel | None:
    try:
        return model.model_validate(value)
    except (ValidationError, RecursionError):
        return None


def _as_model(schema: Any) -> type[BaseModel]:
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema
    if is_typeddict(schema):
        required = schema.__required_keys__
        defined: dict[str, Any] = {
            name: (hint, ...) if name in required else (hint | None, None)
            for name, hint in get_type_hints(schema).items()
        }
    elif isinstance(schema, type) and is_dataclass(schema):
        hints = get_type_hints(schema)
        defined = {
            each.name: (
                hints[each.name],
                Field(default_factory=each.default_factory)
                if each.default_factory is not MISSING
                else (... if each.default is MISSING else each.default),
            )
            for each in fields(schema)
        }
    else:
        raise InvalidArgumentError("schemas", expected="pydantic models, TypedDicts or dataclasses", got=schema)
    made: type[BaseModel] = create_model(schema.__name__, __doc__=schema.__doc__, **defined)
    return made
