"""Work after the answer: jobs in the background, that survive the process."""

from __future__ import annotations

from warmgraph.reflection.executor import ReflectionExecutor
from warmgraph.reflection.jobs import JobEvent, ReflectionJob, ReflectionStats
from warmgraph.reflection.local import LocalReflectionExecutor
from warmgraph.reflection.remote import RemoteReflectionExecutor

__all__ = [
    "JobEvent",
    "LocalReflectionExecutor",
    "ReflectionExecutor",
    "ReflectionJob",
    "ReflectionStats",
    "RemoteReflectionExecutor",
]
