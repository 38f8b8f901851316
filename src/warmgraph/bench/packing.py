"""`warmgraph bench packing`: how much of a prompt a provider's prefix cache knows from the one before."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.report import Report, Table

if TYPE_CHECKING:
    from warmgraph.bench.prompts import Prompt

__all__ = ["PACKING"]

# A provider that caches prompts does so from so many tokens on, in steps of so many.
LEAST, STEP = 1_024, 128
CHARS_PER_TOKEN = 4

_DESCRIPTION = """
Lives through conversations with the memory agent, a thread for each session, the model's answers being those that were
given. Each prompt is compared with the one before it in its thread: what they begin with in common, a provider that
caches prompts need not read again. The same memories are injected in four ways:

  no memory          the thread alone: what can be had at most
  last message       as the agent does it: in a copy of the last human message
  system prompt      as it is done most: appended to the system prompt
  kept in thread     in the human message, and left there: never changed, and read again at every turn

cached: share of all tokens that stand in the common beginning; by the rule: the same, counted as a provider does that
caches from 1,024 tokens on, in steps of 128. new: tokens of a prompt that are not cached.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder of a LoCoMo pack, or of its folder locomo")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the outcome into FILE, .svg or .png")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from warmgraph.bench.charts import Panel, check_chart, write_chart
    from warmgraph.bench.conversations import load_bundled, load_locomo, pack_folder
    from warmgraph.bench.prompts import ARRANGEMENTS, prompts_of

    if args.chart is not None:
        check_chart(args.chart)
    pack = load_bundled() if args.data is None else load_locomo(pack_folder(args.data), "all")
    threads: list[list[Prompt]] = []
    for conversation in pack.conversations:
        tell(f"{conversation.user}, {len(conversation.turns)} turns")
        threads += prompts_of(conversation)
    figures = {name: _measure(threads, arrange) for name, arrange in ARRANGEMENTS.items()}
    settings = {
        "conversations": len(pack.conversations),
        "threads": len(threads),
        "prompts": sum(map(len, threads)),
        "command": f"warmgraph bench packing{' --data DIR' if args.data is not None else ''}",
    }
    if args.chart is not None:
        ours = ("last message",)
        panels = [
            Panel("share of the prompt that is cached", "percent", _column(figures, "cached_percent"), ours, log=False),
            Panel("tokens read anew at each turn", "tokens", _column(figures, "new_tokens"), ours, log=False),
        ]
        write_chart(args.chart, f"Prompts with memories, {settings['prompts']:,} turns of {pack.name}", panels)
    return Report("packing", settings, figures, [_table(figures, settings)], _conclusion(figures))


def _measure(threads: Sequence[Sequence[Prompt]], arrange: Callable[[Sequence[Prompt], int], str]) -> dict[str, float]:
    """Return what one way to inject memories comes to, over all prompts that have one before them."""
    total = cached = by_rule = 0
    count = 0
    for thread in threads:
        before = ""
        for at in range(len(thread)):
            text = arrange(thread, at)
            if at:
                count += 1
                common = _common(before, text) // CHARS_PER_TOKEN
                total += len(text) // CHARS_PER_TOKEN
                cached += common
                by_rule += common // STEP * STEP if common >= LEAST else 0
            before = text
    return {
        "prompts": count,
        "prompt_tokens": total / max(count, 1),
        "cached_percent": 100 * cached / max(total, 1),
        "cached_by_rule_percent": 100 * by_rule / max(total, 1),
        "new_tokens": (total - cached) / max(count, 1),
    }


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[:middle]):
            low = middle
        else:
            high = middle - 1
    return low


def _column(figures: dict[str, dict[str, float]], name: str) -> dict[str, float]:
    return {arrangement: found[name] for arrangement, found in figures.items()}


def _table(figures: dict[str, dict[str, float]], settings: dict[str, Any]) -> Table:
    rows = [
        [
            name,
            f"{found['prompt_tokens']:,.0f}",
            f"{found['cached_percent']:.1f}%",
            f"{found['cached_by_rule_percent']:.1f}%",
            f"{found['new_tokens']:,.0f}",
        ]
        for name, found in figures.items()
    ]
    title = f"Prompts in common with the one before, {settings['prompts']:,} prompts in {settings['threads']} threads"
    return Table(["memories", "tokens", "cached", "by the rule", "new"], rows, title)


def _conclusion(figures: dict[str, dict[str, float]]) -> str:
    ours, naive = figures["last message"], figures["system prompt"]
    return (
        f"In the last message {ours['cached_percent']:.0f}% of a prompt is cached, in the system prompt"
        f" {naive['cached_percent']:.0f}%; {ours['new_tokens']:,.0f} tokens are new each time instead of"
        f" {naive['new_tokens']:,.0f}."
    )


PACKING = Benchmark(
    name="packing",
    summary="how much of a prompt with memories a prefix cache knows",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
