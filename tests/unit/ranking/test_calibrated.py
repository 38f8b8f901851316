"""The calibrated router: tau follows what answering warm costs."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import CalibratedRouter, LearningRouter, PeekRouter, Signals, ThresholdRouter

LossAt = Callable[[float], float]


def seen(margin: float, namespace: tuple[str, ...] = ("ana",)) -> Signals:
    """Return the signals of a recall with a margin."""
    return Signals(0.5 + margin / 2, 0.5 - margin / 2, 100, 900, resident=True, can_peek=True, namespace=namespace)


def live(
    router: CalibratedRouter, recalls: int, lost: LossAt, *, namespace: tuple[str, ...] = ("ana",), seed: int = 0
) -> tuple[int, float]:
    """Let a router answer recalls whose warm answers lose so much at a margin; return its hits and the loss of them."""
    dice = random.Random(seed)
    hits, loss = 0, 0.0
    for _ in range(recalls):
        margin = dice.uniform(-0.3, 0.5)
        gone = float(dice.random() < lost(margin))
        decision = router.decide(seen(margin, namespace))
        hits, loss = hits + decision.hit, loss + gone * decision.hit
        if router.note(decision) or not decision.hit:
            router.observe(decision, gone)
    return hits, loss / recalls


def test_before_anything_was_seen_it_decides_much_as_the_router_below() -> None:
    """Clear margins are hits, bad ones are not, and its tau is near the other's."""
    router = CalibratedRouter(PeekRouter(0.06))
    assert router.decide(seen(0.3)).hit
    assert not router.decide(seen(-0.1)).hit
    assert 0.0 <= router.tau(("ana",)) <= 0.2
    assert (0.0, 0.0, 1.0, 0) == (
        (loss := router.loss(("ana",))).value,
        loss.low,
        loss.high,
        loss.checks,
    )


@pytest.mark.parametrize(
    "lost", [lambda margin: 0.0, lambda margin: 0.4 * (margin < 0), lambda margin: 0.05 * (margin < 0.3)]
)
def test_hits_cost_about_what_they_may(lost: LossAt) -> None:
    """Whatever warm answers lose, the loss per recall stays below twice the bound, once some hundred were seen."""
    router = CalibratedRouter(max_loss=0.02)
    live(router, 1_000, lost)
    hits, loss = live(router, 2_000, lost, seed=1)
    assert loss <= 0.04
    assert hits > 500


def test_where_nothing_is_lost_tau_falls_and_where_much_is_it_rises() -> None:
    """Two namespaces of one router have a tau each."""
    router = CalibratedRouter(PeekRouter(0.06))
    live(router, 1_500, lambda margin: 0.0, namespace=("free",))
    live(router, 1_500, lambda margin: 0.5, namespace=("dear",))
    assert router.tau(("free",)) < 0.0 < 0.06 < router.tau(("dear",))


def test_it_follows_when_what_is_asked_changes() -> None:
    """What was free becomes dear: tau rises, and hits cost less and less."""
    router = CalibratedRouter(max_loss=0.02)

    def dear(margin: float) -> float:
        return 0.4 * (margin < 0.2)

    live(router, 500, lambda margin: 0.0)
    tau = router.tau(("ana",))
    _, at_first = live(router, 500, dear, seed=1)
    live(router, 1_000, dear, seed=2)
    _, later = live(router, 1_000, dear, seed=3)
    assert router.tau(("ana",)) > tau + 0.2
    assert later < at_first / 2


def test_a_new_namespace_begins_where_the_others_are() -> None:
    """What all lost counts for one that was never asked."""
    router = CalibratedRouter()
    before = router.tau(("new",))
    live(router, 2_000, lambda margin: 0.3)
    assert before < router.tau(("newer",))


def test_it_reports_what_hits_have_cost() -> None:
    """The interval holds the true loss, and gets narrower; the decision's signals carry it."""
    router = CalibratedRouter(max_loss=0.05)
    _, loss = live(router, 1_500, lambda margin: 0.1 * (margin < 0.2))
    told = router.decide(seen(0.2)).signals.loss
    assert told == router.loss(("ana",))
    assert told is not None
    assert told.low <= loss <= told.high
    stats = router.stats()
    assert (1_500, 0.05) == (stats.recalls, stats.max_loss)
    assert 0 < stats.checks < stats.recalls
    assert stats.loss.high - stats.loss.low < 0.05


