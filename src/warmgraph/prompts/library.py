"""Prompts in a store, as procedural memory, with every version that was in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from uuid import uuid4

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError
from warmgraph.prompts.types import Prompt
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store import MemoryRecord, encode_label
from warmgraph.store.listing import list_items

__all__ = ["PromptLibrary", "PromptVersion", "current_prompt"]

HISTORY = "history"


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A prompt as it was from some time on.

    Args:
        prompt: The prompt.
        key: Key of the version.
        valid_from: From when on it was in use, ISO 8601.
        supersedes: Key of the version before; `None` for the first.
    """

    prompt: Prompt
    key: str
    valid_from: str
    supersedes: str | None


class PromptLibrary:
    """Keeps prompts in a store. Each method has a twin with an `a`, for event loops.

    The current version lies under the prompt's name, so any tool can read it; all versions lie below, in a namespace of
    their own for each prompt.

    Args:
        store: Any store.
        namespace: Where the prompts are.
        clock: Tells from when on a version is in use.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> library = PromptLibrary(InMemoryStore())
        >>> library.put({"name": "tone", "prompt": "Be kind."})
        >>> library.put({"name": "tone", "prompt": "Be kind and brief."})
        >>> library.get("tone")["prompt"], [version.prompt["prompt"] for version in library.history("tone")]
        ('Be kind and brief.', ['Be kind and brief.', 'Be kind.'])
    """

    def __init__(
        self, store: BaseStore, namespace: Sequence[str] = ("prompts",), *, clock: Clock | None = None
    ) -> None:
        if isinstance(namespace, str) or not namespace:
            raise InvalidArgumentError("namespace", expected="one or more labels", got=namespace)
        self._store = store
        self._namespace = tuple(namespace)
        self._clock = clock if clock is not None else SystemClock()

    def get(self, name: str) -> Prompt | None:
        """Return a prompt as it is now; `None` if there is none of that name."""
        return _prompt(run(self._read(name)))

    async def aget(self, name: str) -> Prompt | None:
        """Do what `get` does, on an event loop."""
        return _prompt(await arun(self._read(name)))

    def put(self, prompt: Prompt) -> None:
        """Keep a prompt. What does not differ from the current version is not written."""
        run(self._write(prompt))

    async def aput(self, prompt: Prompt) -> None:
        """Do what `put` does, on an event loop."""
        await arun(self._write(prompt))

    def history(self, name: str) -> list[PromptVersion]:
        """Return all versions of a prompt, the newest first."""
        return run(self._versions(name))

    async def ahistory(self, name: str) -> list[PromptVersion]:
        """Do what `history` does, on an event loop."""
        return await arun(self._versions(name))

    def _place(self, name: str) -> tuple[str, ...]:
        return (*self._namespace, HISTORY, encode_label(name))

    def _read(self, name: str) -> Steps[Item | None]:
        return _item(self._store, self._namespace, name)

    def _write(self, prompt: Prompt) -> Steps[None]:
        name = prompt.get("name")
        if not isinstance(name, str) or not name or not isinstance(prompt.get("prompt"), str):
            raise InvalidArgumentError("prompt", expected="a dict with texts as 'name' and 'prompt'", got=prompt)
        current = yield from self._read(name)
        if _prompt(current) == prompt:
            return
        before = current.value.get("meta", {}).get("version") if current is not None else None
        number = int(before.partition("-")[0]) + 1 if before else 1
        key = f"{number:08}-{uuid4().hex[:8]}"  # two writers at once make two versions of one number
        record = MemoryRecord(
            content=dict(prompt),
            kind="Prompt",
            type="procedural",
            valid_from=self._clock.now().isoformat(),
            supersedes=before,
            meta={"version": key},
        )
        # One batch, so that a store with transactions has both or none.
        ops = [
            PutOp(self._place(name), key, record.to_value(), index=False),
            PutOp(self._namespace, name, record.to_value(), index=["content.prompt"]),
        ]
        yield Io(partial(self._store.batch, ops), partial(self._store.abatch, ops))

    def _versions(self, name: str) -> Steps[list[PromptVersion]]:
        found = yield from list_items(self._store, self._place(name))
        return [
            PromptVersion(prompt, item.key, str(item.value.get("valid_from")), item.value.get("supersedes"))
            for item in sorted(found, key=lambda item: item.key, reverse=True)
            if (prompt := _prompt(item)) is not None
        ]


def current_prompt(store: BaseStore, namespace: tuple[str, ...], name: str) -> Steps[Prompt | None]:
    """Return a prompt as it is now, or `None`. Steps: drive them with `run` or `arun`.

    Args:
        store: Where the prompts are.
        namespace: Their namespace.
        name: Name of the prompt.
    """
    item = yield from _item(store, namespace, name)
    return _prompt(item)


def _item(store: BaseStore, namespace: tuple[str, ...], name: str) -> Steps[Item | None]:
    ops = [GetOp(namespace, name)]
    (item,) = yield Io(partial(store.batch, ops), partial(store.abatch, ops))
    return item if isinstance(item, Item) else None


def _prompt(item: Item | None) -> Prompt | None:
    content = item.value.get("content") if item is not None else None
    if not isinstance(content, dict) or not isinstance(content.get("prompt"), str):
        return None
    prompt: Any = dict(content)
    return cast(Prompt, prompt)
