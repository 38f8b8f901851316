"""Cells are made anew beside searches and writes that go on."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np

from tests.unit.index.conftest import loaded
from warmgraph.index import FloatArray, RoutedIndex

Topics = Callable[..., FloatArray]


def test_a_refit_keeps_all_and_finds_as_well(topics: Topics) -> None:
    """Several vectors of a slot, recent writes and removed ones: all as before."""
    vectors, queries = topics(3_000), topics(60, seed=1)
    index = loaded(vectors)
    index.upsert([3_000, 3_000, 5], topics(3, seed=9))
    index.remove([7])
    before = index.scores(queries[0], 3_100)

    assert index.refit()

    index._check()
    np.testing.assert_array_equal(before, index.scores(queries[0], 3_100))
    assert (2, 1, 0) == tuple(len(index.vectors_of(slot)) for slot in (3_000, 5, 7))


def test_there_is_nothing_to_refit_in_a_small_index() -> None:
    """Without codes a refit has nothing to do, and says so."""
    assert not RoutedIndex(8).refit()


def test_searches_and_writes_go_on_during_a_refit(topics: Topics) -> None:
    """Threads write, remove and search while another refits again and again: nothing is lost, nothing stands twice."""
    index = loaded(topics(2_500))
    lock, stop = threading.RLock(), threading.Event()
    model: dict[int, FloatArray] = dict(enumerate(topics(2_500)))
    failures: list[BaseException] = []
    refits: list[bool] = []

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # shown by the assertion below
                failures.append(error)
            finally:
                stop.set()

        return run

    def refit() -> None:
        for _ in range(3):
            refits.append(index.refit(lock))

    def write() -> None:
        rng, step = random.Random(1), 0
        while not stop.is_set():
            step += 1
            slot, vector = rng.randrange(3_000), topics(1, seed=step)
            with lock:
                if rng.random() < 0.3:
                    index.remove([slot])
                    model.pop(slot, None)
                else:
                    index.upsert([slot], vector)
                    model[slot] = vector[0]

    def search() -> None:
        while not stop.is_set():
            with lock:
                if not model:
                    continue
                slot, vector = random.choice(list(model.items()))
                assert abs(index.search(vector, 1).scores[0] - 1.0) < 1e-5, slot

    threads = [threading.Thread(target=guarded(work)) for work in (refit, write, search)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == failures
    assert [True] * 3 == refits
    index._check()
    assert len(model) == len(index)
    for slot, vector in model.items():
        np.testing.assert_allclose(vector[None], index.vectors_of(slot), atol=1e-6)


def test_cells_are_made_without_a_long_import() -> None:
    """Importing scikit-learn keeps the interpreter for a second; whoever stores vectors never waits for that."""
    program = """if True:
        import sys
        import numpy as np
        from warmgraph.index import Plan, RoutedIndex
        index = RoutedIndex(8, plan=Plan(codes_from=20, routed_from=50))
        index.upsert(np.arange(100), np.random.default_rng(0).standard_normal((100, 8)))
        assert index.refit()
        print(index.stats().mode, "sklearn" in sys.modules)
    """
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ["routed", "False"] == told.stdout.split()


def test_a_load_overtakes_a_refit(topics: Topics) -> None:
    """A refit that finds other cells in place of those it began with leaves them alone."""
    vectors = topics(3_000)
    index = loaded(vectors[:1_000])

    class Overtaking:
        """A lock under which, the third time, everything is loaded."""

        taken = 0

        def __enter__(self) -> None:
            self.taken += 1
            if self.taken == 3:
                index.upsert(np.arange(1_000, 3_000), vectors[1_000:])

        def __exit__(self, *_: object) -> None: ...

    assert not index.refit(Overtaking())
    index._check()
    assert 3_000 == len(index)
    assert index.refit()
