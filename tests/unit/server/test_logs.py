"""Logs as JSON."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from warmgraph.errors import InvalidArgumentError
from warmgraph.server.logs import JsonFormatter, configure_logs

SECRET = "heliotrope"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("warmgraph.test_logs")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_a_failure_says_what_and_where_and_quotes_nobody(written: io.StringIO) -> None:
    """The type of the error and its frames, without its message or what was formatted into the line."""
    try:
        raise ValueError(f"cannot store {SECRET}")
    except ValueError as error:
        logging.getLogger("warmgraph.test_logs").warning(
            "memory: %s failed with %s after %d rows: %r", "recall", error, 3, SECRET + " and more", exc_info=True
        )
    line = json.loads(written.getvalue())
    assert "memory: recall failed with ValueError after 3 rows: …" == line["message"]
    assert ("warning", "warmgraph.test_logs", "ValueError") == (line["level"], line["logger"], line["error"])
    assert "test_logs.py" in line["where"][-1]
    assert SECRET not in written.getvalue()


def test_lines_that_cannot_be_formatted_are_written_all_the_same() -> None:
    """A format that wants a number of a text stays as it is."""
    record = logging.makeLogRecord({"msg": "%d memories", "args": (f"{SECRET} {SECRET}",)})
    assert "%d memories" == json.loads(JsonFormatter().format(record))["message"]


def test_receipts_are_logged_without_keys_or_users() -> None:
    """With `WARMGRAPH_LOG=json` each turn leaves lines of figures, and a failing memory its type."""
    program = f"""
from warmgraph import MemoryContext, WarmStore, create_memory_agent
from warmgraph.server.logs import configure_logs
configure_logs()
configure_logs()
with WarmStore.open(":memory:") as store:
    agent = create_memory_agent("offline", store=store)
    for text in ("My safe opens with {SECRET}.", "What opens my safe?"):
        agent.invoke({{"messages": text}}, context=MemoryContext("ana-with-a-name"))
    store.close()
    agent.invoke({{"messages": "{SECRET}?"}}, context=MemoryContext("ana-with-a-name"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"WARMGRAPH_LOG": "json"}
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    messages = [line["message"] for line in lines]
    assert 3 == messages.count("memory_recall")
    assert 2 == messages.count("memory_remember")
    assert {"StoreClosedError"} == {line["error"] for line in lines if "error" in line}
    assert {"hit", "tier", "count", "tokens", "milliseconds"} <= set(lines[messages.index("memory_recall")])
    assert SECRET not in done.stderr
    assert "ana-with-a-name" not in done.stderr


def test_an_unknown_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than logging nothing of what was asked for."""
    monkeypatch.setenv("WARMGRAPH_LOG", "xml")
    with pytest.raises(InvalidArgumentError, match="WARMGRAPH_LOG"):
        configure_logs()
