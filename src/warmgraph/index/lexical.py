"""The index of words: BM25F with the context of neighbours in a thread."""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from warmgraph.errors import InvalidArgumentError
from warmgraph.index.base import MAX_SLOT, FloatArray, IndexStats
from warmgraph.index.bm25f import FEW, NEXT_WEIGHTS, PREVIOUS_WEIGHTS, few_gains, term_gains
from warmgraph.index.links import ThreadLinks
from warmgraph.index.postings import PairLists
from warmgraph.index.traits import NO_TRAITS, Traits

__all__ = ["LexicalDocument", "LexicalIndex"]

_MAX_COUNT = 2**16 - 1

BACKGROUND = 100
"""Documents of elsewhere, with none of the words, that are counted besides an index's own when a query is weighed. Of
three documents that all say "live" one cannot tell that the word is common: without them it would weigh next to
nothing, and "In which city do I live?" would find none of the three. On LoCoMo, .705 -> .709 in recall@5."""


@dataclass(frozen=True, slots=True)
class LexicalDocument:
    """The words of one item.

    Attributes:
        terms: The item's own terms with their counts. Counts above 65,535 are taken as 65,535.
        extra: Further terms, such as those of its author and date. They count as much as its own, but do not
            spread to its neighbours.
        thread: What it is a part of, such as a conversation; its neighbours there are its context.
        position: Its place in the thread; equal positions stay in the order of their insertion, and those without a
            position come last.
        traits: What else is known of the item. Words are ranked without it.
    """

    terms: Mapping[str, int]
    extra: Mapping[str, int] = field(default_factory=dict)
    thread: str | None = None
    position: float | None = None
    traits: Traits = NO_TRAITS


