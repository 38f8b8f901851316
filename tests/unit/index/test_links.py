"""Who comes before and after whom."""

from __future__ import annotations

import random

from warmgraph.index.links import ThreadLinks


def _order(links: ThreadLinks, first: int) -> list[int]:
    found = [first]
    while links.next[found[-1]]:
        found.append(links.next[found[-1]])
    assert found[::-1] == _back(links, found[-1])
    return found


def _back(links: ThreadLinks, last: int) -> list[int]:
    found = [last]
    while links.previous[found[-1]]:
        found.append(links.previous[found[-1]])
    return found


def _links(*positions: float, thread: str = "t") -> ThreadLinks:
    links = ThreadLinks()
    links.reserve(100)
    for document, position in enumerate(positions, 1):
        links.link(document, thread, position)
    return links


def test_documents_stand_in_the_order_of_their_positions() -> None:
    """In whatever order they come, the place is that of the position."""
    assert [2, 4, 1, 3] == _order(_links(3, 1, 4, 2), first=2)


def test_equal_positions_stay_in_the_order_of_linking() -> None:
    """Of two with one position the later comes after."""
    links = _links(1, 2, 1, 2, 1)

    assert [1, 3, 5, 2, 4] == _order(links, first=1)


def test_unlinking_closes_the_gap() -> None:
    """Neighbours of one that is gone are each other's neighbours; the gone one has none."""
    links = _links(1, 2, 3)
    links.unlink(2)
    links.unlink(2)

    assert [1, 3] == _order(links, first=1)
    assert (0, 0) == (links.next[2], links.previous[2])
    links.unlink(3)
    assert [1] == _order(links, first=1)


def test_threads_are_apart() -> None:
    """Only documents of one thread are neighbours."""
    links = _links(1, 3)
    links.link(3, "u", 2)

    assert [1, 2] == _order(links, first=1)
    assert [3] == _order(links, first=3)
    assert 1 == links.joints


def test_the_nearest_are_found_on_either_side() -> None:
    """The nearest come first, as many as there are and as were asked for."""
    links = _links(1, 2, 3, 4, 5, 6)

    assert [3, 2, 5, 6] == links.nearest(4, before=2, after=4)
    assert [2] == links.nearest(1, before=2, after=1)


def test_a_place_is_known() -> None:
    """Whether a document is already where it shall be."""
    links = _links(1, 2)

    assert links.is_linked(1, "t", 1.0)
    assert not links.is_linked(1, "t", 2.0)
    assert not links.is_linked(1, "u", 1.0)
    assert not links.is_linked(1, None, 1.0)
    assert links.is_linked(9, None, 5.0)
    assert not links.is_linked(9, "t", 5.0)


def test_any_order_of_writes_keeps_the_links_whole() -> None:
    """A long random life leaves all invariants standing, and no thread behind that has no member."""
    rng = random.Random(4)
    links = ThreadLinks()
    links.reserve(61)
    for step in range(4_000):
        document = rng.randrange(1, 61)
        links.unlink(document)
        if rng.random() < 0.6:
            links.link(document, rng.choice("abc"), rng.randrange(20))
        if step % 50 == 0:
            links.check()
    for document in range(1, 61):
        links.unlink(document)

    links.check()
    assert 0 == links.joints
