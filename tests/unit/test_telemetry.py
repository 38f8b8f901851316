"""Spans: what memory did, never what it holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from warmgraph import MemoryContext, WarmStore, create_memory_agent
from warmgraph.telemetry import span

otel = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed")

SECRET, USER = "heliotrope", "ana-with-a-name"


@pytest.fixture(scope="module")
def exporter() -> Any:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter: Any) -> Iterator[Any]:
    exporter.clear()
    yield lambda: {found.name: found for found in exporter.get_finished_spans()}
    exporter.clear()


def test_a_turn_is_seen_in_spans(spans: Any) -> None:
    """Recall, fallback, remember and the write below it, with figures, and no word of anybody."""
    with WarmStore.open(":memory:") as store:
        agent = create_memory_agent("offline", store=store)
        for text in (f"My safe opens with the word {SECRET}.", "Which word opens my safe?"):
            agent.invoke({"messages": text}, context=MemoryContext(USER))
    found = spans()
    assert {"warmgraph.recall", "warmgraph.vector_fallback", "warmgraph.remember", "warmgraph.long_term_write"} <= set(
        found
    )
    assert {"warmgraph.tier": "warm", "warmgraph.items": 2}.items() <= dict(
        found["warmgraph.recall"].attributes
    ).items()
    assert found["warmgraph.remember"].context.span_id == found["warmgraph.long_term_write"].parent.span_id
    told = "".join(each.to_json() for each in found.values())
    assert SECRET not in told
    assert USER not in told


def test_an_error_is_told_by_its_type(spans: Any) -> None:
    """Its message may quote anybody."""
    with pytest.raises(ValueError, match=SECRET), span("failing"):
        raise ValueError(SECRET)
    failed = spans()["warmgraph.failing"]
    assert "ValueError" == failed.attributes["warmgraph.error"]
    assert not failed.status.is_ok
    assert SECRET not in failed.to_json()


def test_who_does_not_use_opentelemetry_does_not_load_it() -> None:
    """A program without it pays for no import."""
    program = (
        "import sys\n"
        "from warmgraph.telemetry import span\n"
        "with span('recall', items=1) as recorded:\n"
        "    assert not recorded.recording\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_a_provider_no_span_is_begun() -> None:
    """LangSmith imports OpenTelemetry wherever it is installed: that alone must not cost a turn anything."""
    program = (
        "import opentelemetry.sdk.trace\n"
        "from opentelemetry import trace\n"
        "from warmgraph.telemetry import span\n"
        "unheard = span('recall')\n"
        "assert unheard is span('remember', items=1)\n"
        "trace.set_tracer_provider(opentelemetry.sdk.trace.TracerProvider())\n"
        "with span('recall') as recorded:\n"
        "    assert recorded.recording\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
