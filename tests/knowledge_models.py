"""Replies of models that keep memories, for tests."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel

from warmgraph.testing import ScriptedChatModel

__all__ = ["ANA", "DARK", "HELLO", "NOTHING", "Profile", "calls", "scripted"]

ANA: RunnableConfig = {"configurable": {"langgraph_user_id": "ana", "thread_id": "t1"}}
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "I prefer dark mode. My city is Lisbon."}]}
DARK: tuple[str, Any] = ("Memory", {"content": "User prefers dark mode"})
NOTHING: tuple[str, Any] = ("nothing_to_remember", {})


class Profile(BaseModel):
    """Who the user is."""

    name: str = ""
    city: str = ""
    age: int = 0


def calls(*requests: tuple[str, Any]) -> AIMessage:
    """Return a reply that calls tools."""
    made = [{"name": name, "args": args, "id": f"call_{at}"} for at, (name, args) in enumerate(requests)]
    return AIMessage("", tool_calls=made)


def scripted(*replies: Any) -> ScriptedChatModel:
    """Return a model that gives these replies; a tuple is one call of a tool."""
    return ScriptedChatModel(script=[calls(reply) if isinstance(reply, tuple) else reply for reply in replies])
