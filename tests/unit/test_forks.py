"""Forks: who is told, in which order, and what a failure costs."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

PROGRAM = """
import os, sys
from warmgraph.forks import ForkAware, watch_forks

told = []

class Watcher(ForkAware):
    def __init__(self, name):
        self.name = name
        watch_forks(self)
    def before_fork(self):
        told.append(("before", self.name))
        if self.name == "broken":
            raise LookupError("cannot rest")
    def after_fork_in_parent(self):
        told.append(("parent", self.name))
    def after_fork_in_child(self):
        told.append(("child", self.name))

class Indifferent(ForkAware):
    pass

first, broken, gone, last, quiet = Watcher("first"), Watcher("broken"), Watcher("gone"), Watcher("last"), Indifferent()
watch_forks(quiet)
del gone
child = os.fork()
names = ["first", "broken", "last"]
expected = [("before", name) for name in names] + [("parent" if child else "child", name) for name in names]
assert told == expected, told
told.clear()
if not child:
    grandchild = os.fork()
    assert len(told) == 6, told
    if grandchild:
        assert os.waitpid(grandchild, 0)[1] == 0
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("well")
"""


def test_watchers_are_told_in_the_order_of_their_making() -> None:
    """Before, and after in either process; one that fails is logged, and the others are told all the same."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (0, "well\n") == (done.returncode, done.stdout)
    assert "cannot rest" in done.stderr


PAUSES = """
import os, threading
from warmgraph.forks import pause, undisturbed_by_forks

begun, stop = threading.Event(), threading.Event()

def work():
    with undisturbed_by_forks(), undisturbed_by_forks():
        begun.set()
        while not stop.is_set():
            pause(0.001)

thread = threading.Thread(target=work)
thread.start()
begun.wait(10)
child = os.fork()
if not child:
    os._exit(0)
assert thread.is_alive()  # the fork came in a pause, not after the work
assert os.waitpid(child, 0)[1] == 0
stop.set()
thread.join(10)
assert not thread.is_alive()
print("well")
"""


def test_what_is_undisturbed_lets_others_fork_in_its_pauses() -> None:
    """A refit takes minutes: whoever forks waits for one of its steps, and not for all of it."""
    command = [sys.executable, "-W", "ignore", "-c", PAUSES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (0, "well\n") == (done.returncode, done.stdout), done.stderr


def test_what_is_kept_for_ever_is_never_freed() -> None:
    """An object that may not be freed outlives its last reference."""
    import weakref

    from warmgraph.forks import keep_for_ever

    class Connection:
        """Something that must not be closed."""

    kept, freed = Connection(), Connection()
    references = weakref.ref(kept), weakref.ref(freed)
    keep_for_ever(kept)
    del kept, freed
    gc.collect()
    assert [True, False] == [reference() is not None for reference in references]
