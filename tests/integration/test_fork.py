"""A process that was forked off a program with an open store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import os, sys
from warmgraph import StoreUnavailableError, WarmStore

path = sys.argv[1]
store = WarmStore.open(path)
store.put(("memories", "ana"), "1", {"content": "before"})
child = os.fork()
if not child:
    try:
        store.put(("memories", "ana"), "2", {"content": "lost?"})
    except StoreUnavailableError:
        with WarmStore.open(path) as own:
            own.put(("memories", "ana"), "2", {"content": "from the child"})
        os._exit(7)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
store.put(("memories", "ana"), "3", {"content": "after"})
print(sorted(item.key for item in store.search(("memories", "ana"))))
store.close()
"""


@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="this system cannot fork")
def test_a_forked_process_is_told_to_open_the_store_anew(tmp_path: Path) -> None:
    """A write there is a typed error and no endless wait; with a store of its own, both processes go on."""
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM, str(tmp_path / "memory.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ["7", "['1', '2', '3']"] == done.stdout.splitlines(), done.stderr
