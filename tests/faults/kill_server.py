"""Forks a process for each job, which does with a store what it is told until somebody kills it.

Starting Python and importing everything takes a second; forking a process that has done so takes milliseconds, and two
hundred kills fit into a minute. Reads one JSON job a line: a file, a kind of store, and commands; prints "ready" when
it waits for one, the number of the process, "done" for each command when it is acknowledged, and "ended".
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import tests.store_worker as worker
from warmgraph.store.sqlite import migrations


def say(what: object) -> None:
    """Print a line at once and as a whole."""
    os.write(1, (json.dumps(what) + "\n").encode())


def die(*_: object) -> None:
    """End as if the power were cut for this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def serve(path: str, kind: str, commands: list[list[Any]]) -> None:
    """Do the commands."""
    if kind == "dies in a migration":
        step = migrations.MIGRATIONS[1]
        migrations.MIGRATIONS = {1: lambda connection: die(step(connection))}
        kind = "routed"
    if kind == "dies in a compaction":
        with worker.MAKERS["routed"](path) as store:
            steps = commands[0][0]
            store._database.maintain(lambda connection: connection.set_progress_handler(die, steps)).result()
            store.compact()
        say("done")
        return
    if kind == "reembed":
        with worker.MAKERS["routed with other vectors"](path) as store:
            store.reembed(batch=1, progress=lambda count: say("done"))
        return
    with worker.MAKERS[kind](path) as store:
        for command in commands:
            worker.do(store, *command)
            say("done")


def main() -> None:
    """Serve until the input ends."""
    say("ready")
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if not child:
            say(os.getpid())
            serve(job["path"], job["kind"], job["commands"])
            os._exit(0)
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main()
