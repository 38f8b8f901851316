"""Many growing lists in two flat arrays."""

from __future__ import annotations

import random

from warmgraph.index.postings import PairLists


def _contents(lists: PairLists, number: int) -> list[tuple[int, int]]:
    start, stop = lists.span(number)
    return list(zip(lists.keys[start:stop], lists.values[start:stop], strict=True))


def test_the_last_pair_takes_the_place_of_one_taken_out() -> None:
    """Taking out names the pair that moved, so that whoever knows its place can be told."""
    lists = PairLists("H")
    lists.reserve(1)

    assert [0, 1, 2] == [lists.append(0, key, 10 * key) for key in (5, 6, 7)]
    assert 7 == lists.take_out(0, 0)
    assert [(7, 70), (6, 60)] == _contents(lists, 0)
    assert lists.take_out(0, 1) is None
    assert [(7, 70)] == _contents(lists, 0)


def test_lists_do_not_disturb_each_other() -> None:
    """Whatever lists grow, shrink or are replaced, each holds what was put into it; memory follows the content."""
    rng = random.Random(1)
    lists, model = PairLists("I"), [[] for _ in range(60)]  # type: tuple[PairLists, list[list[tuple[int, int]]]]
    lists.reserve(60)
    most = 0
    for step in range(40_000):
        number = min(int(rng.paretovariate(0.6)) - 1, 59)
        growing = step % 20_000 < 12_000
        if rng.random() < 0.001:
            model[number] = [(rng.randrange(2**32), rng.randrange(2**32)) for _ in range(rng.randrange(40))]
            lists.replace(number, [key for key, _ in model[number]], [value for _, value in model[number]])
        elif rng.random() < (0.8 if growing else 0.2):
            pair = rng.randrange(2**32), rng.randrange(2**32)
            model[number].append(pair)
            lists.append(number, *pair)
        elif model[number]:
            place = rng.randrange(len(model[number]))
            model[number][place] = model[number][-1]
            model[number].pop()
            lists.take_out(number, place)
        if step % 1_000 == 999:
            lists.check()
            assert model == [_contents(lists, number) for number in range(60)]
        most = max(most, sum(map(len, model)))
    for number in range(60):
        lists.replace(number, [], [])

    lists.check()
    assert most > 5_000
    assert lists.ram_bytes() < 60_000  # 5,000 pairs may lie unused, but no more


def test_a_pair_costs_little_more_than_its_numbers() -> None:
    """Lists of all lengths together take less than a half beyond their bytes."""
    rng = random.Random(2)
    lists = PairLists("H")
    lists.reserve(3_000)
    for _ in range(100_000):
        lists.append(min(int(rng.paretovariate(0.3)) - 1, 2_999), 1, 1)

    assert lists.ram_bytes() < 100_000 * 6 * 1.5
