"""A prompt that is looked up when it is needed: what was optimized meanwhile is what an agent uses."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.store.base import BaseStore

from warmgraph.errors import InvalidArgumentError
from warmgraph.prompts.library import current_prompt
from warmgraph.steps import Steps
from warmgraph.store import NamespaceTemplate

__all__ = ["StoredPrompt"]


class StoredPrompt:
    """The name of a prompt in a `PromptLibrary`, as `system_prompt` of an agent of ours.

    It is read from the store of the graph at each call of the model, so the version is the one that holds by then, on a
    server as well, where the store is there only when the graph runs.

    Args:
        name: Name of the prompt.
        default: The text while there is none of that name, and where the store fails; empty for no system prompt.
        namespace: Template of the library's namespace; with a variable every user has prompts of their own.

    Raises:
        InvalidArgumentError: `name` is empty.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> from warmgraph.prompts import PromptLibrary
        >>> from warmgraph.steps import run
        >>> store = InMemoryStore()
        >>> PromptLibrary(store).put({"name": "tone", "prompt": "Be brief."})
        >>> run(StoredPrompt("tone").steps(store, ("prompts",)))
        'Be brief.'
    """

    __slots__ = ("default", "name", "namespace")

    def __init__(self, name: str, default: str = "", *, namespace: str | Sequence[str] = ("prompts",)) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidArgumentError("name", expected="the name of a prompt", got=name)
        self.name: str = name
        self.default: str = default
        self.namespace: NamespaceTemplate = NamespaceTemplate(namespace)

    def __repr__(self) -> str:
        return f"StoredPrompt({self.name!r})"

    def steps(self, store: BaseStore, namespace: tuple[str, ...]) -> Steps[str]:
        """Return the text as it is now. Steps: drive them with `run` or `arun`.

        Args:
            store: Where the prompts are.
            namespace: Their namespace, with its variables filled in.
        """
        kept = yield from current_prompt(store, namespace, self.name)
        return kept["prompt"] if kept is not None else self.default
