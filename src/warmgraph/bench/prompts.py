"""The prompts that the memory agent sends while a conversation is lived through, and other ways to put them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import PrivateAttr

from warmgraph.bench.conversations import Conversation, Turn
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_memory_agent
from warmgraph.store import WarmStore

__all__ = ["ARRANGEMENTS", "Prompt", "prompts_of"]

SYSTEM = """You are a companion who has known the user for a long time. Answer warmly, briefly and to the point, in the
language of the user. Notes from memory may stand before what the user says: use those that help, and pass over the
others. When notes contradict each other the later one is right. Never invent what you do not know."""


class Prompt(NamedTuple):
    """What the model was asked at one turn.

    Args:
        earlier: What was said before in the thread: (role, text).
        block: The memories; empty for none.
        said: What the user says now.
    """

    earlier: tuple[tuple[str, str], ...]
    block: str
    said: str


def prompts_of(conversation: Conversation) -> list[list[Prompt]]:
    """Live through a conversation with the memory agent, and return its prompts, thread by thread.

    Args:
        conversation: Each session is a thread. Who speaks first in the conversation is the user; the other one's words
            are the answers of the model.
    """
    model = _Scripted()
    user = conversation.turns[0].author
    threads: list[list[Prompt]] = []
    with WarmStore() as store:
        agent = create_memory_agent(
            model, store=store, system_prompt=SYSTEM, max_history_tokens=None, checkpointer=InMemorySaver()
        )
        for number, turns in groupby(conversation.turns, key=lambda turn: turn.session):
            thread: list[Prompt] = []
            for said, answer in _exchanges(list(turns), user):
                config: Any = {"configurable": {"thread_id": f"{conversation.user}-{number}"}}
                model.say(answer)
                agent.invoke({"messages": said}, config, context=MemoryContext(conversation.user))
                thread.append(_prompt(model.seen, said))
            threads.append(thread)
    return threads


def _exchanges(turns: Sequence[Turn], user: str) -> list[tuple[str, str]]:
    """Pair what the user says with what is answered; what one says in several turns is one message."""
    said = [
        (mine, "\n".join(turn.content for turn in group))
        for mine, group in groupby(turns, key=lambda turn: turn.author == user)
    ]
    if said and not said[0][0]:
        said.insert(0, (True, "Hello!"))
    texts = [text for _, text in said]
    return list(zip(texts[::2], texts[1::2], strict=False))


def _prompt(seen: Sequence[BaseMessage], said: str) -> Prompt:
    *earlier, last = seen[1:]
    whole = last.text
    assert whole.endswith(said)
    block = whole.removesuffix(said).rstrip("\n")
    return Prompt(tuple((message.type, message.text) for message in earlier), block, said)


class _Scripted(BaseChatModel):
    """Says what it is told to say, and remembers what it was asked."""

    _answer: str = PrivateAttr("")
    _seen: list[BaseMessage] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def seen(self) -> list[BaseMessage]:
        return self._seen

    def say(self, answer: str) -> None:
        self._answer = answer

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self._seen = messages
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self._answer))])


def _joined(system: str, messages: Sequence[tuple[str, str]]) -> str:
    """Return a prompt as one text, as a model's template would."""
    return "".join(f"<{role}>\n{text}\n" for role, text in (("system", system), *messages))


def _without(thread: Sequence[Prompt], at: int) -> str:
    prompt = thread[at]
    return _joined(SYSTEM, [*prompt.earlier, ("human", prompt.said)])


def _in_last_message(thread: Sequence[Prompt], at: int) -> str:
    prompt = thread[at]
    return _joined(SYSTEM, [*prompt.earlier, ("human", _with(prompt))])


def _in_system_prompt(thread: Sequence[Prompt], at: int) -> str:
    prompt = thread[at]
    system = f"{SYSTEM}\n\n{prompt.block}" if prompt.block else SYSTEM
    return _joined(system, [*prompt.earlier, ("human", prompt.said)])


def _kept_in_thread(thread: Sequence[Prompt], at: int) -> str:
    asked = iter(thread[: at + 1])
    messages = [(role, _with(next(asked)) if role == "human" else text) for role, text in thread[at].earlier]
    return _joined(SYSTEM, [*messages, ("human", _with(thread[at]))])


def _with(prompt: Prompt) -> str:
    return f"{prompt.block}\n\n{prompt.said}" if prompt.block else prompt.said


ARRANGEMENTS: dict[str, Callable[[Sequence[Prompt], int], str]] = {
    "no memory": _without,
    "last message": _in_last_message,
    "system prompt": _in_system_prompt,
    "kept in thread": _kept_in_thread,
}
"""Where the memories of a prompt may stand: from a thread and the number of a prompt in it to that prompt."""
