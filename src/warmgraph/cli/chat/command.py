"""The command `warmgraph chat`: its arguments, and whom it talks to."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from warmgraph.cli.arguments import file_name, user_name

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from warmgraph.cli.chat.sessions import Session

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Talk to the memory agent. It remembers what is said, per user, across threads and restarts; after each answer a line
tells what was recalled and from where. Without --url the agent runs here, on one SQLite file. With --url it runs on
a LangGraph server (`make run` starts one), and the memories are the server's.

Lines on standard input that is no terminal are said one after the other, so a script can talk, too.
"""


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "chat",
        help="talk to the memory agent",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument(
        "--user", type=user_name, default="you", metavar="NAME", help="whose memories to use (default: %(default)s)"
    )
    parser.add_argument("--thread", metavar="ID", help="go on with this thread (default: a new one)")
    parser.add_argument(
        "--db",
        type=file_name,
        metavar="FILE",
        help="the memory file, made if it is missing (default: $WARMGRAPH_DB, else .warmgraph/memory.db)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help='"offline", "openai:NAME" or "provider:NAME" (default: $WARMGRAPH_MODEL, else OpenAI with a key, '
        "else offline)",
    )
    parser.add_argument("--url", metavar="URL", help="talk to a LangGraph server, such as http://127.0.0.1:2024")
    parser.add_argument(
        "--assistant", default="memory_agent", metavar="NAME", help="the graph on that server (default: %(default)s)"
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Open a session and talk until the input ends."""
    if args.url and (args.db or args.model):
        args.usage_error("--db and --model belong to the agent that runs here; leave them out with --url")
    from warmgraph.cli.chat.conversation import converse
    from warmgraph.cli.streams import standard_input
    from warmgraph.cli.terminal import Terminal

    terminal = Terminal()
    terminal.progress("starting ...")
    session = _open(args)
    try:
        return converse(session, terminal, standard_input(), debug=getattr(args, "debug", False))
    finally:
        session.close()


def _open(args: argparse.Namespace) -> Session:
    if args.url:
        from warmgraph.cli.chat.remote import RemoteSession

        return RemoteSession(args.url, user=args.user, thread=args.thread, assistant=args.assistant)
    from warmgraph.cli.chat.local import LocalSession

    return LocalSession(args.db, user=args.user, thread=args.thread, model=args.model)
