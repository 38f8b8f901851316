"""Figures and logs of a real `langgraph dev`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dev_server import DevServer

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

SECRET, USER, KEY = "heliotrope", "ana-with-a-name", "ana-key-0123456789"


def figures(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line.startswith("warmgraph_")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_figures_and_logs_of_a_deployment_hold_no_word_of_anybody(tmp_path: Path) -> None:
    """Runs are counted beside the figures of the server itself; who reads them has the token."""
    environment = {
        "WARMGRAPH_API_KEYS": f"{USER}={KEY}",
        "WARMGRAPH_METRICS_TOKEN": "the token of the scraper",
        "WARMGRAPH_LOG": "json",
    }
    with DevServer(tmp_path / "project", environment=environment) as server:
        with server.client({"x-api-key": KEY}) as client:
            for text in (f"My safe opens with the word {SECRET}.", "Which word opens my safe?"):
                said: Any = {"messages": [{"role": "user", "content": text}]}
                assert "messages" in client.runs.wait(None, "memory_agent", input=said)
        with httpx.Client(base_url=server.url, timeout=60) as http:
            refused = http.get("/metrics")
            told = http.get("/metrics", headers={"authorization": "Bearer the token of the scraper"})
            assert [401, 200] == [refused.status_code, told.status_code]
            assert 404 == http.post("/internal/truncate", json={"threads": True}).status_code
            assert 200 == http.get("/ok").status_code
            assert 200 == http.get("/inspector").status_code
    found = figures(told.text)
    assert 2 == found['warmgraph_recalls_total{outcome="hit"}'] + found['warmgraph_recalls_total{outcome="miss"}']
    assert 4 == found["warmgraph_items"]
    assert 2 == found["warmgraph_reflections_scheduled_total"]
    assert found["warmgraph_reflection_queue_depth"] >= 1
    assert "lg_api" in told.text
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith('{"at"')]
    assert 2 == [line["message"] for line in lines].count("memory_recall")
    for private in (SECRET, USER):
        assert private not in told.text
        assert private not in json.dumps(lines)
    assert "BlockingError" not in server.log
