"""`warmgraph bench consolidate`: what is lost when old memories become summaries that name their sources."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table, percentile

if TYPE_CHECKING:
    from warmgraph.bench.conversations import Conversation

__all__ = ["CONSOLIDATE"]

# Of a conversation that is consolidated to this share of its items, this much of evidence recall@10 may be lost.
ITEMS_BAR = 0.25
LOSS_BAR = 0.03
DEPTH = 10

_DESCRIPTION = """
Puts every turn of a conversation into a store of its own, asks its questions, consolidates everything as if it were old
(without a model: summaries are extracts), and asks again. Evidence recall@10 is the mean over questions of the share of
their evidence among ten turns.

Afterwards there are fewer items, and ten of them stand for more than ten turns. So that both sides are judged alike,
the links of the ten recalled items are followed and the turns that they lead to are ranked for the question by their
words: the first ten count. What all of them hold, and how many they are, is shown beside it; so is recall from the
items alone, whose own keys are no evidence, and what summaries cost in characters.

DIR holds locomo_turns.jsonl and locomo_qa.jsonl. Without it the conversations that come with the package are asked
about; they are few and easy, and no bar is meant for them.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder of a LoCoMo pack, or of its folder locomo")
    parser.add_argument(
        "--turns", type=at_least_one, default=4, metavar="N", help="turns of a summary, at least (default: %(default)s)"
    )
    parser.add_argument(
        "--conversations", type=at_least_one, default=None, metavar="N", help="only the first so many; default: all"
    )


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from warmgraph.bench.conversations import load_bundled, load_locomo, pack_folder

    pack = load_bundled() if args.data is None else load_locomo(pack_folder(args.data), "all")
    conversations = pack.conversations[: args.conversations]
    found = []
    for conversation in conversations:
        tell(f"{conversation.user}, {len(conversation.turns)} turns")
        found.append(_measure(conversation, args.turns))
    rows = [row for each in found for row in each["rows"]]
    figures: dict[str, Any] = {
        "questions": len(rows),
        "items_before": sum(each["before"] for each in found),
        "items_after": sum(each["after"] for each in found),
        "recall_at_10_before": _mean([row["before"] for row in rows]),
        "recall_at_10_after": _mean([row["after"] for row in rows]),
        "recall_of_all_reached": _mean([row["reached"] for row in rows]),
        "turns_reached": _mean([row["turns"] for row in rows]),
        "characters_ratio": sum(each["characters_after"] for each in found)
        / sum(each["characters_before"] for each in found),
        "consolidation_per_turn_ms": 1e3
        * sum(each["seconds"] for each in found)
        / sum(len(c.turns) for c in conversations),
        "follow_p50_ms": percentile([row["follow_ms"] for row in rows], 0.5),
        "worst_conversation_loss": max(each["loss"] for each in found),
    }
    figures["items_ratio"] = figures["items_after"] / figures["items_before"]
    figures["loss"] = figures["recall_at_10_before"] - figures["recall_at_10_after"]
    settings = {"conversations": len(conversations), "turns": args.turns, "command": _command(args)}
    return Report("consolidate", settings, figures, [_table(figures)], _conclusion(figures, args.data is not None))


def _measure(conversation: Conversation, turns: int) -> dict[str, Any]:
    """Return recall before and after, question by question, and what became of the items."""
    from datetime import timedelta
    from time import perf_counter

    from warmgraph.bench.conversations import evidence_recall, record_of
    from warmgraph.knowledge import create_consolidator, sources_of
    from warmgraph.store import WarmStore

    namespace = ("memories", conversation.user)
    asked = [question for question in conversation.questions if question.evidence]
    rows: list[dict[str, float]] = []
    with WarmStore(capacity=max(len(conversation.turns), 1)) as store:
        for turn in conversation.turns:
            store.put(namespace, turn.key, record_of(conversation.user, turn).to_value(), index=["content"])
        before = [[item.key for item in _recalled(store, namespace, question.text)] for question in asked]
        began = perf_counter()
        consolidator = create_consolidator(
            namespace=namespace, store=store, older_than=timedelta(0), turns=turns, forget_after=None
        )
        done = consolidator.invoke({})
        seconds = perf_counter() - began
        for question, keys in zip(asked, before, strict=True):
            items = _recalled(store, namespace, question.text)
            began = perf_counter()
            reached = [item.key for item in sources_of(store, namespace, items, question.text, limit=1_000)]
            rows.append(
                {
                    "before": evidence_recall(keys, question.evidence, DEPTH),
                    "after": evidence_recall(reached, question.evidence, DEPTH),
                    "reached": evidence_recall(reached, question.evidence, len(reached)),
                    "turns": len(reached),
                    "follow_ms": 1e3 * (perf_counter() - began),
                }
            )
        left = store.search(namespace, limit=len(conversation.turns))
    return {
        "rows": rows,
        "before": done.before,
        "after": done.after,
        "seconds": seconds,
        "loss": _mean([row["before"] - row["after"] for row in rows]),
        "characters_before": sum(len(turn.content) for turn in conversation.turns),
        "characters_after": sum(len(item.value["content"]) for item in left),
    }


def _recalled(store: Any, namespace: tuple[str, ...], question: str) -> list[Any]:
    return list(store.recall_long_term(namespace, question, limit=DEPTH).items)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _table(figures: Mapping[str, Any]) -> Table:
    return Table(
        ["", "items", "turns reached", f"evidence recall@{DEPTH}"],
        [
            ["every turn an item", f"{figures['items_before']:,}", str(DEPTH), f"{figures['recall_at_10_before']:.3f}"],
            [
                "consolidated, ten turns of the sources",
                f"{figures['items_after']:,}",
                str(DEPTH),
                f"{figures['recall_at_10_after']:.3f}",
            ],
            [
                "consolidated, all of the sources",
                f"{figures['items_after']:,}",
                f"{figures['turns_reached']:.0f}",
                f"{figures['recall_of_all_reached']:.3f}",
            ],
        ],
        title=f"{figures['questions']:,} questions, before and after consolidation",
        note=f"Summaries have {figures['characters_ratio']:.0%} of the characters. Consolidating took "
        f"{figures['consolidation_per_turn_ms']:.1f} ms a turn, following the links {figures['follow_p50_ms']:.1f} ms "
        f"a question (median).\nThe conversation that lost most lost {100 * figures['worst_conversation_loss']:.1f} "
        "points.",
    )


def _conclusion(figures: Mapping[str, Any], judged: bool) -> str:
    said = (
        f"{figures['items_ratio']:.1%} of the items lose {100 * figures['loss']:.1f} points of evidence recall@{DEPTH}"
    )
    if not judged:
        return f"{said}."
    met = figures["items_ratio"] <= ITEMS_BAR and figures["loss"] <= LOSS_BAR
    return f"{said}: {'within' if met else 'above'} the bar of {100 * LOSS_BAR:.0f} points at {ITEMS_BAR:.0%}."


def _command(args: Namespace) -> str:
    words = ["warmgraph", "bench", "consolidate", *(["--data", "DIR"] if args.data is not None else [])]
    words += ["--turns", str(args.turns)]
    return " ".join([*words, *(["--conversations", str(args.conversations)] if args.conversations else [])])


CONSOLIDATE = Benchmark(
    name="consolidate",
    summary="what is lost when old memories become summaries with links to them",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