def test_a_small_share_of_the_hits_is_compared() -> None:
    """All of the first, then about the share asked for; none with a share of 0."""

    def drawn(share: float) -> int:
        router, dice, count = CalibratedRouter(check_share=share), random.Random(0), 0
        for _ in range(2_000):
            decision = router.decide(seen(dice.uniform(0.1, 0.5)))
            if router.note(decision):
                count += 1
                router.observe(decision, 0.0)
        return count

    assert 0 == drawn(0.0)
    assert 50 + 100 < drawn(0.1) < 50 + 400
    assert 1_500 < drawn(1.0)


def test_which_hits_are_compared_follows_from_the_seed() -> None:
    """The same recalls draw the same hits, with another seed others; namespaces do not disturb each other."""

    def drawn(seed: int, *, others: bool = False) -> list[bool]:
        router = CalibratedRouter(seed=seed, check_share=0.3)
        live(router, 400, lambda margin: 0.0, namespace=("first",))
        found = []
        for _ in range(200):
            if others:
                router.decide(seen(0.3, ("ben",)))
            found.append(router.note(router.decide(seen(0.3))))
        return found

    assert drawn(0) == drawn(0) == drawn(0, others=True)
    assert drawn(0) != drawn(1)


def test_what_tau_does_not_decide_teaches_nothing() -> None:
    """All warm, a first touch: neither is counted, or compared."""
    router = CalibratedRouter()
    for signals in (Signals(0.5, None, 9, 9, True, True), Signals(0.5, 0.1, 9, 90, False, True)):
        decision = router.decide(signals)
        assert not router.note(decision)
        router.observe(decision, 1.0)
    assert (0, 0) == router.stats()[:1] + router.stats()[2:3]


def test_deciding_alone_changes_nothing() -> None:
    """Asking twice is answered twice alike, and not counted."""
    router = CalibratedRouter()
    assert router.decide(seen(0.1)) == router.decide(seen(0.1))
    assert 0 == router.stats().recalls


def test_what_was_learned_can_be_kept_and_restored() -> None:
    """News merged into what was kept make a router that decides alike; news given back are not lost."""
    router, again = CalibratedRouter(), CalibratedRouter()
    live(router, 500, lambda margin: 0.0)
    router.give_back(router.take_news())
    kept = {namespace: router.merged(None, news) for namespace, news in router.take_news().items()}
    assert {(), ("ana",)} == set(kept)
    assert {} == router.take_news()
    for namespace, state in kept.items():
        again.restore(namespace, state)
    assert again.knows(("ana",))
    assert (router.tau(("ana",)), router.tau(("new",))) == (again.tau(("ana",)), again.tau(("new",)))
    assert router.stats() == again.stats()


def test_what_two_processes_learn_adds_up() -> None:
    """Each merges its news into what the other kept."""
    routers = CalibratedRouter(), CalibratedRouter()
    kept: object = None
    for router in routers:
        live(router, 300, lambda margin: 0.0)
        kept = router.merged(kept, router.take_news()["ana",])
    third = CalibratedRouter()
    third.restore(("ana",), kept)
    third.restore((), kept)
    assert 600 == third.stats().recalls


def test_states_of_other_margins_have_other_names() -> None:
    """What was learned of one router says nothing of another."""
    names = {CalibratedRouter(router).state_name for router in (PeekRouter(), PeekRouter(0.1), ThresholdRouter(0.1))}
    assert 3 == len(names)
    assert isinstance(CalibratedRouter(), LearningRouter)
    assert not isinstance(PeekRouter(), LearningRouter)


def test_many_threads_lose_no_count() -> None:
    """Each recall is counted once."""
    router = CalibratedRouter()
    threads = [
        threading.Thread(target=live, args=(router, 200, lambda margin: 0.0), kwargs={"namespace": (str(n),)})
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 800 == router.stats().recalls


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("router", object()),
        ("max_loss", 0),
        ("max_loss", 1.0),
        ("max_loss", True),
        ("check_share", -0.1),
        ("check_share", "1"),
        ("seed", 0.5),
    ],
)
def test_a_bad_argument_is_named(argument: str, value: object) -> None:
    """A typed error says which, what was expected, and what came."""
    with pytest.raises(InvalidArgumentError, match=argument):
        CalibratedRouter(**{argument: value})  # type: ignore[arg-type]
    assert "CalibratedRouter(PeekRouter(tau=0.06), max_loss=0.01, check_share=0.1)" == repr(CalibratedRouter())
