"""An executor in a process that forks, as a pre-forking server does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

PROGRAM = """
import os, sys
from langgraph.config import get_store
from warmgraph import ReflectionExecutor, RoutedStore

PLACE = ("memories", "{user_id}")

def reflect(payload):
    get_store().put(("done",), payload["text"], {"content": payload["text"]})
    return os.getpid()

def whose(thread):
    return {"configurable": {"user_id": "ana", "thread_id": thread}}

store = RoutedStore(sys.argv[1])
executor = ReflectionExecutor(reflect, PLACE, store=store, name="forked", pending="drain")
assert os.getpid() == executor.submit({"text": "before"}, whose("0")).result(30)
waiting = executor.submit({"text": "parent"}, whose("1"), after_seconds=3600)
children = []
for n in range(3):
    child = os.fork()
    if not child:
        status = 1
        try:
            for m in range(5):
                assert os.getpid() == executor.submit({"text": f"child {n} {m}"}, whose(f"child {n}")).result(30)
            status = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
assert executor.shutdown(timeout=30)
assert waiting.result(0) == os.getpid()
print(sorted(item.key for item in store.search(("done",), limit=100)) == sorted(
    ["before", "parent", *[f"child {n} {m}" for n in range(3) for m in range(5)]]
))
store.close()
"""


def test_parity_17_an_executor_works_in_forked_children_and_in_their_parent(tmp_path: Path) -> None:
    """All submit to the same file, and each runs its own jobs."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "memory.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (0, "[0, 0, 0]\nTrue\n") == (done.returncode, done.stdout), done.stderr
