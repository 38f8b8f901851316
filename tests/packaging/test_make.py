"""What the Makefile does before it starts something."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_server_help(tmp_path: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    """Run `make run` up to where the server would start, which prints its help instead."""
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    ready = f"--old-file={sys.prefix}/.warmgraph-setup"
    options = [f"VENV={sys.prefix}", f"WARMGRAPH_DB={tmp_path}/memory.db", "RUN_FLAGS=--help"]
    return subprocess.run(
        ["make", "run", ready, *options, *settings], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """`make run` ends with what to do, and does not serve somewhere else."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_server_help(tmp_path, f"PORT={port}")

    assert 0 != done.returncode
    assert f"Port {port} of 127.0.0.1 is taken, perhaps by another `make run`. Choose another: make run PORT=2024" in (
        done.stderr
    )
    assert "Usage" not in done.stdout


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("PORT=http", "PORT: expected a number up to 65535, got 'http'"),
        ("PORT=70000", "PORT: expected a number up to 65535, got '70000'"),
        ("HOST=192.0.2.1", "of 192.0.2.1 cannot be used: Cannot assign requested address"),
    ],
)
def test_an_address_that_cannot_be_served_is_told(tmp_path: Path, setting: str, told: str) -> None:
    """Neither is another one served in its place."""
    done = run_server_help(tmp_path, setting)

    assert 0 != done.returncode
    assert told in done.stderr
    assert "Usage" not in done.stdout


def test_a_free_port_is_served(tmp_path: Path) -> None:
    """The check leaves the port free for the server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    done = run_server_help(tmp_path, f"PORT={port}")

    assert 0 == done.returncode, done.stderr
    assert "Usage: langgraph dev" in done.stdout
