"""What a call of a memory manager costs beside its model, ours and LangMem's in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.store.memory import InMemoryStore

__all__ = ["manager_calls", "peer_version"]

_SAID = {"messages": [{"role": "user", "content": "I moved to Porto last week, and I like it there."}]}
_ANA: Any = {"configurable": {"langgraph_user_id": "ana"}}
_SPACE = ("memories", "{langgraph_user_id}")


class InstantExtractor(BaseChatModel):
    """Calls the tool that adds a memory, at once."""

    @property
    def _llm_type(self) -> str:
        return "instant-extractor"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        """Take any tools."""
        return self.bind()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = {"name": "Memory", "args": {"content": "Moved to Porto last week, and likes it there."}, "id": "call_1"}
        return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=[call]))])


def peer_version() -> str | None:
    """Return the version of LangMem that is installed, if it is."""
    try:
        return version("langmem")
    except PackageNotFoundError:
        return None


def manager_calls(count: int) -> dict[str, list[float]]:
    """Return the seconds of each call by what was called: one model call that adds one memory.

    A manager without a store, and one with a store of its own for each call, so that the memory is new each time.

    Args:
        count: Calls of each, after two that are not counted.
    """
    contenders = _contenders()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(count + 2):
        for name, make in contenders.items():
            call = make()
            began = perf_counter()
            found = call()
            took = perf_counter() - began
            if len(found) != 1:
                raise RuntimeError(f"{name}: expected one memory, got {found!r}")
            if number >= 2:
                seconds[name].append(took)
    return seconds


def _contenders() -> dict[str, Callable[[], Callable[[], Any]]]:
    from warmgraph.knowledge import create_memory_manager, create_memory_store_manager

    model = InstantExtractor()
    ours = create_memory_manager(model)

    def stored() -> Callable[[], Any]:
        keeper = create_memory_store_manager(model, namespace=_SPACE, store=InMemoryStore())
        return lambda: keeper.invoke(_SAID, _ANA)

    found: dict[str, Callable[[], Callable[[], Any]]] = {
        "manager": lambda: lambda: ours.invoke(_SAID),
        "store manager": stored,
    }
    if peer_version() is not None:
        import langmem

        theirs = langmem.create_memory_manager(model)

        def stored_there() -> Callable[[], Any]:
            keeper = langmem.create_memory_store_manager(model, namespace=_SPACE, store=InMemoryStore())
            return lambda: keeper.invoke(_SAID, _ANA)

        found["LangMem's manager"] = lambda: lambda: theirs.invoke(_SAID)
        found["LangMem's store manager"] = stored_there
    return found
