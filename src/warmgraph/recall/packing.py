"""Pack memories into the one block that a model gets: bounded, escaped, and in the order of events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import Literal, TypeAlias

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.store.base import BaseStore, GetOp, Item

from warmgraph.memory_block import block_of, render_line
from warmgraph.recall.held import HeldItems
from warmgraph.recall.traces import RecalledItem
from warmgraph.steps import Io, Steps
from warmgraph.store.recalls import DropReason
from warmgraph.store.records import text_of

__all__ = ["DEFAULT_MAX_TOKENS", "DEFAULT_MIN_SCORE", "LeftOut", "Packed", "TokenCounter", "pack", "pack_from_store"]

LeftOut: TypeAlias = Literal["low_score", "missing", "unreadable", "quarantined", "budget"] | DropReason
TokenCounter: TypeAlias = Callable[[Sequence[BaseMessage]], int]

# Ten turns of real conversations take 540 tokens; a thousand leave room for longer ones.
DEFAULT_MAX_TOKENS = 1_000
# Lexical scores are shares of the best possible one, cosines of unrelated texts lie around 0. On real conversations
# (LoCoMo, 1,030 questions) none of the evidence among the first ten scored below .058; .08 would lose .7% of it. Of
# questions that have nothing to do with the memories a fifth get no block at .05, a third at .08.
DEFAULT_MIN_SCORE = 0.05
CHARS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Packed:
    """A block of memories, and what became of each memory that was found.

    Args:
        text: The block; empty when nothing is worth showing.
        keys: What is in it, best first.
        scores: Their scores, in the same order.
        tokens: What the block costs.
        left_out: What is not in it, by key, with the reason.
    """

    text: str = ""
    keys: tuple[str, ...] = ()
    scores: tuple[float | None, ...] = ()
    tokens: int = 0
    left_out: dict[str, LeftOut] = field(default_factory=dict)


# A memory that can be shown: its time, its place, its rank, its line, its key, its score. They sort as they were said.
_Readable: TypeAlias = tuple[datetime, float, int, str, str, float | None]


def pack_from_store(
    store: BaseStore,
    namespace: tuple[str, ...],
    found: Sequence[RecalledItem],
    *,
    held: HeldItems | None = None,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    min_score: float = DEFAULT_MIN_SCORE,
    token_counter: TokenCounter | None = None,
) -> Steps[Packed]:
    """Fetch memories by key, in one batch, and pack them. Steps: drive them with `run` or `arun`.

    Args:
        store: Where they are.
        namespace: Their namespace.
        found: What was recalled, best first.
        held: What was read already; the rest is fetched.
        max_tokens: As in `pack`.
        min_score: Memories that score lower are left out: better no memory than a wrong one. What has no score stays.
        token_counter: As in `pack`.
    """
    left_out: dict[str, LeftOut] = {}
    worth: dict[str, float | None] = {}
    for entry in found:
        key, score = entry["key"], entry["score"]
        if score is None or score >= min_score:
            worth[key] = score
        else:
            left_out[key] = "low_score"
    if not worth:
        return Packed(left_out=left_out)
    known = held if held is not None and held.namespace == namespace else HeldItems()
    items = known.pick(worth)
    missing = [key for key, item in items.items() if item is None]
    if missing:
        refresh = (store.ttl_config or {}).get("refresh_on_read", True)
        ops = [GetOp(namespace, key, refresh) for key in missing]
        fetched: Sequence[Item | None] = yield Io(lambda: store.batch(ops), lambda: store.abatch(ops))
        items.update(zip(missing, fetched, strict=True))
    return pack(
        [(key, score, items[key]) for key, score in worth.items()],
        max_tokens=max_tokens,
        token_counter=token_counter,
        left_out=left_out,
    )


def pack(
    found: Sequence[tuple[str, float | None, Item | None]],
    *,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    token_counter: TokenCounter | None = None,
    left_out: dict[str, LeftOut] | None = None,
) -> Packed:
    """Pack memories into one block of at most `max_tokens`.

    Over the budget the worst-ranked go first, and so does any single memory that would not fit even alone. What stays
    is shown in the order in which it was said, not by rank: a later memory corrects an earlier one, and a question
    stands before its answer. What the same person said in the same words is shown once, as the best-ranked of them.

    Args:
        found: (key, score, item) of each memory, best first; an item of `None` is gone from the store.
        max_tokens: What the block may cost.
        token_counter: Counts the tokens of messages, such as a model's `get_num_tokens_from_messages`. By default four
            characters are taken for a token, as LangChain's `count_tokens_approximately` does.
        left_out: What is known to be left out already.

    Example:
        >>> from datetime import datetime, timezone
        >>> day = datetime(2025, 5, 1, tzinfo=timezone.utc)
        >>> item = Item(
        ...     value={"content": "I live in Lisbon."}, key="a", namespace=("m",), created_at=day, updated_at=day
        ... )
        >>> packed = pack([("a", 0.9, item), ("b", 0.8, None)])
        >>> packed.keys, packed.left_out, "Lisbon" in packed.text
        (('a',), {'b': 'missing'}, True)
    """
    dropped: dict[str, LeftOut] = dict(left_out or {})
    readable: list[_Readable] = []
    shown: set[tuple[str, str | None, str | None]] = set()
    for rank, (key, score, item) in enumerate(found):
        if item is None:
            dropped[key] = "missing"
            continue
        # Read what a line shows, as `MemoryRecord.from_value` would, at a tenth of its cost.
        field = item.value.get
        content = field("content")
        text = content if isinstance(content, str) else _text_of(item)
        words = text.casefold().strip()
        if not words:
            dropped[key] = "unreadable"
            continue
        if field("trust") == 0:
            dropped[key] = "quarantined"
            continue
        author, role, said_at, position = field("author"), field("role"), field("said_at"), field("position")
        author = author if isinstance(author, str) else None
        role = role if isinstance(role, str) else None
        said_at = said_at if isinstance(said_at, str) else None
        if not words.isprintable() or "  " in words:  # of spaces only the common one is printable
            words = " ".join(words.split())
        said = words, author, role
        if said in shown:
            dropped[key] = "duplicate"
            continue
        shown.add(said)
        when = (_time_of(said_at) if said_at else None) or _aware(item.created_at)
        place = position if isinstance(position, (int, float)) else 0.0
        readable.append((when, place, rank, render_line(text, author, role, said_at), key, score))
    text, tokens = _render(readable, token_counter)
    kept = readable
    if tokens > max_tokens:
        kept, text, tokens = _fit(readable, max_tokens, token_counter)
        chosen = {key for *_, key, _ in kept}
        dropped.update({key: "budget" for *_, key, _ in readable if key not in chosen})
    return Packed(text, tuple([entry[4] for entry in kept]), tuple([entry[5] for entry in kept]), tokens, dropped)


def _fit(
    ranked: Sequence[_Readable], max_tokens: int, token_counter: TokenCounter | None
) -> tuple[list[_Readable], str, int]:
    """Take one memory after the other, best first, as long as the whole block stays within the budget."""
    kept: list[_Readable] = []
    text, tokens = "", 0
    for entry in ranked:
        longer, cost = _render([*kept, entry], token_counter)
        if cost <= max_tokens:
            kept.append(entry)
            text, tokens = longer, cost
    return kept, text, tokens


def _render(entries: Sequence[_Readable], token_counter: TokenCounter | None) -> tuple[str, int]:
    text = block_of([entry[3] for entry in sorted(entries)])
    if not text:
        return "", 0
    return text, token_counter([HumanMessage(text)]) if token_counter is not None else -(-len(text) // CHARS_PER_TOKEN)


def _text_of(item: Item) -> str:
    """Return what a memory says whose content is no text; "" where it cannot be read."""
    content = item.value.get("content")
    try:
        return text_of(content if isinstance(content, dict) else item.value)
    except Exception:  # another tool's item, of a shape that nothing of ours foresaw, must not cost the others
        return ""


@lru_cache(maxsize=1024)  # the memories of one turn share their time
def _time_of(said_at: str) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(said_at))
    except ValueError:
        return None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
