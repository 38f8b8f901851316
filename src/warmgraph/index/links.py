"""Who comes before and after whom in a thread."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left

__all__ = ["ThreadLinks"]


class ThreadLinks:
    """Documents of one thread in the order of their position, as arrays of previous and next ones.

    Documents are numbers from 1 on. 0 stands for none and is its own neighbour, so that a whole array of documents
    can take several steps without a test. Equal positions: in the order of linking. A place is found by bisection,
    the end of a thread at once.

    Attributes:
        next: By document, int64: the one after it; 0 at the end of a thread, or outside of any.
        previous: By document, int64: the one before it.
        joints: Number of neighbouring pairs; 0 means that there is no context at all.
    """

    def __init__(self) -> None:
        self.next: array[int] = array("q", [0])
        self.previous: array[int] = array("q", [0])
        self.joints: int = 0
        self._position = array("d", [0.0])
        self._serial = array("q", [0])
        self._thread: list[_Thread | None] = [None]
        self._threads: dict[str, _Thread] = {}
        self._last_serial = 0
        self._name_bytes = 0

    def reserve(self, documents: int) -> None:
        """Make room for documents below `documents`."""
        missing = documents - len(self.next)
        if missing > 0:
            for numbers in (self.next, self.previous, self._serial, self._position):
                numbers.frombytes(bytes(missing * numbers.itemsize))
            self._thread.extend([None] * missing)

    def is_linked(self, document: int, thread: str | None, position: float) -> bool:
        """Return whether the document has this place already; without a thread every position is the same."""
        of = self._thread[document]
        if of is None or thread is None:
            return of is None and thread is None
        return of.name == thread and self._position[document] == position

    def link(self, document: int, thread: str, position: float) -> None:
        """Put a document that is in no thread into one."""
        self._last_serial += 1
        self._serial[document] = self._last_serial
        self._position[document] = position
        of = self._threads.get(thread)
        if of is None:
            of = self._threads[thread] = _Thread(thread)
            self._name_bytes += sys.getsizeof(thread)
        members = of.members
        place = len(members)
        if members and self._key(members[-1]) > self._key(document):
            place = bisect_left(members, self._key(document), key=self._key)
        before = members[place - 1] if place else 0
        after = members[place] if place < len(members) else 0
        members.insert(place, document)
        self._thread[document] = of
        self.joints += 1 if len(members) > 1 else 0
        self._join(before, document)
        self._join(document, after)

    def unlink(self, document: int) -> None:
        """Take a document out of its thread, if it is in one."""
        of = self._thread[document]
        if of is None:
            return
        members = of.members
        place = len(members) - 1
        if members[place] != document:
            place = bisect_left(members, self._key(document), key=self._key)
        del members[place]
        if not members:
            del self._threads[of.name]
            self._name_bytes -= sys.getsizeof(of.name)
        self.joints -= 1 if members else 0
        self._thread[document] = None
        self._join(self.previous[document], self.next[document])
        self.next[document] = self.previous[document] = 0

    def nearest(self, document: int, before: int, after: int) -> list[int]:
        """Return up to `before` documents before this one and up to `after` after it, without itself."""
        found = []
        for neighbour, steps in ((self.previous, before), (self.next, after)):
            step = document
            for _ in range(steps):
                step = neighbour[step]
                if not step:
                    break
                found.append(step)
        return found

    def ram_bytes(self) -> int:
        """Return the memory taken."""
        parts = (self.next, self.previous, self._position, self._serial, self._thread, self._threads)
        # Members lie in arrays that grow by an eighth; their number is that of the pairs, and one more a thread.
        members = (self.joints + len(self._threads)) * array("I").itemsize * 9 // 8
        return sum(map(sys.getsizeof, parts)) + len(self._threads) * _THREAD_BYTES + self._name_bytes + members

    def _key(self, document: int) -> tuple[float, int]:
        return self._position[document], self._serial[document]

    def _join(self, before: int, after: int) -> None:
        if before:
            self.next[before] = after
        if after:
            self.previous[after] = before

    def check(self) -> None:
        """Assert all invariants."""
        linked = {document: of for document, of in enumerate(self._thread) if of is not None}
        assert 0 not in linked
        assert self.next[0] == self.previous[0] == 0
        assert len(linked) == sum(len(of.members) for of in self._threads.values())
        assert self.joints == sum(len(of.members) - 1 for of in self._threads.values())
        assert self._name_bytes == sum(map(sys.getsizeof, self._threads))
        for name, of in self._threads.items():
            members = of.members.tolist()
            assert of.name == name
            assert members
            assert members == sorted(members, key=self._key)
            assert all(linked[document] is of for document in members)
            assert [self.previous[document] for document in members] == [0, *members[:-1]]
            assert [self.next[document] for document in members] == [*members[1:], 0]
        for document in set(range(len(self.next))) - set(linked):
            assert self.next[document] == self.previous[document] == 0


class _Thread:
    """A thread's name, held once, and its documents in order."""

    __slots__ = ("members", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.members = array("I")


_THREAD_BYTES = sys.getsizeof(_Thread("")) + sys.getsizeof(array("I"))
