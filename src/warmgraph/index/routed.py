"""The index of vectors to use: exact while that is fastest, then sign codes, then codes in cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from warmgraph.errors import InvalidArgumentError
from warmgraph.index.arena import Arena, Tenant
from warmgraph.index.base import BoolArray, FloatArray, Hits, IntArray, Metric, VectorIndex
from warmgraph.index.coded import CodedVectors
from warmgraph.index.drift import DriftDetector
from warmgraph.index.finding import Outcome, find
from warmgraph.index.flat import FlatIndex
from warmgraph.index.plan import Plan
from warmgraph.index.refit import Refit
from warmgraph.index.routing import Routing
from warmgraph.index.rows import VectorFiles
from warmgraph.index.saved import load, save
from warmgraph.index.signals import RoutedHits, RoutedStats, SearchSignals, gini

__all__ = ["RoutedIndex"]


class RoutedIndex(VectorIndex):
    """Vectors under the cosine, searched in the way that is fastest for their number.

    Up to some thousand all are compared (`FlatIndex`). Beyond, each has a code of sign bits in RAM; all codes are
    compared, and the nearest few hundred vectors exactly. Beyond that codes lie in cells, and only the cells near the
    query are compared: VQ routing, in faiss' terms an IVF index over binary codes. `plan` holds the numbers.

    Writes go to a small exact index first and from there in batches to codes and cells, so they are found at once and
    cost little. An id stands once, always with its newest vector. Writes move centroids, split crowded cells and give
    up idle ones; reads change nothing. What writes cannot mend, `refit` does, beside the searches and writes that go
    on; `refit_due` says when it pays.

    Scores of `search` are exact; which slots it finds is not, once there are codes: at the default plan .99 of the true
    ten. `scores` compares all vectors.

    Args:
        dims: Length of the vectors.
        metric: "cosine"; others are for `FlatIndex`.
        path: Directory of mapped files for the exact vectors, a cache of this index alone: RAM then holds codes and
            places only, about 60 bytes a vector. `None` keeps vectors in RAM.
        plan: How many make which way the fastest, and how much is looked at.
        unnamed: Whether the files in `path` have no names, and end with the process: for an index that is never saved.
        routing: Rotation and cells that the first load takes over instead of making its own.
        defers: Whether what has to be made for all vectors is left to `refit`, so that no write takes long. Until then
            all vectors, or all codes, are compared.
        arena: Where vectors lie beside those of other indexes until there are codes.

    Raises:
        InvalidArgumentError: `dims` is not an int >= 1, or `metric` is not the cosine.

    Example:
        >>> index = RoutedIndex(dims=2)
        >>> index.upsert([0, 5], np.array([[1, 0], [3, 4]], np.float32))
        >>> index.search(np.array([0, 2], np.float32), k=1)
        Hits(slots=array([5]), scores=array([0.8], dtype=float32))
    """

    def __init__(
        self,
        dims: int,
        metric: Metric = "cosine",
        *,
        path: Path | str | None = None,
        plan: Plan | None = None,
        unnamed: bool = False,
        routing: Routing | None = None,
        defers: bool = False,
        arena: Arena | None = None,
    ) -> None:
        super().__init__(dims, metric)
        if metric != "cosine":
            raise InvalidArgumentError("metric", expected="'cosine'; FlatIndex has 'dot' and 'l2'", got=metric)
        self.plan: Plan = Plan() if plan is None else plan
        self.drift: DriftDetector = DriftDetector()
        self._files = VectorFiles(dims, None if path is None else Path(path), unnamed=unnamed)
        self._defers, self._given = defers, routing
        self._recent = FlatIndex(dims, arena=arena)  # the newest writes; all there is, while that is little
        self._coded: CodedVectors | None = None
        self._fitted = 0  # vectors when the cells were made
        self._touched: set[int] | None = None  # slots that a refit under way has to look at again

    # -- reading ---------------------------------------------------------------------------------------------------

    def search(
        self, query: FloatArray, k: int, *, allowed: BoolArray | None = None, score_threshold: float | None = None
    ) -> Hits:
        """Return the best `k` slots, or all if there are fewer; see `VectorIndex.search`.

        With `allowed`, the best of up to half of all slots are found without routing: a small tenant beside a huge one
        finds all of its rows.
        """
        if self._coded is None:
            return self._recent.search(query, k, allowed=allowed, score_threshold=score_threshold)
        hits = self._find(self._coded, query, k, allowed).hits
        return hits if score_threshold is None else hits.above(score_threshold)

    def search_with_signals(
        self, query: FloatArray, k: int, *, allowed: BoolArray | None = None, score_threshold: float | None = None
    ) -> RoutedHits:
        """Return the best `k` slots and how sure that is.

        Args:
            query: Array of shape (dims,), float32.
            k: How many; at least 1.
            allowed: Mask over slots; see `VectorIndex.search`.
            score_threshold: Hits with lower scores are left out.

        Raises:
            InvalidArgumentError: `k`, `allowed` or `score_threshold` is not what it has to be.
            DimensionError: `query` has the wrong shape or dtype, or is not finite.
        """
        if self._coded is None:
            hits = self._recent.search(query, k, allowed=allowed, score_threshold=score_threshold)
            return RoutedHits(hits, SearchSignals(1.0, 2.0, 0.0, 1, len(self._recent), False))
        found = self._find(self._coded, query, k, allowed)
        hits = found.hits if score_threshold is None else found.hits.above(score_threshold)
        return RoutedHits(hits, found.signals(self.plan))

    @property
    def tenant(self) -> Tenant | None:
        """As in `VectorIndex`; `None` once there are codes."""
        return self._recent.tenant if self._coded is None else None

    @property
    def compares_all(self) -> bool:
        """Whether a search looks at every vector: while there are no codes."""
        return self._coded is None

    @property
    def estimates_differ(self) -> bool:
        """Whether `estimates` come from codes: where there are so many vectors that this is quicker."""
        return self._coded is not None and self._coded.places.vectors >= self.plan.estimated_from

    def scores(self, query: FloatArray, size: int) -> FloatArray:
        """Return the exact score of each slot below `size`; see `VectorIndex.scores`."""
        scores = self._recent.scores(query, size)
        if self._coded is not None:
            found = self._coded.exact(self._checked_query(query))
            below = found.slots < size
            slots, values = found.slots[below], found.scores[below]
            if self._coded.places.repeated:
                np.maximum.at(scores, slots, values)
            else:
                scores[slots] = values
        return scores

    def estimates(self, query: FloatArray, size: int, exactly: IntArray) -> FloatArray:
        """Return the score of each slot below `size`; see `VectorIndex.estimates`."""
        if self._coded is None or not self.estimates_differ:
            return self.scores(query, size)
        scores = self._coded.estimated(self._checked_query(query), size, self.plan.rerank(10), exactly)
        return np.maximum(scores, self._recent.scores(query, size), out=scores)

    def vectors_of(self, slot: int) -> FloatArray:
        """Return a copy of a slot's vectors, shape (m, dims)."""
        if self._coded is not None and slot in self._coded.places:
            return self._coded.vectors_of(slot)
        return self._recent.vectors_of(slot)

    def __len__(self) -> int:
        return len(self._recent) + (0 if self._coded is None else len(self._coded))

    def __contains__(self, slot: object) -> bool:
        return slot in self._recent or (self._coded is not None and slot in self._coded.places)

    # -- writing ---------------------------------------------------------------------------------------------------

    def upsert(self, slots: Sequence[int] | IntArray, vectors: FloatArray) -> None:
        """As `VectorIndex.upsert`; a call that brings more vectors than there are makes cells for them at once."""
        if len(slots) == 1 and type(vectors) is np.ndarray and vectors.shape == (1, self.dims):
            self.upsert_one(slots[0], vectors[0])
            return
        numbers, rows = self._checked_rows(slots, vectors)
        if not len(numbers):
            return
        if len(numbers) <= self.plan.batch:
            self._forget_coded(numbers.tolist())
            self._recent.put(numbers, rows)
            self._note(numbers.tolist())
        else:
            self._load(numbers, rows)
        self._settle()

    def upsert_one(self, slot: int, vector: FloatArray) -> None:
        """Give one slot one vector, of shape (dims,); as `upsert` does, with less ado."""
        self._recent.upsert_one(slot, vector)
        self._forget_coded([slot])
        self._note([slot])
        self._settle()

    def remove(self, slots: Iterable[int]) -> None:
        """Forget the vectors of `slots`; slots that hold none are ignored."""
        slots = list(slots)
        self._recent.remove(slots)
        self._forget_coded(slots)
        self._note(slots)
        self._settle()

    @property
    def refit_due(self) -> bool:
        """Whether a refit would pay.

        It does where codes were left to it (`defers`), where there are too many vectors for one cell or twice or a
        quarter of those that its cells were made for, and where what is written now lies elsewhere (`drift`).
        """
        if self._coded is None:
            return self._defers and self._recent.vectors >= self.plan.codes_from
        count = self._coded.places.vectors
        if self._coded.codebook is None:
            return count >= self.plan.routed_from
        return count > 2 * self._fitted or 4 * count < self._fitted or self.drift.drift_detected

    def refit(
        self, lock: AbstractContextManager[object] | None = None, *, stop: Callable[[], bool] | None = None
    ) -> bool:
        """Make rotation and cells anew for the vectors there are now; all are kept, and searches and writes go on.

        Args:
            lock: The lock under which this index is used elsewhere. It must not be held by the caller; it is taken
                again and again, for less than a millisecond each time. `None` if nobody else uses the index now.
            stop: Asked now and then whether to give up, which leaves everything as it was.

        Returns:
            False if there was nothing to make anew, another refit is under way, a load has overtaken it, or it was
            stopped.
        """
        return Refit(self, stop).run(lock)

    def save(self, target: Path | str | BinaryIO) -> None:
        """Write the index to a file or a stream: codes, cells, and vectors if they are in RAM.

        A file holds the new state or the one before, whatever happens meanwhile. Vectors in a mapped file stay there.

        Raises:
            OSError: The file cannot be written.
        """
        save(self, Path(target) if isinstance(target, str) else target)

    @classmethod
    def load(
        cls, source: Path | str | BinaryIO, dims: int, *, path: Path | str | None = None, plan: Plan | None = None
    ) -> RoutedIndex:
        """Return the index that was saved; nothing is made anew.

        A mapped file goes on changing after `save`. Each vector in it is held against its code (10 to 25 us each), and
        slots where they do not agree are left out: `slot in index` tells which have to be written again.

        Args:
            source: What `save` has written.
            dims: Length of the vectors.
            path: Directory of the mapped file, if there was one.
            plan: See `RoutedIndex`.

        Raises:
            InvalidArgumentError: It is not a saved index, is damaged, was made for other vectors, or the mapped file
                is not there.
            FileNotFoundError: There is no such file.
        """
        index = cls(dims, path=path, plan=plan)
        load(index, Path(source) if isinstance(source, str) else source)
        return index

    # -- upkeep ----------------------------------------------------------------------------------------------------

    def stats(self) -> RoutedStats:
        """Return size and shape of the index."""
        recent, coded = self._recent.stats(), self._coded
        if coded is None:
            return RoutedStats(recent.items, recent.vectors, recent.ram_bytes, 0, "flat", 0, 0.0, 0, 0, False)
        counts = coded.pages.counts[: coded.nlist]
        fixed = coded.fixed_bytes + recent.ram_bytes
        return RoutedStats(
            items=recent.items + len(coded),
            vectors=recent.vectors + coded.places.vectors,
            ram_bytes=coded.ram_bytes + fixed,
            disk_bytes=coded.rows.disk_bytes,
            mode="codes" if coded.codebook is None else "routed",
            nlist=coded.nlist,
            gini=gini(counts),
            dead_cells=int((counts == 0).sum()),
            fixed_bytes=fixed,
            refit_due=self.refit_due,
        )

    def routing(self) -> Routing | None:
        """Return rotation and cells as they are now, `None` without any; they go on to be those of this index."""
        coded = self._coded
        return None if coded is None else Routing(coded.coder, coded.codebook, self._fitted)

    def close(self) -> None:
        """Remove the files of the vectors. An index in RAM needs no closing."""
        if self._coded is not None:
            self._coded.rows.discard()

    def _find(self, coded: CodedVectors, query: FloatArray, k: int, allowed: BoolArray | None) -> Outcome:
        query, k = self._checked_query(query), self._checked_k(k)
        if allowed is not None:
            self._check_mask(allowed)
        return find(coded, self._recent, self.plan, query, k, allowed)

    def _forget_coded(self, slots: Iterable[int]) -> None:
        for slot in slots:
            if self._coded is not None and slot in self._coded.places:
                self._coded.remove([slot])
                if self._touched is not None:
                    self._touched.add(slot)

    def _settle(self) -> None:
        """Bring recent writes to codes and cells once there are enough of them."""
        coded = self._coded
        if coded is None:
            if self._recent.vectors >= self.plan.codes_from and not self._defers:
                self._rebuild(*self._take_recent())
        elif max(self._recent.vectors, coded.gaps) >= self.plan.batch:
            coded.settle()
            self._add_coded(*self._take_recent())
            if not len(coded):
                self._replace(None)

    def _take_recent(self) -> tuple[IntArray, FloatArray]:
        slots, rows = self._recent.contents()
        keeps_room = len(rows) <= 4 * self.plan.batch
        self._recent = self._recent.emptied(keeps_room=keeps_room, few=self._coded is not None)
        return slots, rows

    def _load(self, slots: IntArray, rows: FloatArray) -> None:
        """Take in many vectors at once."""
        self.remove(np.unique(slots).tolist())
        held = len(self)
        anew = self._given is not None if self._defers else self._coded is None or len(slots) > held
        if held + len(slots) < self.plan.codes_from or (self._coded is None and not anew):
            self._recent.put(slots, rows)
            self._note(slots.tolist())
        elif anew:
            self._rebuild(slots, rows)
        else:
            self._add_coded(slots, rows)

    def _rebuild(self, slots: IntArray, rows: FloatArray) -> None:
        """Make rotation and cells for vectors that are new here, and bring what there was into them."""
        before = self._coded
        count = len(slots) + (0 if before is None else before.places.vectors)
        routing, self._given = self._given or Routing.sampled(rows, count, self.plan), None
        fresh = self._new_coded(routing, count)
        if before is not None:
            fresh.add_all_of(before)
        self._replace(fresh)
        self._add_coded(slots, rows)
        self._fitted = routing.fitted

    def _add_coded(self, slots: IntArray, rows: FloatArray) -> None:
        assert self._coded is not None
        errors = self._coded.add(slots, rows)
        if self._coded.codebook is not None:
            for error in errors[:: max(1, len(errors) // 64)].tolist():
                self.drift.update(error)
        if self._touched is not None:
            self._touched.update(slots.tolist())

    def _note(self, slots: Iterable[int]) -> None:
        """Note slots that have changed, for a refit that makes the first codes."""
        if self._touched is not None and self._coded is None:
            self._touched.update(slots)

    def _new_coded(self, routing: Routing, count: int) -> CodedVectors:
        """Return codes and cells without a vector yet, with room for `count`."""
        rows = self._files.new(few=count < self.plan.mapped_from)
        fresh = CodedVectors(routing.coder, routing.codebook, rows, adapts=self.plan.nlist is None)
        fresh.reserve(count)
        return fresh

    def _replace(self, fresh: CodedVectors | None) -> None:
        first = self._coded is None
        if self._coded is not None:
            self._coded.rows.discard()
        if first or fresh is None:  # what is recent becomes few of many, or all there is
            slots, rows = self._recent.contents()
            self._recent = self._recent.emptied(few=fresh is not None)
            if len(slots) and not (first and self._touched is not None):  # else a refit has made codes of it
                self._recent.put(slots, rows)
        self._coded = fresh
        self._fitted = 0 if fresh is None else fresh.places.vectors
        self.drift.reset()

    def _check(self) -> None:
        self._recent._check()
        if self._coded is not None:
            self._coded._check()
            recent, _ = self._recent.contents()
            assert not set(recent.tolist()) & set(self._coded.places.slots().tolist())
