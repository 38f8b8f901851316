"""What a demo prints: each question with what was recalled for it, and the tables at the end."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from warmgraph.bench.conversations import Question
from warmgraph.bench.report import Table, percentile
from warmgraph.cli.chat.receipts import tier_line
from warmgraph.cli.demo.scores import Outcome, grouped, summarise
from warmgraph.cli.terminal import Terminal, printable, shorten

__all__ = ["show_isolation", "show_outcome", "show_tables"]

WIDTH = 96


def show_outcome(terminal: Terminal, number: int, total: int, outcome: Outcome) -> None:
    """Print one question: where its memories come from, the best of them, and the answer."""
    question = outcome.question
    terminal.write(terminal.bold(f"[{number}/{total}] {question.user}: {shorten(question.text, WIDTH)}"))
    terminal.write(
        f"    {tier_line(outcome.tier, outcome.decision)}; {len(outcome.keys)} memories, "
        f"{outcome.prompt_tokens} tokens in the prompt, {outcome.recall_ms:.1f} ms"
    )
    for rank, (key, author, text) in enumerate(outcome.best, 1):
        mark = "*" if key in question.evidence else " "
        terminal.write(f"  {mark} {rank:2}. {key}  {shorten(f'{author}: {text}', WIDTH - len(key) - 8)}")
    terminal.write(terminal.dim(f"    evidence (*): {_places(question, outcome.keys)}"))
    for label, said in (("agent", outcome.answer), ("expected", question.answer)):
        lines = textwrap.wrap(shorten(said, 2 * WIDTH), WIDTH - 14, max_lines=2, placeholder=" …") or [""]
        for at, line in enumerate(lines):
            text = f"    {label + ':' if at == 0 else '':<9} {line}"
            terminal.write(text if label == "agent" else terminal.dim(text))
    for failure in outcome.failures:
        terminal.write(terminal.red(f"    ! memory failed in {printable(failure)}"))
    terminal.write()


def show_isolation(terminal: Terminal, crossed: Sequence[tuple[Question, str, Sequence[str], int]]) -> None:
    """Print what users recall when they ask each other's questions.

    Args:
        terminal: Where to.
        crossed: (question, who asked it, the keys that were recalled, how many of these are not the asker's).
    """
    strangers = [keys for _, asker, keys, _ in crossed if not asker]
    others = [(keys, foreign) for _, asker, keys, foreign in crossed if asker]
    lines = []
    if others:
        lines.append(
            f"{len(others)} questions asked in another user's name: {sum(len(keys) for keys, _ in others)} memories "
            f"recalled, {sum(foreign for _, foreign in others)} of them not that user's own"
        )
    if strangers:
        lines.append(f"{len(strangers)} questions asked by a stranger: {sum(map(len, strangers))} memories recalled")
    terminal.write("Isolation")
    for line in lines:
        terminal.write(f"  {line}")
    terminal.write()


def show_tables(
    terminal: Terminal,
    outcomes: Sequence[Outcome],
    figures: Mapping[str, Any],
    history_tokens: Mapping[str, int],
    k: int,
) -> None:
    """Print the figures of the whole run."""
    terminal.write(_recall_table(figures, k).render())
    terminal.write()
    for title, by in (("By kind of question", "category"), ("By user", "user")):
        groups = grouped(outcomes, by)
        if len(groups) > 1:
            terminal.write(_group_table(title, by, groups, history_tokens, k).render())
            terminal.write()
    terminal.write(_cost_table(outcomes, figures).render())


def _places(question: Question, keys: Sequence[str]) -> str:
    if not question.evidence:
        return "no turn answers this"
    ranks = sorted(keys.index(key) + 1 for key in question.evidence if key in keys)
    total = len(question.evidence)
    if not ranks:
        return f"none of {total} recalled"
    return f"{len(ranks)} of {total} recalled, rank {', '.join(map(str, ranks))}"


def _recall_table(figures: Mapping[str, Any], k: int) -> Table:
    return Table(
        ["evidence recall", "@5", "@10"],
        [
            ["the agent", _share(figures["recall_at_5"]), _share(figures["recall_at_10"])],
            [
                "the long-term tier alone",
                _share(figures["long_term_recall_at_5"]),
                _share(figures["long_term_recall_at_10"]),
            ],
        ],
        title="What was remembered",
        note=(
            f"Mean over {figures['with_evidence']} questions of the share of their evidence that was recalled.\n"
            f"Of up to {k} memories recalled, those in the prompt hold {_share(figures['recall_in_prompt'])}.\n"
            f"The warm tier was enough for {figures['warm_hits']:.0%} of {figures['questions']} questions."
        ),
    )


def _group_table(
    title: str, by: str, groups: Mapping[str, Sequence[Outcome]], history_tokens: Mapping[str, int], k: int
) -> Table:
    rows = []
    for name, outcomes in groups.items():
        figures = summarise(outcomes, history_tokens, k)
        rows.append(
            [
                name,
                str(figures["questions"]),
                _share(figures["recall_at_5"]),
                _share(figures["recall_at_10"]),
                f"{figures['warm_hits']:.0%}",
            ]
        )
    return Table([by, "questions", "@5", "@10", "warm hits"], rows, title=title)


def _cost_table(outcomes: Sequence[Outcome], figures: Mapping[str, Any]) -> Table:
    less = figures["history_tokens"] / figures["prompt_tokens"]
    turns = [outcome.turn_ms for outcome in outcomes]
    return Table(
        ["", "mean", "p50", "p95"],
        [
            ["tokens, full history", f"{figures['history_tokens']:,.0f}", "", ""],
            ["tokens, prompt with memories", f"{figures['prompt_tokens']:,.0f}", "", ""],
            ["recall, ms", "", f"{figures['recall_p50_ms']:.1f}", f"{figures['recall_p95_ms']:.1f}"],
            ["  warm hits, ms", "", _milliseconds(figures["recall_warm_p50_ms"]), ""],
            ["  with the long-term tier, ms", "", _milliseconds(figures["recall_long_term_p50_ms"]), ""],
            ["whole turn, ms", "", f"{figures['turn_p50_ms']:.1f}", f"{percentile(turns, 0.95):.1f}"],
        ],
        title="What it costs",
        note=f"{less:.0f} times fewer tokens than the full history.",
    )


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _milliseconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
