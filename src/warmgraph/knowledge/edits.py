"""What a model wants to change, and the memories that it changes: each edit by itself applied or refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from warmgraph.knowledge.schemas import RawMemory, RemoveDoc, Schemas, dumped

__all__ = ["Action", "Desk", "Edit", "Enabled", "ExtractedMemories", "ExtractedMemory", "MemoryChange", "Reason"]

Action: TypeAlias = Literal["added", "changed", "deleted", "unchanged", "rejected", "quarantined", "refused"]
Reason: TypeAlias = Literal[
    "unknown_id", "unknown_tool", "invalid_content", "unreadable", "not_permitted", "conflict", "policy"
]


class ExtractedMemory(NamedTuple):
    """A memory: its id, and its content; a `RemoveDoc` when it was deleted."""

    id: str
    content: BaseModel


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """What became of a memory, or of an edit.

    Args:
        action: "added", "changed", "deleted", "unchanged"; "rejected" for an edit that could not be applied;
            "quarantined" and "refused" where a policy decided so.
        id: The memory; for a rejected edit what the model called it.
        content: The content now; the last one of a deleted memory.
        reason: Why an edit was not applied.
        message: The same in words.
    """

    action: Action
    id: str | None
    content: Any = None
    reason: Reason | None = None
    message: str = ""


class ExtractedMemories(list[ExtractedMemory]):
    """The memories after a call, untouched ones included: a list of `(id, content)`.

    Attributes:
        changes: What was added, changed, deleted, left as it was, or rejected.
    """

    def __init__(self, memories: Iterable[ExtractedMemory] = (), changes: Iterable[MemoryChange] = ()) -> None:
        super().__init__(memories)
        self.changes: list[MemoryChange] = list(changes)


@dataclass(frozen=True, slots=True)
class Edit:
    """One tool call of a model, as it came."""

    tool: str
    arguments: Any
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Enabled:
    """What a model may do."""

    inserts: bool = True
    updates: bool = True
    deletes: bool = False


class _RejectedError(Exception):
    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class Desk:
    """The memories of one call, while a model edits them.

    Args:
        schemas: Their schemas.
        existing: What is there, by id.
    """

    def __init__(self, schemas: Schemas, existing: Mapping[str, BaseModel]) -> None:
        self.schemas: Schemas = schemas
        self.before: dict[str, BaseModel] = dict(existing)
        self.now: dict[str, BaseModel] = dict(existing)
        self.rejected: list[MemoryChange] = []

    @property
    def deleted(self) -> dict[str, BaseModel]:
        """What was there and is no longer."""
        return {id: content for id, content in self.before.items() if id not in self.now}

    def apply(self, edits: Iterable[Edit], enabled: Enabled) -> tuple[list[str], bool, bool]:
        """Apply the edits of one reply, each by itself.

        Returns:
            For each edit what became of it in words; whether one was rejected; whether the model said it is done.
        """
        told: list[str] = []
        written: dict[str, dict[str, Any]] = {}
        bad = done = False
        for edit in edits:
            if edit.tool == self.schemas.control.nothing:
                done = True
                told.append("Done.")
                continue
            try:
                told.append(self._apply(edit, enabled, written))
            except _RejectedError as error:
                bad = True
                told.append(f"Error: {error}")
                arguments = edit.arguments
                id = arguments.get("id") if isinstance(arguments, Mapping) else None
                named = id if isinstance(id, str) else None
                self.rejected.append(MemoryChange("rejected", named, arguments, error.reason, str(error)))
        return told, bad, done

    def changes(self) -> list[MemoryChange]:
        """Return what became of each memory and of the edits that were rejected."""
        found: list[MemoryChange] = []
        for id, content in self.now.items():
            old = self.before.get(id)
            action: Action = "added" if old is None else "unchanged" if old == content else "changed"
            found.append(MemoryChange(action, id, content))
        found += [MemoryChange("deleted", id, content) for id, content in self.deleted.items()]
        return found + self.rejected

    def memories(self) -> list[ExtractedMemory]:
        """Return what is there now, and what stands for what was deleted."""
        removed = [ExtractedMemory(id, RemoveDoc(json_doc_id=id)) for id in self.deleted]
        return [ExtractedMemory(id, content) for id, content in self.now.items()] + removed

    def _apply(self, edit: Edit, enabled: Enabled, written: dict[str, dict[str, Any]]) -> str:
        control, arguments = self.schemas.control, edit.arguments
        if not isinstance(arguments, Mapping):
            raise _RejectedError("unreadable", f"{edit.tool}: the arguments are no JSON object")
        model = self.schemas.by_tool.get(edit.tool)
        if model is not None:
            _permit(enabled.inserts, "adding")
            return self._insert(_content(model, arguments))
        if edit.tool == control.update:
            _permit(enabled.updates, "changing")
            return self._update(self._known(arguments), arguments.get("content"), written)
        if edit.tool == control.delete:
            _permit(enabled.deletes, "deleting")
            id = self._known(arguments)
            if id in written:
                raise _RejectedError("conflict", f"memory {id!r} was changed by an edit before this one")
            del self.now[id]
            return f"Memory {id} deleted."
        names = ", ".join([*self.schemas.by_tool, control.update, control.delete, control.nothing])
        raise _RejectedError("unknown_tool", f"there is no tool {edit.tool!r}, only {names}")

    def _known(self, arguments: Mapping[str, Any]) -> str:
        id = arguments.get("id")
        if isinstance(id, str) and id in self.now:
            return id
        if isinstance(id, str) and id in self.before:
            raise _RejectedError("conflict", f"memory {id!r} was deleted by an edit before this one")
        raise _RejectedError("unknown_id", f"there is no memory {id!r}")

    def _insert(self, content: BaseModel) -> str:
        for id, one in self.now.items():
            if type(one) is type(content) and one == content:
                return f"Memory {id} is there already."
        id = str(uuid4())
        self.now[id] = content
        return f"Memory {id} added."

    def _update(self, id: str, given: Any, written: dict[str, dict[str, Any]]) -> str:
        old = self.now[id]
        fields = old.model_dump(mode="json")
        if isinstance(given, str) and list(fields) == ["content"]:
            given = {"content": given}
        if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
            raise _RejectedError("unreadable", f"memory {id!r}: `content` is no JSON object")
        before = written.get(id, {})
        clash = [name for name, value in given.items() if name in before and before[name] != value]
        if clash:
            raise _RejectedError("conflict", f"memory {id!r}: another edit has already set {', '.join(clash)}")
        unknown = set(given) - set(type(old).model_fields)
        if unknown and not isinstance(old, RawMemory) and type(old).model_config.get("extra") != "allow":
            raise _RejectedError("invalid_content", f"memory {id!r} has no field {', '.join(sorted(unknown))}")
        self.now[id] = _content(type(old), {**fields, **given})
        written[id] = {**before, **given}
        return f"Memory {id} updated."


def _permit(enabled: bool, what: str) -> None:
    if not enabled:
        raise _RejectedError("not_permitted", f"{what} memories is not permitted")


def _content(model: type[BaseModel], arguments: Mapping[str, Any]) -> BaseModel:
    try:
        content = model.model_validate(dict(arguments))
        clean = dumped(content)
        return content if clean == content.model_dump(mode="json") else model.model_validate(clean)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
        raise _RejectedError("invalid_content", f"{model.__name__}: {told}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise _RejectedError("invalid_content", f"{model.__name__}: {error}") from error


def read_edits(text: str) -> list[Edit] | None:
    r"""Read edits that a model wrote as JSON; `None` when a text holds none.

    Example:
        >>> read_edits('Sure: ```json\n[{"tool": "Memory", "args": {"content": "Likes tea."}}]\n```')
        [Edit(tool='Memory', arguments={'content': 'Likes tea.'}, call_id=None)]
        >>> read_edits("[]"), read_edits("There is nothing to remember.")
        ([], None)
    """
    found = _first_json(text)
    if isinstance(found, Mapping):
        inner = next((found[name] for name in ("edits", "tool_calls", "memories") if name in found), None)
        found = inner if isinstance(inner, list) else [found]
    if not isinstance(found, list):
        return None
    edits: list[Edit] = []
    for one in found:
        name = next((one[key] for key in ("tool", "name") if key in one), None) if isinstance(one, Mapping) else None
        if not isinstance(name, str):
            return None
        edits.append(Edit(name, next((one[key] for key in ("args", "arguments", "parameters") if key in one), {})))
    return edits


def _first_json(text: str) -> Any:
    decoder = json.JSONDecoder()
    for at, char in enumerate(text[:MOST_READ]):
        if char in "[{":
            try:
                return decoder.raw_decode(text, at)[0]
            except (ValueError, RecursionError):
                continue
    return None


MOST_READ = 20_000  # characters in which the JSON has to begin; each bracket before it costs an attempt
