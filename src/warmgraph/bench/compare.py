"""`warmgraph bench compare`: ways to give a model what was said before, on real conversations."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table, percentile

if TYPE_CHECKING:
    from warmgraph.bench.memory_ways import Answered

__all__ = ["COMPARE"]

# WarmMemory's two comparisons, by the ways that they set against each other; the first of each is the standard.
COMPARISONS = {
    "What the warm tier is asked for": ("recency", "relevance", "warm fallback"),
    "What the prompt is made of": ("full history", "vector only", "warm fallback"),
}
OURS = "warm fallback"

_DESCRIPTION = """
Writes conversations turn by turn, and asks their questions some sessions after the answer was given (the schedule
"zipf" of `warmgraph bench replay`). Each question is answered from what was written until then, in five ways:

  recency        the last turns
  relevance      the best turns of a warm tier, with nothing behind it
  warm fallback  the same, and all turns where the router says that these are not enough: what `recall` does
  full history   everything
  vector only    the turns whose vectors are nearest to that of the question: no words, no warm tier

evidence: the share of the turns that answer a question that is in the prompt, mean over questions. tokens: of the block
that is put into the prompt, four characters each. ms: from the question to that block, the embedding included; every
question is embedded anew wherever a vector is needed. hits: the share of questions that were answered warm.

Without --data the bundled conversations are asked about. Without a model, vectors are those of hashed words.
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
        "--capacity", type=at_least_one, default=64, metavar="N", help="warm turns (default: %(default)s)"
    )
    parser.add_argument(
        "--limit", type=at_least_one, default=10, metavar="N", help="turns in the prompt (default: %(default)s)"
    )
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the outcome into FILE, .svg or .png")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from warmgraph.bench.charts import check_chart
    from warmgraph.bench.conversations import load_bundled, load_locomo, pack_folder
    from warmgraph.bench.memory_ways import answer_all
    from warmgraph.bench.replays import replays_of
    from warmgraph.bench.vectors import available, embed_function

    if args.chart is not None:
        check_chart(args.chart)
    folder = None if args.data is None else pack_folder(args.data)
    pack = load_bundled() if folder is None else load_locomo(folder, "all")
    source = available(folder) if args.vectors == "auto" else args.vectors
    embed = embed_function(source, folder, pack.conversations)
    answered: dict[str, list[Answered]] = {}
    for conversation, replay in zip(pack.conversations, replays_of(pack.conversations, "each", "zipf"), strict=True):
        tell(f"{conversation.user}: {len(replay.questions)} questions")
        for name, answers in answer_all(replay, embed, capacity=args.capacity, limit=args.limit).items():
            answered.setdefault(name, []).extend(answers)
    figures = {name: _figures(answers) for name, answers in answered.items()}
    settings = {
        "conversations": len(pack.conversations),
        "questions": len(answered[OURS]),
        "vectors": "hashing" if embed is None else source,
        "capacity": args.capacity,
        "limit": args.limit,
        "command": _command(args, source),
    }
    if args.chart is not None:
        _draw(args.chart, figures, f"{settings['questions']:,} questions about {pack.name}")
    tables = [_table(title, {name: figures[name] for name in names}) for title, names in COMPARISONS.items()]
    return Report("compare", settings, figures, tables, _conclusion(figures))


def _figures(answers: Sequence[Answered]) -> dict[str, float]:
    milliseconds = [answer.milliseconds for answer in answers]
    return {
        "evidence": sum(answer.evidence for answer in answers) / len(answers),
        "prompt_tokens": sum(answer.tokens for answer in answers) / len(answers),
        "p50_ms": percentile(milliseconds, 0.5),
        "p95_ms": percentile(milliseconds, 0.95),
        "hits_ratio": sum(answer.hit for answer in answers) / len(answers),
    }


def _table(title: str, figures: Mapping[str, Mapping[str, float]]) -> Table:
    rows = [
        [
            name,
            f"{found['evidence']:.3f}",
            f"{found['prompt_tokens']:,.0f}",
            f"{found['p50_ms']:.2f}",
            f"{found['p95_ms']:.2f}",
            f"{found['hits_ratio']:.2f}" if name == OURS else "-",
        ]
        for name, found in figures.items()
    ]
    return Table(["from", "evidence", "tokens", "p50 ms", "p95 ms", "hits"], rows, title=title)


def _draw(file: Path, figures: Mapping[str, Mapping[str, float]], title: str) -> None:
    from warmgraph.bench.charts import Panel, write_chart

    panels = []
    for names in COMPARISONS.values():
        for label, unit, key, log in (
            ("evidence in the prompt", "share", "evidence", False),
            ("tokens of the prompt", "tokens", "prompt_tokens", True),
            ("from the question to the block, median", "milliseconds", "p50_ms", True),
        ):
            panels.append(Panel(label, unit, {name: figures[name][key] for name in names}, (OURS,), log))
    first, second = panels[:3], panels[3:]
    write_chart(file, title, [panel for pair in zip(first, second, strict=True) for panel in pair])


def _command(args: Namespace, source: str) -> str:
    words = ["warmgraph", "bench", "compare", *(["--data", "DIR"] if args.data is not None else [])]
    return " ".join([*words, "--vectors", source, "--capacity", str(args.capacity), "--limit", str(args.limit)])


def _conclusion(figures: Mapping[str, Mapping[str, float]]) -> str:
    ours, whole, dense = figures[OURS], figures["full history"], figures["vector only"]
    return (
        f"Warm with a fallback has {ours['evidence']:.0%} of the evidence in {ours['prompt_tokens']:,.0f} tokens, where"
        f" the full history takes {whole['prompt_tokens']:,.0f} and vectors alone find {dense['evidence']:.0%}."
    )


COMPARE = Benchmark(
    name="compare",
    summary="recency, relevance, full history and vectors against a warm tier with a fallback",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
