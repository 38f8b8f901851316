from __future__ import annotations

from warmgraph.index import Entry, LexicalDocument, NamespaceIndex
from warmgraph.store.backends.index_room import IndexRoom

NS = ("memories", "ana")


def index_of(items: int) -> NamespaceIndex:
    index = NamespaceIndex()
    for n in range(items):
        index.upsert(Entry(f"{n}", n, document=LexicalDocument({f"word{n}": 1})))
    return index


def test_bytes_of_all_are_counted_until_they_leave() -> None:
    """What indexes take is summed up, and given back."""
    room = IndexRoom(1 << 20)
    for name in ("ana", "bea"):
        assert not room.too_large((name,), index_of(100))
    both = room.bytes
    room.leave(("ana",))
    assert 0 < room.bytes < both
    room.leave(("bea",))
    room.leave(("never",))
    assert 0 == room.bytes


def test_an_index_beyond_the_bound_is_too_large_by_itself() -> None:
    """One that does not fit is told apart from many that do not fit together."""
    small = index_of(100)
    room = IndexRoom(small.ram_bytes() + 100)
    assert not room.too_large(("ana",), small)
    assert not room.full
    assert not room.too_large(("bea",), index_of(100))
    assert room.full
    large = index_of(1_000)
    assert room.too_large(NS, large)
    assert not room.fits(large)


def test_an_index_is_measured_again_when_it_has_grown() -> None:
    """Growth by a quarter is noticed."""
    room, index = IndexRoom(1 << 20), index_of(400)
    room.too_large(NS, index)
    before = room.bytes
    for n in range(400, 1_000):
        index.upsert(Entry(f"{n}", n, document=LexicalDocument({f"word{n}": 1})))
    room.too_large(NS, index)
    assert room.bytes > before
