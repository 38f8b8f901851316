"""A buffer against a plain list, through restarts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from warmgraph.buffer import WarmBuffer

CAPACITY = 6
TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(["cat", "the cat sleeps", "dog?", "猫"]))


class BufferMachine(RuleBasedStateMachine):
    """Adds, drops, clears, retains and reopens; what is left has to be what a list would hold."""

    ending = ""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.buffer = self.open()
        self.model: list[tuple[int, str]] = []
        self.next_id = 1

    def open(self) -> WarmBuffer:
        """Open the buffer; evicting the oldest, it can be told beforehand what stays."""
        path = self.folder / f"buffer{self.ending}" if self.ending else None
        return WarmBuffer(CAPACITY, eviction="fifo", path=path)

    @rule(texts=st.lists(TEXTS, max_size=CAPACITY + 2))
    def add_many(self, texts: list[str]) -> None:
        """Add some records."""
        ids = self.buffer.add_many([{"role": "user", "content": text, "metadata": {"text": text}} for text in texts])
        self.model = [*self.model, *zip(ids, texts, strict=True)][-CAPACITY:]
        assert list(range(self.next_id, self.next_id + len(texts))) == ids
        self.next_id += len(texts)

    @rule(interaction_id=st.integers(1, 30))
    def discard(self, interaction_id: int) -> None:
        """Drop a record that may be there or not."""
        known = interaction_id in dict(self.model)
        assert known == self.buffer.discard(interaction_id)
        self.model = [row for row in self.model if row[0] != interaction_id]

    @rule(query=TEXTS, limit=st.integers(0, CAPACITY + 1))
    def relevant(self, query: str, limit: int) -> None:
        """Ask: as many as there are, each once, best first."""
        found = self.buffer.relevant(query, limit)
        scores = [record.score or 0.0 for record in found]
        assert min(limit, len(self.model)) == len(found) == len({record.interaction_id for record in found})
        assert sorted(scores, reverse=True) == scores

    @rule(query=TEXTS, limit=st.integers(0, CAPACITY))
    def retain_relevant(self, query: str, limit: int) -> None:
        """Keep the best."""
        best = {record.interaction_id for record in self.buffer.relevant(query, limit)}
        self.buffer.retain_relevant(query, limit)
        self.model = [row for row in self.model if row[0] in best]

    @rule()
    def clear(self) -> None:
        """Drop all."""
        self.buffer.clear()
        self.model = []

    @rule()
    def reopen(self) -> None:
        """Close the file and open it again."""
        if self.ending:
            self.buffer.close()
            self.buffer = self.open()

    @invariant()
    def holds_what_it_should(self) -> None:
        """The records are the model's, and the buffer agrees with itself."""
        records = self.buffer.records()
        assert self.model == [(record.interaction_id, record.content) for record in records]
        assert all({"text": record.content} == record.metadata for record in records)
        self.buffer._check()

    def teardown(self) -> None:
        """Remove the file."""
        self.buffer.close()
        shutil.rmtree(self.folder)


@pytest.mark.parametrize("ending", ["", ".jsonl", ".db"])
def test_a_buffer_is_a_list_of_the_newest_records(ending: str) -> None:
    """Whatever is done to it, in RAM and in either kind of file, restarts included."""
    machine = type("Machine", (BufferMachine,), {"ending": ending})
    settings_of_tests = settings(max_examples=40, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(machine, settings=settings_of_tests)
