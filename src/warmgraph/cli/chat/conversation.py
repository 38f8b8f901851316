"""The loop of a chat: lines in, answers and receipts out."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from warmgraph.cli.chat.receipts import is_error, receipt_line
from warmgraph.cli.chat.sessions import Session
from warmgraph.cli.terminal import Terminal, printable, shorten

__all__ = ["converse"]

PROMPT = "you> "
ANSWER = "agent> "
LISTED = 20  # memories that /memories shows

_HELP = """\
/memories [WORDS]  what is remembered: the newest, or the best for some words
/new               a new thread: the agent knows of it only what it remembers
/help              this
/quit              leave; so do Ctrl-D and Ctrl-C (during an answer Ctrl-C only stops that)"""


def converse(session: Session, terminal: Terminal, source: TextIO, *, debug: bool = False) -> int:
    """Talk until the input ends.

    A turn that fails ends in one line, and the chat goes on.

    Args:
        session: The agent.
        terminal: Where to write.
        source: What the user says, a line a message. A terminal is asked with a prompt; anything else is echoed, so
            that what comes out reads as a conversation.
        debug: Whether to show tracebacks of failed turns.

    Returns:
        0; or 1 when a turn failed and nobody sat at a terminal to see it.
    """
    interactive = source.isatty() and terminal.interactive
    terminal.write(terminal.dim(f"warmgraph chat with {session.about}"))
    terminal.write(terminal.dim(f"user {session.user}, thread {session.thread}. /help lists the commands."))
    failed = 0
    lines = _typed(terminal) if interactive else _piped(source, terminal)
    for line in lines:
        if line == "/quit":
            break
        if line.startswith("/"):
            failed += not _command(line, session, terminal)
        elif line:
            failed += not _turn(line, session, terminal, debug)
    return 1 if failed and not interactive else 0


def _turn(text: str, session: Session, terminal: Terminal, debug: bool) -> bool:
    """Say something and show the answer as it comes. Return whether it came to its end."""
    events: list[Mapping[str, Any]] = []
    problem = ""
    try:
        terminal.write(terminal.bold(ANSWER), end="")
        with contextlib.closing(session.say(text)) as said:  # type: ignore[type-var]
            for event in said:
                if isinstance(event, str):
                    terminal.write(printable(event), end="")
                else:
                    events.append(event)
    except KeyboardInterrupt:
        problem = "stopped"
    except BrokenPipeError:
        raise
    except Exception as error:
        problem = session.explain(error)
        if debug:
            traceback.print_exc()
    terminal.write()
    for event in events:
        line = receipt_line(event)
        if line:
            terminal.write(terminal.red(f"  ! {line}") if is_error(event) else terminal.dim(f"  ~ {line}"))
    if problem:
        terminal.write(terminal.red(f"  ! {problem}"))
    return not problem


def _command(line: str, session: Session, terminal: Terminal) -> bool:
    name, _, rest = line.partition(" ")
    try:
        if name == "/help":
            terminal.write(_HELP)
        elif name == "/new":
            session.new_thread()
            terminal.write(terminal.dim(f"thread {session.thread}"))
        elif name == "/memories":
            _list_memories(rest.strip(), session, terminal)
        else:
            terminal.write(f"There is no command {shorten(name, 40)}. /help lists them.")
            return False
    except BrokenPipeError:
        raise
    except Exception as error:
        terminal.write(terminal.red(f"  ! {session.explain(error)}"))
        return False
    return True


def _list_memories(query: str, session: Session, terminal: Terminal) -> None:
    found = session.memories(query, LISTED + 1)
    for memory in found[:LISTED]:
        when = memory.said_at[:16].replace("T", " ")
        source = ", ".join(part for part in (when, memory.author) if part)
        terminal.write(f"  {terminal.dim(printable(source))}  {shorten(memory.text, 100)}".rstrip())
    if len(found) > LISTED:
        terminal.write(terminal.dim(f"  and more: /memories WORDS finds the best {LISTED} for some words"))
    if not found:
        terminal.write(terminal.dim(f"  nothing {'like that ' if query else ''}is remembered of {session.user}"))


def _typed(terminal: Terminal) -> Iterator[str]:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 (importing it gives `input` editing and a history)
    while True:
        try:
            terminal.write(end="")  # takes a line of progress away
            yield input(PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            terminal.write()
            return


def _piped(source: TextIO, terminal: Terminal) -> Iterator[str]:
    for line in source:
        said = line.strip()
        if said:
            terminal.write(f"{PROMPT}{printable(said)}")
        yield said
