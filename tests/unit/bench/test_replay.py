"""The benchmark of the warm tier on conversations as they are lived through."""

from __future__ import annotations

import inspect
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from warmgraph.bench.conversations import Conversation, PackError, Question, Turn
from warmgraph.bench.replay import CLEAR_LEAD, GROUPS, POLICIES, SCHEDULES
from warmgraph.bench.replay_anchors import Anchor, development_anchors, read_anchors
from warmgraph.bench.replay_verdicts import verdicts
from warmgraph.bench.replays import Setting, recalls_of_all, replays_of, run_cell
from warmgraph.cli import main
from warmgraph.ranking import CalibratedRouter, PeekRouter
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
    assert [1.0] * 3 == recalls_of_all([replay], None)
    roomy, narrow = (
        run_cell([replay], Setting(capacity, "fifo", PeekRouter, CLEAR_LEAD), None) for capacity in (10, 1)
    )
    assert (2, [1.0] * 3, 0) == (sum(roomy.hits), roomy.recalls, roomy.embedded)
    assert (0, [1.0] * 3) == (sum(narrow.hits), narrow.recalls)


def test_a_router_that_learns_does_so_over_all_replays() -> None:
    """It goes through them in one store, and tells what its hits cost; the same in every run."""
    replays = replays_of([ANA, BEN], "each", "post")
    cells = [run_cell(replays, Setting(3, "fifo", CalibratedRouter, CLEAR_LEAD), None) for _ in range(2)]
    assert cells[0] == cells[1]
    assert cells[0].loss is not None
    assert 6 == len(cells[0].hits)


def test_the_bundled_conversations_are_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every cell is told with hits, losses and the share of questions that were embedded."""
    results, chart = tmp_path / "results.json", tmp_path / "chart.svg"
    chosen = ["--groups", "each", "--schedules", "inter", "--capacities", "32", "--json", str(results)]
    if find_spec("matplotlib") is not None:
        chosen += ["--chart", str(chart)]
    assert 0 == main(["bench", "replay", "--vectors", "none", *chosen])
    figures = json.loads(results.read_text(encoding="utf-8"))["figures"]
    for router in ("peek", "calibrated"):
        cells = figures[router]
        assert {"each inter 32 fifo", "each inter 32 importance"} == set(cells)
        assert all(0 < found["hits_ratio"] < 1 and found["embedded_ratio"] == 0 for found in cells.values())
    assert {} == figures["script"]  # its figures are not of these conversations
    assert "The largest gross loss" in capsys.readouterr().out
    assert chart.exists() == (find_spec("matplotlib") is not None)


def test_the_scripts_figures_are_known_for_every_cell() -> None:
    """Those of the development part, in the names of ours."""
    anchors = development_anchors()
    names = {
        f"{group} {schedule} {capacity} {policy}"
        for group, capacities in GROUPS.items()
        for schedule in SCHEDULES
        for capacity in capacities
        for policy in POLICIES
    }
    assert names == set(anchors)
    assert all(0 < anchor.hits_ratio <= 1 and 0 <= anchor.gross_percent < 2 for anchor in anchors.values())


def test_the_scripts_figures_are_read_from_what_it_printed(tmp_path: Path) -> None:
    """Lines of cells count, all others do not; a file without any is a typed error."""
    printed = tmp_path / "printed"
    printed.write_text("group schedule\neach inter 32 fifo 0.637 +0.95 0.16 0.8143\n", encoding="utf-8")
    assert {"each inter 32 fifo": Anchor(0.637, 0.16)} == read_anchors(printed)
    for text in ("nothing", "each inter 32 fifo many"):
        printed.write_text(text, encoding="utf-8")
        with pytest.raises(PackError, match="anchors"):
            read_anchors(printed)
    with pytest.raises(PackError, match="anchors"):
        read_anchors(tmp_path / "missing")


def test_a_verdict_says_what_is_missed_and_where() -> None:
    """Hits apart from the script's, and losses above it, each with the worst cell."""
    anchors = {"a": Anchor(0.5, 0.5), "b": Anchor(0.5, 0.5)}
    cell = {"hits_ratio": 0.5, "gross_percent": 0.5, "net_percent": 0.0, "embedded_ratio": 0.5}
    peek = {"a": cell, "b": {**cell, "hits_ratio": 0.6, "gross_percent": 1.0}}
    calibrated = {"a": {**cell, "hits_ratio": 0.55}, "b": {**cell, "gross_percent": 2.5}}
    said = verdicts({"peek": peek, "calibrated": calibrated}, anchors, 0.06)
    assert [line.partition(":")[0] for line in said] == ["missed", "missed", "met", "missed", "calibrated", "met"]
    assert "not in 1 of 2 cells; the worst is 0.100 (b)" in said[0]
    assert "(1 of 2)" in said[2]


def test_the_benchmark_replays_the_store_as_it_is() -> None:
    """Its default lead is that of the store."""
    assert CLEAR_LEAD == inspect.signature(WarmStore).parameters["clear_lead"].default
