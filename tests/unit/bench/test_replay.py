"""The benchmark of the warm tier on conversations as they are lived through."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from warmgraph.bench.conversations import Conversation, PackError, Question, Turn
from warmgraph.bench.replay import CLEAR_LEAD
from warmgraph.bench.replays import recalls_of_all, replays_of, run_cell
from warmgraph.cli import main
from warmgraph.store import WarmStore


def conversation(user: str, day: int) -> Conversation:
    """Return three sessions of two turns, and a question about each."""
    things = ["bees", "violin", "sailing", "cheese", "chess", "pottery"]
    turns = tuple(
        Turn(f"{user}/{at}", at // 2, at % 2, user, "user", f"2023-05-{day + at // 2 * 10:02}", f"{user} loves {thing}")
        for at, thing in enumerate(things)
    )
    questions = tuple(
        Question(user, f"Who loves {things[at]}?", user, (f"{user}/{at}",), "single-hop") for at in (0, 2, 4)
    )
    return Conversation(user, turns, (*questions, Question(user, "Who knows?", "", (), "adversarial")))


ANA, BEN = conversation("ana", 1), conversation("ben", 2)


def test_questions_come_when_their_schedule_says() -> None:
    """Right after the session of their evidence, at the end, or somewhere between; unanswerable ones never."""
    (inter,), (post,) = replays_of([ANA], "each", "inter"), replays_of([ANA], "each", "post")
    assert {0: [0], 1: [1], 2: [2]} == dict(inter.asked)
    assert ([2], {0, 1, 2}) == (list(post.asked), set(post.asked[2]))
    (zipf,) = replays_of([ANA], "each", "zipf")
    moments = {number: session for session, numbers in zipf.asked.items() for number in numbers}
    assert all(session <= moments[session] <= 2 for session in range(3))
    assert [zipf] == replays_of([ANA], "each", "zipf")


def test_pooled_conversations_are_one_in_the_order_of_their_time() -> None:
    """Sessions stay whole; those of all users alternate by their day."""
    (pooled,) = replays_of([BEN, ANA], "pooled", "inter")
    assert ["ana", "ben"] * 3 == [session[0][0] for session in pooled.sessions]
    assert 6 == len(pooled.questions)
    with pytest.raises(PackError, match="evidence"):
        replays_of([Conversation("ana", ANA.turns, ())], "each", "inter")


def test_a_cell_tells_hits_and_recalls() -> None:
    """With room for everything all but the first question are hits; with room for little the old ones are not."""
    (replay,) = replays_of([ANA], "each", "post")
    assert [1.0] * 3 == recalls_of_all(replay, None)
    roomy, narrow = (run_cell(replay, capacity, "fifo", 0.06, CLEAR_LEAD, None) for capacity in (10, 1))
    assert (2, [1.0] * 3, 0) == (sum(roomy.hits), roomy.recalls, roomy.embedded)
    assert (0, [1.0] * 3) == (sum(narrow.hits), narrow.recalls)


def test_the_bundled_conversations_are_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every cell is told with hits, losses and the share of questions that were embedded."""
    results = tmp_path / "results.json"
    chosen = ["--groups", "each", "--schedules", "inter", "--capacities", "32", "--json", str(results)]
    assert 0 == main(["bench", "replay", "--vectors", "none", *chosen])
    figures = json.loads(results.read_text(encoding="utf-8"))["figures"]
    assert {"each inter 32 fifo", "each inter 32 importance"} == set(figures)
    assert all(0 < found["hits_ratio"] < 1 and found["embedded_ratio"] == 0 for found in figures.values())
    assert "The largest gross loss" in capsys.readouterr().out


def test_the_benchmark_replays_the_store_as_it_is() -> None:
    """Its default lead is that of the store."""
    assert CLEAR_LEAD == inspect.signature(WarmStore).parameters["clear_lead"].default
