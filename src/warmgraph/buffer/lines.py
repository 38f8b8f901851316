"""A journal of lines of JSON, which a person can read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from warmgraph.buffer.record import InteractionRecord
from warmgraph.errors import StoreCorruptError, StoreUnavailableError

__all__ = ["LineJournal"]

# The file is written anew when it holds that many lines, and more than twice as many as there are records.
MANY_LINES = 1_000


class LineJournal:
    """One line for each write: `{"add": [...], "drop": [...], "next": id}`.

    A line that was not written to its end does not count, and is cut off when the file is opened. From time to time
    the file is written anew beside itself, and put in its place at once.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file: IO[bytes] = path.open("ab")
        except OSError as error:
            raise StoreUnavailableError(f"{path}: {error}") from error
        self._lines = 0
        self._records: dict[int, str] = {}
        self._next_id = 1
        try:
            self._replay()
        except BaseException:
            self._file.close()
            raise

    def load(self) -> tuple[list[InteractionRecord], int]:
        """Return the records in the order of their ids, and the next id."""
        return [InteractionRecord.from_json(json.loads(line)) for line in self._records.values()], self._next_id

    def append(self, records: Sequence[InteractionRecord], dropped: Sequence[int]) -> None:
        """Write one line; it is on disk when this returns."""
        added = {record.interaction_id: record.to_json() for record in records}
        next_id = max([self._next_id, *(each + 1 for each in added)])
        end = self._file.tell()
        try:
            self._file.write(_line(list(added.values()), dropped, next_id))
            _sync(self._file)
        except (OSError, ValueError) as error:
            self._take_back(end)
            raise StoreUnavailableError(f"{self._path}: {error}") from error
        self._next_id = next_id
        self._records.update(added)
        for interaction_id in dropped:
            self._records.pop(interaction_id, None)
        self._lines += 1
        if self._lines > max(MANY_LINES, 2 * len(self._records)):
            self._write_anew()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _replay(self) -> None:
        raw = self._path.read_bytes()
        whole = raw.rfind(b"\n") + 1
        for number, line in enumerate(raw[:whole].splitlines(), start=1):
            try:
                entry: dict[str, Any] = json.loads(line)
                added = {int(record["interaction_id"]): record for record in entry["add"]}
                for record in added.values():
                    InteractionRecord.from_json(record)
                dropped, self._next_id = list(entry["drop"]), int(entry["next"])
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise StoreCorruptError(f"{self._path}: line {number} is not a line of a WarmBuffer") from error
            self._records.update({each: json.dumps(record) for each, record in added.items()})
            for interaction_id in dropped:
                self._records.pop(interaction_id, None)
            self._lines = number
        if whole < len(raw):
            self._take_back(whole)

    def _take_back(self, end: int) -> None:
        """Cut off what was not written to its end."""
        try:
            self._file.truncate(end)
        except (OSError, ValueError):
            self._file.close()  # a line after half a line would make nonsense of both

    def _write_anew(self) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            file = beside.open("wb")
        except OSError:
            return  # nothing is lost by a file that is longer than it would have to be
        try:
            file.write(_line(list(self._records.values()), [], self._next_id))
            _sync(file)
            os.replace(beside, self._path)
        except OSError:
            file.close()
            return
        self._file.close()
        self._file, self._lines = file, 1


def _line(records: Sequence[str], dropped: Sequence[int], next_id: int) -> bytes:
    ids = ", ".join(map(str, dropped))
    return f'{{"add": [{", ".join(records)}], "drop": [{ids}], "next": {next_id}}}\n'.encode("ascii")


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
