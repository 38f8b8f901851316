"""The command `warmgraph demo`: replay, close, ask from a fresh process, report."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import at_least_one
from warmgraph.cli.arguments import check_database, file_name

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from langgraph.store.base import IndexConfig

    from warmgraph.bench.conversations import Pack, Question
    from warmgraph.cli.demo.scores import Outcome
    from warmgraph.cli.terminal import Terminal

__all__ = ["add_to", "run"]

CAPACITY = 256  # what a `WarmStore` holds warm for each user unless told otherwise
# The bundled conversations have about a hundred turns: with 256 warm items nothing would ever be cold.
BUNDLED_CAPACITY = 48
STRANGER = "a-stranger"
# Keys and figures, no text: the data may not be ours to copy.
_WRITTEN = ("tier", "decision", "keys", "packed", "reference", "prompt_tokens", "recall_ms", "turn_ms", "failures")

_DESCRIPTION = """
Writes a conversation into a fresh store, turn by turn, closes the store, opens it again in a fresh process, and asks
questions about it, each in a new thread, through the memory agent. Shows for every question what was recalled and
from where, then how much of the evidence that is (* marks it), what it costs, and that no user recalls another's.

The agent remembers the questions as well, as it does in a chat; each is forgotten again before the next, so that
every question meets the conversation alone. Evidence recall is the mean over questions of the share of the turns
with the answer that were recalled; "the long-term tier alone" is what a search of everything finds.

Without --data: three users who come with the package, 235 turns, 60 questions. With --data: a LoCoMo pack, the
first of its conversations or the one that --conversation names.
"""


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="replay a conversation and show what was remembered",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="a LoCoMo pack (locomo_turns.jsonl, locomo_qa.jsonl)")
    parser.add_argument(
        "--conversation", metavar="ID", help='one conversation of the pack, or "all" (default: the first)'
    )
    parser.add_argument(
        "--questions", type=at_least_one, metavar="N", help="ask N questions a user, spread over all of them"
    )
    parser.add_argument("--db", type=file_name, metavar="FILE", help="write to this new file, and keep it")
    parser.add_argument(
        "--k", type=at_least_one, default=10, metavar="N", help="memories to recall (default: %(default)s)"
    )
    parser.add_argument(
        "--capacity",
        type=at_least_one,
        metavar="N",
        help=f"warm memories a user (default: {CAPACITY}, for the bundled conversations {BUNDLED_CAPACITY})",
    )
    parser.add_argument("--embed", metavar="NAME", help='embeddings, such as "hashing" (default: words alone)')
    parser.add_argument("--model", default="offline", metavar="NAME", help="the chat model (default: %(default)s)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures and the keys of what was recalled to FILE"
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Replay, ask and report. Returns 1 when memory failed for a question."""
    if args.conversation and args.data is None:
        args.usage_error("--conversation is one of --data")
    from warmgraph.cli.demo.report import show_isolation, show_tables
    from warmgraph.cli.demo.scores import summarise
    from warmgraph.cli.terminal import Terminal

    terminal = Terminal()
    terminal.progress("reading the conversations ...")
    pack = _load(args)
    _check_model(args.model)
    capacity = args.capacity or (CAPACITY if args.data is not None else BUNDLED_CAPACITY)
    with _fresh_file(args.db) as db:
        put_ms = _replay(terminal, pack, db, _index(args), capacity)
        outcomes, crossed = _ask(terminal, pack, db, args, capacity)
    history = _history_tokens(pack)
    figures = summarise(outcomes, history, args.k)
    show_isolation(terminal, crossed)
    show_tables(terminal, outcomes, figures, history, args.k)
    if args.db is not None:
        user = pack.conversations[0].user
        terminal.write(f"\nThe store is kept. Go on with: warmgraph chat --db {args.db} --user {user}")
    if args.json is not None:
        from warmgraph.bench.report import percentile, write_json

        figures = {
            **figures,
            "put_p50_ms": percentile(put_ms, 0.5),
            "foreign_memories": sum(each[3] for each in crossed),
        }
        write_json(args.json, _results(args, pack, capacity, figures, outcomes))
        terminal.write(f"\nWritten to {args.json}")
    return 1 if any(outcome.failures for outcome in outcomes) else 0


def _check_model(model: str) -> None:
    """Fail now, and not after the whole conversation was written."""
    if model != "offline":
        from warmgraph.models import create_chat_model

        create_chat_model(model)


def _load(args: argparse.Namespace) -> Pack:
    from dataclasses import replace

    from warmgraph.bench.conversations import load_bundled, load_locomo, spread

    pack = load_bundled() if args.data is None else load_locomo(args.data, args.conversation)
    asked = tuple(replace(each, questions=spread(each.questions, args.questions)) for each in pack.conversations)
    return replace(pack, conversations=asked)


