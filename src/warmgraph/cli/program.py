"""The program `warmgraph`: its commands, and how each of them ends."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from warmgraph.cli import backup, bench, doctor, export, forget, guide, import_, inspect, reembed
from warmgraph.cli.chat import command as chat
from warmgraph.cli.demo import command as demo
from warmgraph.cli.failures import one_line
from warmgraph.cli.streams import open_missing_streams
from warmgraph.errors import WarmGraphError

__all__ = ["create_parser", "list_commands", "main"]

_UNLOGGED = logging.NullHandler()
FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
NOBODY_READS = 141  # 128 + SIGPIPE

_DESCRIPTION = """
Memory for LangGraph agents, as graph nodes: warm first, routed, durable.
Nothing here needs a key or a network; with OPENAI_API_KEY set, `chat` uses a real model.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments, without the program's name; those of the process by default.

    Returns:
        0 when all went well, 1 when it did not, 130 after Ctrl-C, 141 when nobody reads the output any more.

    Raises:
        SystemExit: From argparse: 2 for arguments it cannot read, 0 after `--help` and `--version`.

    Example:
        >>> import contextlib, io
        >>> with contextlib.redirect_stderr(io.StringIO()) as said:
        ...     code = main(["demo", "--data", "/no/such/directory"])
        >>> code, said.getvalue().startswith("warmgraph demo: ")
        (1, True)
    """
    open_missing_streams()
    args = create_parser().parse_args(argv)
    debug = getattr(args, "debug", False)
    if not debug:  # commands show in words of their own what the library logs
        logging.getLogger("warmgraph").addHandler(_UNLOGGED)
    try:
        code: int = args.run(args)
        sys.stdout.flush()  # here, where a closed pipe can still be told from a bug
        return code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _stop_writing()
        return NOBODY_READS
    except Exception as error:
        if debug:
            traceback.print_exc()
        expected = isinstance(error, WarmGraphError | OSError)
        hint = "" if expected or debug else " (this is a bug; --debug shows where)"
        print(f"warmgraph {args.command}: {one_line(error)}{hint}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:  # a full disk, which may have been the error itself
            _stop_writing()
        return FAILED


def create_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Example:
        >>> create_parser().parse_args(["chat", "--user", "ana"]).user
        'ana'
    """
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks of errors as well"
    )
    parser = argparse.ArgumentParser(
        "warmgraph",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for command in (chat, demo, inspect, doctor, reembed, backup, export, import_, forget, bench, guide):
        command.add_to(commands, shared)
    return parser


def list_commands(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """Return each command of the parser with its help.

    Example:
        >>> dict(list_commands(create_parser()))["inspect"]
        'show what a memory file holds'
    """
    found: list[tuple[str, str]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [(choice.dest, choice.help or "") for choice in action._get_subactions()]
    return found


class _Version(argparse.Action):
    """Print the version; looked up only now, because that reads the metadata of the installed package."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *args: object) -> NoReturn:
        from warmgraph import __version__

        print(f"warmgraph {__version__}")
        parser.exit()


def _stop_writing() -> None:
    """Let what is still buffered go nowhere: the interpreter flushes at its end, and would complain again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