class LexicalIndex:
    """Ranks items by their words and by the words of what was said just before and after them in the same thread.

    The ranking is BM25F (Robertson, Zaragoza and Taylor 2004): a term's frequency in an item is the weighted sum of
    its counts in the item itself and in its neighbours. Only the item's own terms are indexed. The context is spread
    along the links of the thread when a question is asked, so that writing touches one item, in a time that depends
    on its number of terms only. Scores are shares of the best score that the query could get.

    Items are addressed by slots, as in a `VectorIndex`. Not thread-safe by itself: whoever owns it takes a lock.

    Example:
        >>> index = LexicalIndex()
        >>> index.upsert(0, LexicalDocument({"new": 1, "dog": 1}, {"ann": 1}, thread="t", position=1))
        >>> index.upsert(1, LexicalDocument({"name": 1, "toby": 1}, {"bob": 1}, thread="t", position=2))
        >>> index.upsert(2, LexicalDocument({"pasta": 1}, {"ann": 1}, thread="t2", position=1))
        >>> index.scores(["dog", "name"], size=3).tolist()
        [0.3433..., 0.3764..., 0.0]
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        # Documents are numbered slot + 1: 0 is the neighbour of those that have none, and takes what is spread there.
        # A term has two lists of postings (document, count), one of own terms and one of extra terms; a document has
        # one list of those lists, in ascending order, with its place in each.
        self._postings = PairLists("H")
        self._places = PairLists("I")
        self._links = ThreadLinks()
        self._term_ids: dict[str, int] = {}
        self._terms: list[str] = []
        self._free_ids: list[int] = []
        self._document_counts = array("I")  # by term: documents that have it, among own or extra terms
        self._held = bytearray()
        self._own_lengths = array("d")
        self._extra_lengths = array("d")
        self._lengths = array("d")  # own and extra terms, and the weighted context
        self._total_length = 0.0
        self._items = 0
        self._weighed: tuple[list[str], tuple[list[tuple[int, float]], float, int]] | None = None
        self._term_bytes = 0
        self._reserve(1)

    def upsert(self, slot: int, document: LexicalDocument) -> None:
        """Index a document, in place of the one that the slot had.

        A document that keeps its thread and position keeps its place among equal positions.

        Args:
            slot: A small int >= 0; memory grows with the highest one.
            document: The words.

        Raises:
            InvalidArgumentError: The slot, a term, a count or the position is not what it has to be. Nothing was
                changed.
        """
        if not isinstance(slot, int | np.integer) or not 0 <= slot <= MAX_SLOT:
            raise InvalidArgumentError("slot", expected=f"an int from 0 to {MAX_SLOT}", got=slot)
        number = int(slot) + 1
        own, extra = _checked_counts(document.terms, "terms"), _checked_counts(document.extra, "extra")
        thread, position = document.thread, _checked_position(document.position)
        self._weighed = None
        self._reserve(number + 1)
        changed = {number}
        stays = False
        if self._held[number]:
            self._withdraw_terms(number)
            stays = self._links.is_linked(number, thread, position)
            if not stays:
                changed.update(self._in_context_of(number))
                self._links.unlink(number)
        else:
            self._held[number] = 1
            self._items += 1
        self._index_terms(number, own, extra)
        if thread is not None and not stays:
            self._links.link(number, thread, position)
        changed.update(self._in_context_of(number))
        self._measure(changed)

    def remove(self, slot: int) -> None:
        """Forget the document of a slot; a slot without one is ignored."""
        if slot not in self:
            return
        if self._items == 1:
            self._reset()
            return
        number = int(slot) + 1
        self._weighed = None
        changed = self._in_context_of(number)
        self._withdraw_terms(number)
        self._links.unlink(number)
        self._held[number] = 0
        self._items -= 1
        self._own_lengths[number] = self._extra_lengths[number] = 0.0
        self._measure([number, *changed])

    def scores(self, terms: Sequence[str], size: int) -> FloatArray:
        """Return how well each slot below `size` answers a query.

        Args:
            terms: The terms of the query, from the analyzer that the documents went through; repeated ones count
                as often as they occur.
            size: Length of the answer.

        Returns:
            Array of shape (size,), float32, by slot, in [0, 1]: the share of the best score that the query could
            get; 0 where nothing matches and where there is no document. The caller owns it.
        """
        if isinstance(terms, str):
            raise InvalidArgumentError("terms", expected="a sequence of terms", got=terms)
        if size < 0:
            raise InvalidArgumentError("size", expected="an int >= 0", got=size)
        scores = np.zeros(size, np.float32)
        known, best, _ = self._weigh(terms)
        if known:
            mean_length = self._total_length / self._items
            gains = term_gains(known, self._postings, self._links, self._lengths, mean_length)[1 : size + 1]
            np.divide(gains, best, out=scores[: len(gains)], casting="same_kind")
        return scores

    def few_scores(self, terms: Sequence[str]) -> dict[int, float] | None:
        """Return the scores above 0 by slot, if the terms of a query are rare enough for a loop over their postings.

        They are those of `scores`. `None` if the terms are not that rare.
        """
        known, best, postings = self._weigh(terms)
        if postings > FEW:
            return None
        if not known:
            return {}
        gains = few_gains(known, self._postings, self._links, self._lengths, self._total_length / self._items)
        scores: dict[int, float] = {}
        single = array("f", (0.0,))  # `scores` has no more digits
        for document, gain in gains.items():
            single[0] = gain / best
            scores[document - 1] = single[0]
        return scores

    def idf_mass(self, slot: int) -> float:
        """Return the sum of the idf of a document's own terms, as of now: how much it says that others do not.

        The idf of a term is ln(1 + (n - d + .5) / (d + .5)), where n is the number of documents and d that of the
        *other* documents that have the term among their own terms. 0 for a slot without a document.
        """
        if slot not in self:
            return 0.0
        start, stop = self._places.span(int(slot) + 1)
        lists = [number for number in self._places.keys[start:stop] if not number & 1]
        return sum(self._idf(self._postings.counts[number] - 1) for number in lists)

    @property
    def neighbours(self) -> tuple[array[int], array[int]]:
        """Who comes before and after whom: by slot + 1, the neighbour's slot + 1, and 0 for none. Read only."""
        return self._links.previous, self._links.next

    def __len__(self) -> int:
        return self._items

    def __contains__(self, slot: object) -> bool:
        return isinstance(slot, int | np.integer) and bool(
            0 <= slot < len(self._held) - 1 and self._held[int(slot) + 1]
        )

    def stats(self) -> IndexStats:
        """Return the size of the index; the memory is counted with the strings of its vocabulary."""
        parts = (self._postings, self._places, self._links)
        objects = (
            self._term_ids, self._terms, self._free_ids, self._document_counts, self._held, self._own_lengths,
            self._extra_lengths, self._lengths,
        )  # fmt: skip
        numbers = 32 * (len(self._terms) + len(self._free_ids))  # the int objects of the vocabulary
        ram_bytes = sum(part.ram_bytes() for part in parts) + sum(map(sys.getsizeof, objects)) + numbers
        return IndexStats(items=self._items, vectors=0, ram_bytes=ram_bytes + self._term_bytes, disk_bytes=0)

    def _idf(self, documents: int) -> float:
        return math.log1p((self._items - documents + 0.5) / (documents + 0.5))

    def _weigh(self, terms: Sequence[str]) -> tuple[list[tuple[int, float]], float, int]:
        """Return known terms with their weights, the score of a document that could not be better, and their postings.

        A weight is as `_idf` has it, with the documents of elsewhere. Known until something changes: `few_scores`,
        which often has no answer, asks first.
        """
        if self._weighed is None or self._weighed[0] != terms:
            self._weighed = list(terms), self._weights_of(terms)
        return self._weighed[1]

    def _weights_of(self, terms: Sequence[str]) -> tuple[list[tuple[int, float]], float, int]:
        counts: dict[str, int] = {}
        for term in terms:  # a Counter would take twice as long
            counts[term] = counts.get(term, 0) + 1
        term_ids, documents_with, sizes = self._term_ids, self._document_counts, self._postings.counts
        items = self._items + BACKGROUND + 0.5
        known: list[tuple[int, float]] = []
        best, postings = 0.0, 0
        for term, times in counts.items():
            term_id = term_ids.get(term)
            if term_id is None:
                best += times * math.log1p(items / 0.5)
                continue
            documents = documents_with[term_id]
            weight = times * math.log1p((items - documents) / (documents + 0.5))
            best += weight
            postings += sizes[2 * term_id] + sizes[2 * term_id + 1]
            known.append((term_id, weight))
        return known, best, postings

    def _index_terms(self, number: int, own: dict[str, int], extra: dict[str, int]) -> None:
        entries = [(2 * self._id_of(term), count) for term, count in own.items()]
        entries += [(2 * self._id_of(term) + 1, count) for term, count in extra.items()]
        entries.sort()
        append = self._postings.append
        self._places.replace(
            number, [key for key, _ in entries], [append(key, number, count) for key, count in entries]
        )
        for term_id in {key >> 1 for key, _ in entries}:
            self._document_counts[term_id] += 1
        self._own_lengths[number] = sum(own.values())
        self._extra_lengths[number] = sum(extra.values())

    def _withdraw_terms(self, number: int) -> None:
        places, postings = self._places, self._postings
        start, stop = places.span(number)
        entries = list(zip(places.keys[start:stop], places.values[start:stop], strict=True))
        for key, place in entries:
            moved = postings.take_out(key, place)
            if moved is not None:
                places.values[bisect_left(places.keys, key, *places.span(moved))] = place
        for term_id in {key >> 1 for key, _ in entries}:
            self._document_counts[term_id] -= 1
            if not self._document_counts[term_id]:
                self._forget_term(term_id)
        places.replace(number, (), ())

    def _id_of(self, term: str) -> int:
        term_id = self._term_ids.get(term)
        if term_id is None:
            if self._free_ids:
                term_id = self._free_ids.pop()
                self._terms[term_id] = term
            else:
                term_id = len(self._terms)
                self._terms.append(term)
                self._document_counts.append(0)
                self._postings.reserve(2 * term_id + 2)
            self._term_ids[term] = term_id
            self._term_bytes += sys.getsizeof(term)
        return term_id

    def _forget_term(self, term_id: int) -> None:
        term = self._terms[term_id]
        self._terms[term_id] = ""
        self._free_ids.append(term_id)
        del self._term_ids[term]
        self._term_bytes -= sys.getsizeof(term)

    def _in_context_of(self, number: int) -> list[int]:
        """Return the documents whose context this one is part of."""
        return self._links.nearest(number, before=len(NEXT_WEIGHTS), after=len(PREVIOUS_WEIGHTS))

    def _measure(self, numbers: Iterable[int]) -> None:
        """Bring the lengths of documents up to date."""
        for number in numbers:
            length = self._own_lengths[number] + self._extra_lengths[number]
            for neighbour, weights in ((self._links.previous, PREVIOUS_WEIGHTS), (self._links.next, NEXT_WEIGHTS)):
                step = number
                for weight in weights:
                    step = neighbour[step]
                    length += weight * self._own_lengths[step]
            self._total_length += length - self._lengths[number]
            self._lengths[number] = length

    def _reserve(self, documents: int) -> None:
        missing = documents - len(self._held)
        if missing > 0:
            self._held.extend(bytes(missing))
            for numbers in (self._own_lengths, self._extra_lengths, self._lengths):
                numbers.frombytes(bytes(missing * numbers.itemsize))
            self._places.reserve(documents)
            self._links.reserve(documents)

    def _check(self) -> None:
        """Assert all invariants; for tests."""
        for part in (self._postings, self._places, self._links):
            part.check()
        assert sum(self._held) == self._items
        assert not self._held[0]
        assert self._term_ids == {term: i for i, term in enumerate(self._terms) if i not in set(self._free_ids)}
        assert self._term_bytes == sum(map(sys.getsizeof, self._term_ids))
        assert all(self._document_counts[i] for i in self._term_ids.values())
        postings: dict[int, dict[int, int]] = {key: {} for key in range(2 * len(self._terms))}
        document_counts = [0] * len(self._terms)
        for number, held in enumerate(self._held):
            start, stop = self._places.span(number)
            entries = list(zip(self._places.keys[start:stop], self._places.values[start:stop], strict=True))
            totals = [0, 0]
            for key, place in entries:
                assert postings[key].setdefault(place, number) == number
                totals[key & 1] += self._postings.values[self._postings.starts[key] + place]
            for term_id in {key >> 1 for key, _ in entries}:
                document_counts[term_id] += 1
            assert held or not entries
            assert entries == sorted(entries)
            assert totals == [self._own_lengths[number], self._extra_lengths[number]]
        assert document_counts == self._document_counts.tolist()
        for key, places in postings.items():
            assert dict(enumerate(self._postings.keys[slice(*self._postings.span(key))])) == places
        lengths, total_length = self._lengths.tolist(), self._total_length
        self._measure(range(len(lengths)))
        assert lengths == self._lengths.tolist()
        assert math.isclose(total_length, sum(lengths), rel_tol=1e-9, abs_tol=1e-9)


def _checked_counts(counts: Mapping[str, int], argument: str) -> dict[str, int]:
    checked = {}
    for term, count in counts.items():
        if not isinstance(term, str) or not isinstance(count, int) or count < 1:
            raise InvalidArgumentError(argument, expected="terms with counts >= 1", got={term: count})
        checked[term] = min(count, _MAX_COUNT)
    return checked


def _checked_position(position: float | None) -> float:
    if position is None:
        return math.inf
    if not isinstance(position, int | float) or not -math.inf < position < math.inf:
        raise InvalidArgumentError("position", expected="a finite number or None", got=position)
    return float(position)