@contextmanager
def _fresh_file(db: Path | None) -> Iterator[Path]:
    from warmgraph.cli.failures import CommandError

    if db is None:
        with TemporaryDirectory(prefix="warmgraph-demo-") as folder:
            yield Path(folder) / "memory.db"
        return
    check_database(db)
    if db.exists():
        raise CommandError(f"--db: {db} exists already; the demo writes to a new file")
    yield db


def _replay(terminal: Terminal, pack: Pack, db: Path, index: IndexConfig | None, capacity: int) -> list[float]:
    from warmgraph.bench.report import percentile
    from warmgraph.cli.demo.replay import replay
    from warmgraph.store import WarmStore

    total = sum(len(each.turns) for each in pack.conversations)
    users = ", ".join(each.user for each in pack.conversations)
    ranked = "words" if index is None else f"words and {index.get('embed')} embeddings"
    terminal.write(f"Replaying {pack.name}: {users}. Ranked by {ranked}; {capacity} warm memories a user.")
    with WarmStore.open(db, index=index, capacity=capacity) as store:
        took = replay(
            pack,
            store,
            lambda done, conversation, turn: terminal.progress(
                f"  {done}/{total}  {conversation.user}, session {turn.session}  {turn.author}: {turn.content}"
            ),
        )
        warm = store.stats().items
    size = db.stat().st_size
    terminal.write(
        f"Wrote {total} turns, each on disk before the next: {percentile(took, 0.5):.1f} ms (p50), "
        f"{size / 1024:,.0f} KiB. {warm} were warm. Closed."
    )
    return took


def _ask(
    terminal: Terminal, pack: Pack, db: Path, args: argparse.Namespace, capacity: int
) -> tuple[list[Outcome], list[tuple[Question, str, Sequence[str], int]]]:
    from warmgraph.cli.demo.fresh_process import ask_in_a_fresh_process
    from warmgraph.cli.demo.report import show_outcome
    from warmgraph.cli.demo.scores import Outcome

    users = [each.user for each in pack.conversations]
    owner = {turn.key: each.user for each in pack.conversations for turn in each.turns}
    questions = [question for each in pack.conversations for question in each.questions]
    # Each question once more, asked by the next user, or by a stranger where there is only one.
    askers = [(question, users[(users.index(question.user) + 1) % len(users)]) for question in questions]
    askers = [(question, asker if asker != question.user else "") for question, asker in askers]
    if len(users) > 1:
        askers += [(each.questions[0], "") for each in pack.conversations if each.questions]
    job = {
        "db": str(db),
        "index": _index(args),
        "capacity": capacity,
        "model": args.model,
        "k": args.k,
        "questions": [{"user": question.user, "text": question.text} for question in questions],
        "crossed": [{"user": asker or STRANGER, "text": question.text} for question, asker in askers],
    }
    outcomes: list[Outcome] = []
    crossed: list[tuple[Question, str, Sequence[str], int]] = []
    terminal.progress("starting a fresh process ...")
    for message in ask_in_a_fresh_process(job):
        kind = message.pop("type")
        if kind == "opened":
            terminal.write(
                f"A fresh process opened it in {message['milliseconds']:.1f} ms. Each question: a new thread.\n"
            )
        elif kind == "answer":
            outcomes.append(Outcome(questions[len(outcomes)], **message))
            show_outcome(terminal, len(outcomes), len(questions), outcomes[-1])
        elif kind == "crossed":
            question, asker = askers[len(crossed)]
            foreign = sum(owner.get(key) != asker for key in message["keys"])
            crossed.append((question, asker, message["keys"], foreign))
    return outcomes, crossed


def _history_tokens(pack: Pack) -> dict[str, int]:
    """Return what a prompt with the whole conversation would take, by user, approximately."""
    from langchain_core.messages import HumanMessage
    from langchain_core.messages.utils import count_tokens_approximately

    return {
        each.user: count_tokens_approximately([HumanMessage(f"{turn.author}: {turn.content}") for turn in each.turns])
        for each in pack.conversations
    }


def _results(
    args: argparse.Namespace, pack: Pack, capacity: int, figures: dict[str, Any], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    from warmgraph.bench.report import environment

    return {
        "demo": pack.name,
        "settings": {
            "users": [each.user for each in pack.conversations],
            "turns": sum(len(each.turns) for each in pack.conversations),
            "k": args.k,
            "capacity": capacity,
            "embed": args.embed,
            "model": args.model,
        },
        "environment": environment(),
        "figures": figures,
        "questions": [
            {
                "user": outcome.question.user,
                "category": outcome.question.category,
                "evidence": outcome.question.evidence,
                **{name: getattr(outcome, name) for name in _WRITTEN},
            }
            for outcome in outcomes
        ],
    }


def _index(args: argparse.Namespace) -> IndexConfig | None:
    if args.embed is None:
        return None
    index: dict[str, Any] = {"embed": args.embed, "fields": ["content"]}
    return index  # type: ignore[return-value]
