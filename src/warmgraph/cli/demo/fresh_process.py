"""Ask questions from a process that has never seen the conversation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from warmgraph.cli.failures import CommandError

__all__ = ["ask_in_a_fresh_process"]


def ask_in_a_fresh_process(job: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Start a Python of the same kind, hand it a job, and yield its messages as they come.

    Args:
        job: As `warmgraph.cli.demo.asking.answers` takes it.

    Raises:
        CommandError: It failed; the message says why.
    """
    command = [sys.executable, "-m", "warmgraph.cli.demo.asking"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            json.dump(job, child.stdin)
            child.stdin.close()
            for line in child.stdout:
                message = json.loads(line)
                if message["type"] == "failed":
                    raise CommandError(f"asking failed: {message['why']}")
                yield message
        except BaseException:
            child.terminate()
            raise
    if child.returncode:
        raise CommandError(f"the process that asks ended with code {child.returncode}")
