"""What can be wrapped, and the memory of a wrapped client."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai  # noqa: TID253 (the client is what is tested)
import pytest
from langgraph.store.memory import InMemoryStore

from tests.unit.clients.conftest import tags_in
from warmgraph.clients import AsyncMemoryClient, MemoryClient, with_fast_memory, with_memory
from warmgraph.errors import InvalidArgumentError, MissingDependencyError, UnresolvedNamespaceError
from warmgraph.testing import ScriptedChatModel


class Completions:
    """An endpoint of OpenAI's shape that answers with several choices."""

    def create(self, **kwargs: Any) -> Any:
        """Answer."""
        opening, closing = tags_in(kwargs["messages"][-1]["content"])
        answers = ["One.", f'Two.{opening}["Likes tea."]{closing}', f'Three.{opening}["Loves tea."]{closing}', None]
        choices = [
            SimpleNamespace(index=index, message=SimpleNamespace(content=text)) for index, text in enumerate(answers)
        ]
        return SimpleNamespace(choices=choices)


def test_parity_c_any_client_of_that_shape_with_several_choices(store: InMemoryStore) -> None:
    """Each choice loses its block; of several the first that says something is remembered, not each in turn."""
    client = SimpleNamespace(chat=SimpleNamespace(completions=Completions()), region="eu")
    wrapped = with_fast_memory(client, "ana", store=store)
    answer = wrapped.chat.completions.create(messages=[{"role": "user", "content": "I like tea."}], n=4)

    assert ["One.", "Two.", "Three.", None] == [choice.message.content for choice in answer.choices]
    assert ["Likes tea."] == [found.text for found in wrapped.memory.get_all()]
    assert "eu" == wrapped.region


@pytest.mark.parametrize("wrap", [with_fast_memory, with_memory])
def test_sync_and_async_clients_are_told_apart(wrap: Any, store: InMemoryStore) -> None:
    """By what their `create` is, not by their names."""
    sync, asynchronous = openai.OpenAI(api_key="x"), openai.AsyncOpenAI(api_key="x")
    assert MemoryClient is type(wrap(sync, "ana", store=store))
    assert AsyncMemoryClient is type(wrap(asynchronous, "ana", store=store))
    sync.close()


def test_what_cannot_be_wrapped_is_refused(store: InMemoryStore, tmp_path: Path) -> None:
    """With an error that names the argument; nobody shares a default."""
    model = ScriptedChatModel()
    with pytest.raises(InvalidArgumentError, match="client: expected a client with"):
        with_fast_memory(object(), "ana", store=store)
    with pytest.raises(UnresolvedNamespaceError, match="user_id"):
        with_fast_memory(model, "", store=store)
    with pytest.raises(InvalidArgumentError, match="top_k"):
        with_fast_memory(model, "ana", top_k=0, store=store)
    with pytest.raises(InvalidArgumentError, match="not both"):
        with_fast_memory(model, "ana", tmp_path / "memory.db", store=store)
    with pytest.raises(InvalidArgumentError, match="model: expected nothing"):
        with_memory(model, "ana", store=store, model="small")


def test_parity_c_local_embeddings_without_the_extra_are_a_typed_error() -> None:
    """Its message says what to install."""
    with pytest.raises(MissingDependencyError, match=r"pip install 'warmgraph\[local\]'"):
        with_fast_memory(ScriptedChatModel(), "ana", ":memory:", use_local_embeddings=True)


def test_a_file_remembers_across_programs(tmp_path: Path) -> None:
    """What one client added the next one finds, for the same user alone."""
    path = tmp_path / "memory.db"
    first = with_fast_memory(ScriptedChatModel(), "ana@example.org", path)
    first.memory.add("Likes tea.", category="preference")
    first.memory.close()
    again = with_fast_memory(ScriptedChatModel(), "ana@example.org", path)
    other = with_fast_memory(ScriptedChatModel(), "bob", store=again.memory.store)

    (found, score) = again.memory.search("What tea does she like?", top_k=3)[0]
    assert ("Likes tea.", "preference", True) == (found.text, found.category, score > 0)
    assert ([], []) == (other.memory.search("tea"), other.memory.get_all())
    again.memory.close()


def test_parity_c_the_memory_of_a_client(store: InMemoryStore) -> None:
    """Adding twice is remembering once; clearing forgets this user and no other."""
    memory = with_fast_memory(ScriptedChatModel(), "ana", store=store).memory
    other = with_fast_memory(ScriptedChatModel(), "bob", store=store).memory
    other.add("Likes coffee.")

    assert memory.add("Likes tea.") == memory.add(" likes  TEA ")
    memory.add("Is in Lisbon this week.", category="context")
    assert {"total_chunks": 2, "categories": {"fact": 1, "context": 1}, "failures": {}} == memory.stats()
    assert 2 == memory.clear()
    assert (0, 1) == (memory.stats()["total_chunks"], other.stats()["total_chunks"])
    with pytest.raises(InvalidArgumentError, match="category"):
        memory.add("Likes tea.", category="taste")
    with pytest.raises(InvalidArgumentError, match="text"):
        memory.add("...")


async def test_the_memory_of_a_client_on_a_loop(store: InMemoryStore) -> None:
    """Each method has a twin that awaits."""
    memory = with_fast_memory(ScriptedChatModel(), "ana", store=store).memory
    key = await memory.aadd("Likes tea.")

    assert [key] == [found.id for found, _ in await memory.asearch("tea")]
    assert (1, 1) == (len(await memory.aget_all()), (await memory.astats())["total_chunks"])
    assert 1 == await memory.aclear()


def test_a_wrapped_client_can_be_copied(store: InMemoryStore) -> None:
    """A shallow copy has the same memory."""
    wrapped = with_fast_memory(SimpleNamespace(chat=SimpleNamespace(completions=Completions())), "ana", store=store)
    assert copy.copy(wrapped).memory is wrapped.memory


def test_a_call_without_a_message_of_the_user_goes_out_as_it_came(store: InMemoryStore) -> None:
    """Also when its messages come from an iterator, which can be read once."""
    seen: list[Any] = []

    def create(**kwargs: Any) -> Any:
        seen.append(list(kwargs["messages"]))
        return SimpleNamespace(choices=[])

    client = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
    system = {"role": "system", "content": "Be brief."}
    with_fast_memory(client, "ana", store=store).chat.completions.create(messages=iter([system]))

    assert [[system]] == seen
