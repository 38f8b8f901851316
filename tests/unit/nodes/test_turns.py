"""Turns of a thread."""

from __future__ import annotations

from hashlib import sha1
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    ChatMessage,
    ChatMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    ToolMessage,
)

from warmgraph.nodes.turns import current_turn, last_human, message_key, message_keys, message_text

CALL = AIMessage("Let me look.", tool_calls=[{"name": "look", "args": {}, "id": "1"}])
RESULT = ToolMessage("found", tool_call_id="1")


def thread(shape: str) -> list[AnyMessage]:
    """Make a thread: h(uman), a(i), c(all), r(esult), s(ystem)."""
    kinds = {"h": HumanMessage, "a": AIMessage, "s": SystemMessage}
    return [
        CALL if letter == "c" else RESULT if letter == "r" else kinds[letter](f"{letter}{at}")
        for at, letter in enumerate(shape)
    ]


@pytest.mark.parametrize(
    ("shape", "turn"),
    [
        ("", []),
        ("h", [0]),
        ("ha", [0, 1]),
        ("haha", [2, 3]),
        ("hahha", [2, 3, 4]),  # several messages in one input, or one whose run failed
        ("hacrha", [4, 5]),
        ("hcra", [0, 3]),  # tool traffic is not remembered
        ("hahcrcra", [2, 7]),
        ("hahcr", [2]),  # an agent that ended on a tool
        ("haa", [0, 1, 2]),  # two agents answered
        ("hahaa", [2, 3, 4]),
        ("a", [0]),
        ("aha", [1, 2]),
        ("shasha", [4, 5]),
        ("hah", [2]),  # no answer, because its run failed: it belongs to the next turn
    ],
)
def test_a_turn_begins_after_the_last_answer(shape: str, turn: list[int]) -> None:
    """It holds the human and the final AI messages since."""
    assert turn == current_turn(thread(shape))


def test_turns_together_are_all_that_was_said() -> None:
    """Whatever way a conversation takes, remembering turn by turn leaves out nothing and repeats nothing."""
    whole = thread("hahhahcrcrahaha")
    seen: list[int] = []
    for end in (2, 5, 11, 13, 15):
        seen += current_turn(whole[:end])
    assert [at for at, message in enumerate(whole) if message not in (CALL, RESULT)] == seen


@pytest.mark.parametrize(("shape", "at"), [("", None), ("aa", None), ("hah", 2), ("haha", 2), ("hahcr", 2)])
def test_the_last_human_message(shape: str, at: int | None) -> None:
    """It is what was asked."""
    assert at == last_human(thread(shape))


def test_chunks_count_as_messages() -> None:
    """A graph that merges messages in its own way may keep chunks."""
    chunks: list[AnyMessage] = [HumanMessageChunk(content="hi"), AIMessageChunk(content="hello")]
    assert ([0, 1], 0) == (current_turn(chunks), last_human(chunks))


def test_a_role_says_who_spoke() -> None:
    """`ChatMessage` has no type of its own for people and assistants; other roles are nobody's."""
    said: list[AnyMessage] = [
        ChatMessage(content="a", role="user"),
        ChatMessage(content="b", role="assistant"),
        ChatMessage(content="c", role="Human"),
        ChatMessage(content="d", role="tool"),
        ChatMessageChunk(content="e", role="ai"),
    ]
    assert ([2, 4], 2) == (current_turn(said), last_human(said))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("  hello \n", "hello"),
        (["one", {"type": "text", "text": "two"}], "one\ntwo"),
        ([{"type": "image_url", "image_url": {"url": "data:x"}}], ""),
        ([{"type": "reasoning", "reasoning": "hm", "text": "hidden"}, {"type": "text", "text": "answer"}], "answer"),
        ([{"type": "text"}, {"type": "text", "text": ""}], ""),
        ([], ""),
    ],
)
def test_the_text_of_a_message_is_its_text_parts(content: str | list[str | dict[str, object]], text: str) -> None:
    """Images and reasoning are not remembered."""
    assert text == message_text(HumanMessage(content))


class TestKeys:
    def test_are_uuids_of_thread_and_message(self) -> None:
        """Version 5, as promised: anybody can compute them."""
        namespace = uuid5(NAMESPACE_URL, "warmgraph:message")
        for thread_id, message_id in (("t", "m"), ("Ω", "\ud800"), ("", "")):
            name = f"{len(thread_id)}:{thread_id}:{message_id}".encode("utf-8", "surrogatepass")
            expected = UUID(bytes=sha1(namespace.bytes + name).digest()[:16], version=5)
            assert str(expected) == message_key(thread_id, HumanMessage("x", id=message_id))

    def test_do_not_depend_on_the_text(self) -> None:
        """A message that was edited is the same memory, with new words."""
        assert message_key("t", HumanMessage("before", id="1")) == message_key("t", HumanMessage("after", id="1"))

    @given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
    def test_differ_between_threads_and_messages(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        """However ids are split, two messages never meet in one key."""
        keys = {message_key(thread_id, HumanMessage("x", id=message_id)) for thread_id, message_id in (one, other)}
        assert len({one, other}) == len(keys)

    def test_tell_texts_apart_where_there_is_no_thread(self) -> None:
        """Clients without threads often number their messages from 1 in each conversation."""
        assert message_key(None, HumanMessage("a", id="1")) != message_key(None, HumanMessage("b", id="1"))
        assert message_key(None, HumanMessage("a", id="1")) == message_key(None, HumanMessage("a", id="1"))
        assert message_key(None, HumanMessage("a")) != message_key(None, AIMessage("a"))

    def test_of_a_thread_leave_out_tool_traffic(self) -> None:
        """They name what `remember` writes."""
        messages = thread("shcra")
        for at, message in enumerate(messages):
            message.id = str(at)
        expected = {message_key("t", messages[1]), message_key("t", messages[4], asked=messages[1])}
        assert expected == message_keys("t", messages)

    def test_of_answers_go_by_what_they_answer(self) -> None:
        """An answer that is given anew has a new id, and is the same memory; a second one is another."""
        asked, other = HumanMessage("x", id="1"), HumanMessage("x", id="2")
        key = message_key("t", AIMessage("a", id="3"), asked)
        assert key == message_key("t", AIMessage("b", id="4"), asked)
        assert key != message_key("t", AIMessage("a", id="3"), asked, 1)
        assert key != message_key("t", AIMessage("a", id="3"), other)
        assert key != message_key("t", asked)

    def test_of_answers_to_nobody_knows_what_go_by_themselves(self) -> None:
        """An answer whose question was trimmed from the thread, or has no id, is not taken for another one."""
        one, other = AIMessage("a", id="3"), AIMessage("b", id="4")
        assert message_key("t", one) != message_key("t", other)
        assert message_key("t", one) == message_key("t", one, HumanMessage("x"))
        assert message_key(None, one, HumanMessage("x", id="1")) != message_key(None, other, HumanMessage("x", id="1"))

    def test_include_the_answer_that_is_to_come(self) -> None:
        """Where a turn is run again, an older one stands in its place and is of no use."""
        asked = HumanMessage("x", id="1")
        assert {message_key("t", asked), message_key("t", AIMessage("a"), asked)} == message_keys("t", [asked])
