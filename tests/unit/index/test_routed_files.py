"""A routed index is saved and loaded, with vectors in RAM and in a mapped file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.index.conftest import SMALL, loaded
from warmgraph.errors import InvalidArgumentError
from warmgraph.index import FloatArray, Plan, RoutedIndex

Topics = Callable[..., FloatArray]


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("count", [50, 500, 2_000])
def test_a_saved_index_is_the_same_when_loaded(tmp_path: Path, topics: Topics, mapped: bool, count: int) -> None:
    """Flat, with codes and with cells, in RAM and in a mapped file: not a score differs."""
    path = tmp_path / "vectors" if mapped else None
    index = loaded(topics(count), path)
    index.upsert([count, count, 3], topics(3, seed=4))
    index.remove([9])
    index.save(tmp_path / "index")
    again = RoutedIndex.load(tmp_path / "index", 64, path=path, plan=SMALL)

    again._check()
    assert index.stats().mode == again.stats().mode
    query = topics(1, seed=2)[0]
    np.testing.assert_array_equal(index.scores(query, count + 5), again.scores(query, count + 5))
    assert index.search(query, 10).slots.tolist() == again.search(query, 10).slots.tolist()
    np.testing.assert_array_equal(index.vectors_of(count), again.vectors_of(count))
    again.upsert(np.arange(5_000, 5_040), topics(40, seed=6))
    again._check()


def test_vectors_that_changed_after_the_last_save_are_missing(tmp_path: Path, topics: Topics) -> None:
    """After a crash the mapped file is newer than what was saved: no slot comes back with another's vector."""
    vectors = topics(2_000)
    index = loaded(vectors, tmp_path / "vectors")
    index.save(tmp_path / "index")
    rng = np.random.default_rng(1)
    for start in range(0, 320, 16):
        index.remove(rng.choice(2_000, 20).tolist())
        index.upsert(np.arange(2_000 + start, 2_016 + start), topics(16, seed=start + 1))

    again = RoutedIndex.load(tmp_path / "index", 64, path=tmp_path / "vectors", plan=SMALL)

    again._check()
    kept = [slot for slot in range(2_000) if slot in again]
    assert 1_000 < len(kept) < 2_000
    for slot in kept:
        np.testing.assert_allclose(vectors[slot][None], again.vectors_of(slot), atol=1e-6)
    again.upsert(np.arange(2_000), vectors)
    again._check()


def test_what_is_no_saved_index_is_refused(tmp_path: Path, topics: Topics) -> None:
    """Noise, a damaged file, other dimensions, a mapped file that is gone: each is named."""
    index = loaded(topics(2_000), tmp_path / "vectors")
    index.save(tmp_path / "index")
    whole = (tmp_path / "index").read_bytes()
    (tmp_path / "noise").write_bytes(b"no index at all")
    (tmp_path / "short").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped").write_bytes(whole[:40_000] + bytes([whole[40_000] ^ 1]) + whole[40_001:])

    for name in ("noise", "short", "flipped"):
        with pytest.raises(InvalidArgumentError, match="a saved index, undamaged"):
            RoutedIndex.load(tmp_path / name, 64, path=tmp_path / "vectors")
    with pytest.raises(InvalidArgumentError, match="32 dimensions"):
        RoutedIndex.load(tmp_path / "index", 32)
    with pytest.raises(InvalidArgumentError, match="the file of its vectors"):
        RoutedIndex.load(tmp_path / "index", 64, path=tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        RoutedIndex.load(tmp_path / "nothing", 64)


def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path, topics: Topics) -> None:
    """Nothing half written takes the place of a good file, and nothing is left lying about."""
    index = loaded(topics(500))
    index.save(tmp_path / "index")
    before = (tmp_path / "index").read_bytes()
    (tmp_path / "folder").mkdir()

    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's choice
        index.save(tmp_path / "folder")

    assert before == (tmp_path / "index").read_bytes()
    assert ["folder", "index"] == sorted(path.name for path in tmp_path.iterdir())


def test_vectors_on_disk_leave_codes_in_ram(tmp_path: Path) -> None:
    """RAM holds at most 64 bytes a vector, whatever the length of the vectors; the file holds them all."""
    vectors = np.random.default_rng(0).standard_normal((20_000, 384), dtype=np.float32)
    stats = loaded(vectors, tmp_path, Plan()).stats()

    assert stats.ram_bytes_per_vector <= 64
    assert stats.disk_bytes >= 20_000 * 384 * 4


def test_files_of_an_earlier_life_are_removed(tmp_path: Path, topics: Topics) -> None:
    """A refit leaves one file behind, `close` none."""
    index = loaded(topics(2_000), tmp_path)
    index.refit()

    assert 1 == len(list(tmp_path.iterdir()))
    index.close()
    assert [] == list(tmp_path.iterdir())
