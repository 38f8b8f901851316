"""What is known of a job, and what an executor counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from typing_extensions import TypedDict

__all__ = ["JobEvent", "JobListener", "JobState", "ReflectionJob", "ReflectionStats"]

JobState: TypeAlias = Literal["scheduled", "running", "applying", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectionJob:
    """A job that is not done.

    Attributes:
        id: Its number in the queue.
        key: What it goes by across restarts, also in its config: `config["configurable"]["reflection_job"]`. Keys
            derived from it are the same whenever the job is run again.
        namespace: Whose memory it is about.
        thread_id: The conversation; `None` for a job that stands for itself.
        state: "scheduled"; "running"; "applying" when it is done and only its writes are still to be applied to the
            store; "dead" when it failed for the last time.
        due: When it may start.
        created: When the first of its submits came.
        submits: How many submits it stands for.
        attempts: How often it was started.
        error: What happened the last time, if it failed.
    """

    id: int
    key: str
    namespace: tuple[str, ...]
    thread_id: str | None
    state: JobState
    due: datetime
    created: datetime
    submits: int
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectionStats:
    """What an executor has done since it was made.

    Attributes:
        submitted: Submits that were accepted.
        coalesced: Those among them that joined a job that was scheduled already.
        started: Runs of a reflector.
        succeeded: Jobs that are done.
        retried: Runs that failed and are to be repeated.
        dead: Jobs that failed for the last time.
        cancelled: Jobs that were given up before they ran.
        recovered: Jobs found running by a process that had died.
    """

    submitted: int = 0
    coalesced: int = 0
    started: int = 0
    succeeded: int = 0
    retried: int = 0
    dead: int = 0
    cancelled: int = 0
    recovered: int = 0


class JobEvent(TypedDict):
    """What happened to a job."""

    type: Literal["submitted", "coalesced", "started", "succeeded", "retried", "dead", "cancelled"]
    job: int
    namespace: tuple[str, ...]
    thread_id: str | None
    attempts: int
    error: str | None


JobListener: TypeAlias = Callable[[JobEvent], object]
