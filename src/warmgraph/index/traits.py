"""What is known of each item besides its words and vectors: who said it, in which thread, when, and how much."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from warmgraph.index.base import FloatArray

__all__ = ["NOBODY", "NO_TRAITS", "USUAL_LENGTH", "Known", "Threads", "TraitTable", "Traits"]

USUAL_LENGTH = 4.4
"""The natural logarithm of 1 + 80 characters, a sentence of conversation: longer items say more, shorter ones less."""

NOBODY = -1
"""The number of the author of an item that names none."""


_Row = TypeVar("_Row", bound=np.generic)


class Traits(NamedTuple):
    """What is known of one item.

    Args:
        author: Who said it; `None` when that is not known.
        characters: Length of its text.
        dated: Whether its text speaks of a time.
        said_at: When it was said, or from when on it is true, in seconds since the epoch; `None` when not known.
    """

    author: str | None = None
    characters: int = 0
    dated: bool = False
    said_at: float | None = None


NO_TRAITS = Traits()


class Threads(NamedTuple):
    """Which slots make up a thread.

    Args:
        group: Array of shape (slots,), int64: numbers from 0 that the items of one thread share. An item without a
            thread has one of its own.
        grouped: Array of shape (slots,), int64: all slots, those of a group together.
        starts: Array of shape (groups,), int64: where each group begins in `grouped`.
        lengths: Array of shape (groups,), int64: how many slots it has.
    """

    group: NDArray[np.int64]
    grouped: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]


@dataclass(frozen=True)
class Known:
    """The traits of all items by slot, as read-only arrays.

    Args:
        author: Array of shape (slots,), int32: the number of the author, `NOBODY` for none.
        length: Array of shape (slots,), float32: (ln(1 + characters) - `USUAL_LENGTH`) / 6, 0 without a text.
        dated: Array of shape (slots,), bool: the text speaks of a time.
        said_at: Array of shape (slots,), float64: when it was said, in seconds since the epoch; NaN when not known.
        previous: Array of shape (slots + 1,), int64: the slot before it in its thread, or `slots` for none, whose own
            neighbour is `slots` as well.
        next: The same, after it.
        thread: Array of shape (slots,), int64: the number of its thread, `NOBODY` for none.
    """

    author: NDArray[np.int32]
    length: FloatArray
    dated: NDArray[np.bool_]
    said_at: NDArray[np.float64]
    previous: NDArray[np.int64]
    next: NDArray[np.int64]
    thread: NDArray[np.int64]

    @cached_property
    def threads(self) -> Threads:
        """The slots by thread; sorted when first asked for, which words never do."""
        group = self.thread.copy()
        alone = np.flatnonzero(group == NOBODY)
        group[alone] = group.max(initial=NOBODY) + 1 + np.arange(len(alone))
        grouped = np.argsort(group, kind="stable")
        ordered = group[grouped]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        lengths = np.diff(starts, append=len(ordered))
        group[grouped] = np.repeat(np.arange(len(starts)), lengths)
        return Threads(group, grouped, starts, lengths)


class TraitTable:
    """The traits of all items of a namespace, by slot.

    Names of authors and threads are held once, and numbered.

    Attributes:
        authors: The number of each author.
        author: By slot: the number of its author, `NOBODY` for none.
        length: By slot: (ln(1 + characters of its text) - `USUAL_LENGTH`) / 6, 0 without a text.
        dated: By slot: whether its text speaks of a time.
        said_at: By slot: when it was said, in seconds since the epoch; NaN when not known.

    Example:
        >>> table = TraitTable()
        >>> table.set(0, Traits("Ana", 20), "thread-1")
        >>> table.set(2, Traits(), None)
        >>> table.authors, list(table.author), table.named(["Where", "does", "Ana", "live"])
        ({'Ana': 0}, [0, -1, -1], {'Ana': 0})
    """

    def __init__(self) -> None:
        self.authors: dict[str, int] = {}
        self.author: array[int] = array("i")
        self.length: array[float] = array("f")
        self.dated: bytearray = bytearray()
        self.said_at: array[float] = array("d")
        self._thread = array("i")
        self._threads: dict[str, int] = {}
        self._first_names: dict[str, list[str]] = {}
        self._known: Known | None = None

    def set(self, slot: int, traits: Traits, thread: str | None) -> None:
        """Give a slot its traits, and the thread that its item is a part of."""
        missing = slot + 1 - len(self.author)
        if missing > 0:
            self.author.extend([NOBODY] * missing)
            self._thread.extend([NOBODY] * missing)
            self.length.extend([0.0] * missing)
            self.dated.extend(bytes(missing))
            self.said_at.extend([math.nan] * missing)
        self.author[slot] = NOBODY if traits.author is None else self._author_number(traits.author)
        self._thread[slot] = NOBODY if thread is None else self._threads.setdefault(thread, len(self._threads))
        self.length[slot] = (math.log1p(traits.characters) - USUAL_LENGTH) / 6 if traits.characters else 0.0
        self.dated[slot] = traits.dated
        self.said_at[slot] = math.nan if traits.said_at is None else traits.said_at
        self._known = None

    def forget(self, slot: int) -> None:
        """Forget the traits of a slot; names stay known as long as the table."""
        if slot < len(self.author):
            self.set(slot, NO_TRAITS, None)

    def named(self, words: Collection[str]) -> dict[str, int]:
        """Return the authors that a text names, with their numbers.

        A name counts by its first word, as it is written or capitalized; where several authors share that, those
        whose whole name is there come before the others.

        Args:
            words: The words of the text, as they are written.
        """
        if self._first_names.keys().isdisjoint(words):
            return {}
        found: dict[str, int] = {}
        for spelling in self._first_names.keys() & set(words):
            names = self._first_names[spelling]
            if len(names) > 1:
                names = [name for name in names if set(_name_words(name)) <= set(words)] or names
            found.update((name, self.authors[name]) for name in names)
        return found

    def known(self, size: int, previous: Iterable[int], following: Iterable[int]) -> Known:
        """Return all traits as arrays, made once for as long as nothing is written.

        Args:
            size: Number of slots; it changes only with a write.
            previous: By slot + 1, the number of the item before it in its thread, counted from 1; 0 for none.
            following: The same, after it.
        """
        if self._known is None or len(self._known.author) != size:
            self._known = Known(
                _padded(np.array(self.author, np.int32), size, NOBODY),
                _padded(np.array(self.length, np.float32), size, 0),
                _padded(np.array(self.dated, bool), size, 0),
                _padded(np.array(self.said_at, np.float64), size, math.nan),
                _neighbours(previous, size),
                _neighbours(following, size),
                _padded(np.array(self._thread, np.int64), size, NOBODY),
            )
        return self._known

    def of(self, slot: int) -> tuple[str | None, float, bool, float | None]:
        """Return author, length, whether it speaks of a time, and the time of one slot; for tests."""
        if slot >= len(self.author):
            return None, 0.0, False, None
        names = {number: name for name, number in self.authors.items()}
        said_at = self.said_at[slot]
        return (
            names.get(self.author[slot]),
            round(self.length[slot], 5),
            bool(self.dated[slot]),
            None if math.isnan(said_at) else said_at,
        )

    def ram_bytes(self) -> int:
        """Estimate the bytes held."""
        names = sum(200 + len(name) for names in (self.authors, self._threads) for name in names)
        return (21 + (61 if self._known is not None else 0)) * len(self.author) + names

    def _author_number(self, author: str) -> int:
        number = self.authors.get(author)
        if number is None:
            number = self.authors[author] = len(self.authors)
            for word in _name_words(author)[:1]:
                for spelling in {word, word[:1].upper() + word[1:]}:
                    self._first_names.setdefault(spelling, []).append(author)
        return number


@lru_cache(maxsize=1024)
def _name_words(name: str) -> tuple[str, ...]:
    return tuple(name.split())


def _neighbours(numbers: Iterable[int], size: int) -> NDArray[np.int64]:
    """Return neighbours by slot, from those by slot + 1 that are counted from 1, and that of nobody."""
    found = np.array(numbers, np.int64)[1 : size + 1] - 1
    found[found < 0] = size
    return _padded(found, size + 1, size)


def _padded(values: NDArray[_Row], size: int, fill: float) -> NDArray[_Row]:
    """Return `size` of the values, with `fill` for slots that never had traits."""
    if len(values) >= size:
        return values[:size]
    return np.concatenate([values, np.full(size - len(values), fill, values.dtype)])
