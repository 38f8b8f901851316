"""The experiments of `warmgraph bench run` that ask about conversations: A2 and A3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from warmgraph.bench.conversations import (
    Conversation,
    Pack,
    Turn,
    evidence_recall,
    load_bundled,
    load_locomo,
    pack_folder,
    record_of,
)
from warmgraph.bench.index_chart import Chart
from warmgraph.bench.index_data import Floats
from warmgraph.bench.index_engines import Engine, Flat, Routed, RoutingMemory
from warmgraph.bench.report import Table, percentile
from warmgraph.bench.vectors import Embed, Source, available, embed_function, remembering
from warmgraph.embeddings import HashingEmbeddings
from warmgraph.errors import MissingDependencyError
from warmgraph.index import Plan
from warmgraph.ranking import DenseScorer, HybridScorer, LexicalScorer, Scorer, first_person
from warmgraph.recall import pack
from warmgraph.store import WarmStore

__all__ = ["RECALL_RUNS", "Asked", "load_asked"]

Tell: TypeAlias = Callable[[str], None]
Found: TypeAlias = tuple[Table, Any, Chart]
DEPTHS = (1, 3, 5, 10, 20)
IN_THE_PROMPT = 10
PEER = "routing-memory"


class Asked(NamedTuple):
    """Conversations, and what their texts are embedded with.

    Args:
        pack: The conversations.
        source: Where vectors come from.
        embed: Makes them.
    """

    pack: Pack
    source: str
    embed: Embed

    def describe(self) -> str:
        """Return what is asked about, and with which vectors."""
        turns = sum(len(conversation.turns) for conversation in self.pack.conversations)
        vectors = {"model": "all-MiniLM-L6-v2", "pack": "the pack's vectors"}.get(
            self.source, "vectors of hashed words"
        )
        return f"{self.pack.name}, {turns:,} turns, {vectors}"


def load_asked(data: Path | None, source: Source | None = None) -> Asked:
    """Read conversations, and find what to embed them with.

    Args:
        data: The folder of a LoCoMo pack; `None` for the bundled conversations.
        source: As in `embed_function`; `None` for the best there is. For "none" vectors are those of hashed words.
    """
    folder = None if data is None else pack_folder(data)
    conversations = load_bundled() if folder is None else load_locomo(folder, "all")
    source = available(folder) if source is None else source
    embed = embed_function(source, folder, conversations.conversations)
    hashing = HashingEmbeddings()
    return Asked(conversations, source, remembering(embed or (lambda texts: hashing.vectors(list(texts)))))


def replay(asked: Asked, tell: Tell) -> Found:
    """A2: evidence recall, time and tokens of routing alone, of vectors alone, of words alone, and of all together."""
    found: dict[str, dict[str, float]] = {}
    for name, (make, k) in _engines().items():
        tell(f"A2: {name}")
        measured = _ask_engines(asked, make, k)
        if measured is not None:
            found[name] = measured
    scorers: dict[str, Scorer] = {
        "lexical, no model": LexicalScorer(),
        "dense": DenseScorer(),
        "hybrid": HybridScorer(),
    }
    for name, scorer in scorers.items():
        tell(f"A2: {name}")
        found[name] = _ask(asked, scorer, asked.embed if scorer.needs_dense else None)
    history = [_history_tokens(conversation) for conversation in _answerable(asked) for _ in _questions(conversation)]
    full = sum(history) / len(history)
    rows = [
        [
            name,
            *(f"{each[f'recall_at_{depth}']:.3f}" if f"recall_at_{depth}" in each else "-" for depth in (5, 10, 20)),
            f"{each['agreement']:.3f}" if "agreement" in each else "-",
            f"{each['p50_ms']:.3f}",
            f"{each['prompt_tokens']:,.0f}" if "prompt_tokens" in each else "-",
        ]
        for name, each in found.items()
    ]
    note = (
        "same 5: the share of the exact five nearest that are found. routing-memory claims .9934 for A2, which is\n"
        "such a share; of the turns that answer a question its public API finds .248 on LoCoMo. tokens: of the block\n"
        f"of the best ten; a whole conversation takes {full:,.0f}. Times are without the embedding of the question."
    )
    columns = ["ranking", "R@5", "R@10", "R@20", "same 5", "p50 ms", "tokens"]
    table = Table(columns, rows, f"A2  {asked.describe()}", note)
    lines = _lines({name: found[name] for name in (PEER, "exact", *scorers) if name in found and name != "dense"})
    title = "A2  Evidence that is found"
    chart = Chart(title, "memories recalled", "evidence recall", lines, peers=(PEER,), log_x=False)
    return table, {**found, "full history": {"prompt_tokens": full}}, chart


def enrichment(asked: Asked, tell: Tell) -> Found:
    """A3: the same texts embedded alone, and with what is known of them."""
    found: dict[str, dict[str, float]] = {}
    for name, word in WORDINGS.items():
        tell(f"A3: {name}")
        texts = [text for conversation in asked.pack.conversations for text in _worded(conversation, word)]
        enriched = _Enriched(texts, asked.embed)
        for ranking, scorer in (("dense", DenseScorer()), ("hybrid", HybridScorer())):
            enriched.rewind()
            found[f"{ranking}, {name}"] = _ask(asked, scorer, enriched)
    first = {ranking: found[f"{ranking}, text"] for ranking in ("dense", "hybrid")}
    rows = []
    for name in WORDINGS:
        row = [name]
        for ranking in ("dense", "hybrid"):
            each = found[f"{ranking}, {name}"]
            for depth in (5, 10):
                value = each[f"recall_at_{depth}"]
                row += [f"{value:.3f}", f"{value - first[ranking][f'recall_at_{depth}']:+.3f}"]
        rows.append(row)
    columns = ["embedded", "dense R@5", "", "R@10", "", "hybrid R@5", "", "R@10", ""]
    note = "Beside each figure the difference to the text alone. Words are indexed alike in all rows."
    table = Table(columns, rows, f"A3  {asked.describe()}", note)
    return table, found, _differences(found)


def _engines() -> dict[str, tuple[Callable[[int, int], Engine], int]]:
    """Return what searches vectors: from their dimensions and number to an engine, and how many it is asked for.

    A few hundred vectors are too few for `RoutedIndex` to be routed: asked for twenty it would compare them all.
    """

    def routed(dims: int, count: int) -> Engine:
        nlist = max(2, int(count**0.5))
        plan = Plan(
            codes_from=2,
            routed_from=2,
            nlist=nlist,
            probed=4 / nlist,
            fewest=1,
            reranked=count // 8,
            slack=384,
            fallback_margin=-9.0,
        )
        return Routed(dims, plan=plan)

    return {
        PEER: (lambda dims, count: RoutingMemory(dims), max(DEPTHS)),
        "4 cells probed, no fallback": (routed, 5),
        "RoutedIndex as it is": (lambda dims, count: Routed(dims), max(DEPTHS)),
        "exact": (lambda dims, count: Flat(dims), max(DEPTHS)),
    }


def _ask_engines(asked: Asked, make: Callable[[int, int], Engine], k: int) -> dict[str, float] | None:
    """Ask an index of vectors; `None` if its package is not installed."""
    recalls: list[list[float]] = []
    same: list[float] = []
    took: list[float] = []
    for conversation in _answerable(asked):
        vectors = _unit(asked.embed([turn.content for turn in conversation.turns]))
        authors = {turn.author for turn in conversation.turns}
        questions = _questions(conversation)
        queries = _unit(
            asked.embed([first_person(each.text, [a for a in authors if a in each.text]) for each in questions])
        )
        try:
            engine = make(vectors.shape[1], len(vectors))
        except MissingDependencyError:
            return None
        engine.build(vectors)
        for question, query in zip(questions, queries, strict=True):
            began = perf_counter()
            numbers = [int(number) for number in engine.search(query, k) if number >= 0]
            took.append(1000 * (perf_counter() - began))
            exact = np.argsort(-(vectors @ query), kind="stable")[:5].tolist()
            same.append(len(set(exact) & set(numbers[:5])) / len(exact))
            keys = [conversation.turns[number].key for number in numbers]
            recalls.append([evidence_recall(keys, question.evidence, depth) for depth in DEPTHS])
    means = {name: mean for name, mean in _means(recalls).items() if int(name.rpartition("_")[2]) <= k}
    return {**means, "agreement": sum(same) / len(same), "p50_ms": percentile(took, 0.5)}


def _ask(asked: Asked, scorer: Scorer, embed: Any) -> dict[str, float]:
    """Ask a store."""
    recalls: list[list[float]] = []
    took: list[float] = []
    tokens: list[int] = []
    for conversation in _conversations(asked):
        index: Any = None if embed is None else {"embed": embed, "fields": ["content"]}
        namespace = ("memories", conversation.user)
        with WarmStore(capacity=len(conversation.turns), index=index, scorer=scorer) as store:
            for turn in conversation.turns:
                store.put(namespace, turn.key, record_of(conversation.user, turn).to_value(), index=["content"])
            questions = _questions(conversation)
            for question in questions:
                items = store.recall_long_term(namespace, question.text, limit=max(DEPTHS)).items
                keys = [item.key for item in items]
                recalls.append([evidence_recall(keys, question.evidence, depth) for depth in DEPTHS])
                shown = pack([(item.key, item.score, item) for item in items[:IN_THE_PROMPT]], max_tokens=1 << 30)
                tokens.append(shown.tokens)
            for question in questions:  # once more, with all embeddings remembered
                began = perf_counter()
                store.recall_long_term(namespace, question.text, limit=IN_THE_PROMPT)
                took.append(1000 * (perf_counter() - began))
    return {**_means(recalls), "p50_ms": percentile(took, 0.5), "prompt_tokens": sum(tokens) / len(tokens)}


class _Enriched:
    """Embeds the texts of turns, which come in their order, as something else; and queries as they are."""

    def __init__(self, texts: Sequence[str], embed: Embed) -> None:
        self._embed = embed
        self._vectors = embed(texts)
        self._next: Iterator[Any] = iter(())

    def rewind(self) -> None:
        """Begin with the first turn again."""
        self._next = iter(self._vectors)

    def embed_documents(self, texts: Sequence[str]) -> list[Any]:
        return [next(self._next) for _ in texts]

    def embed_query(self, text: str) -> Any:
        return self._embed([text])[0]


def _worded(conversation: Conversation, word: Callable[[Turn, Turn | None], str]) -> list[str]:
    texts: list[str] = []
    before: Turn | None = None
    for turn in conversation.turns:
        texts.append(word(turn, before if before is not None and before.session == turn.session else None))
        before = turn
    return texts


def _by_author(turn: Turn) -> str:
    return f"{turn.author}: {turn.content}"


def _with_date(turn: Turn) -> str:
    day = datetime.fromisoformat(turn.said_at)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}, {_by_author(turn)}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

WORDINGS: dict[str, Callable[[Turn, Turn | None], str]] = {
    "text": lambda turn, before: turn.text,
    "+ caption": lambda turn, before: turn.content,
    "+ caption, author": lambda turn, before: _by_author(turn),
    "+ caption, author, date": lambda turn, before: _with_date(turn),
    "+ caption, author, turn before": lambda turn, before: "\n".join(
        map(_by_author, [*([before] if before else []), turn])
    ),
}
"""What is embedded of a turn, given the turn before it in its session."""


def _conversations(asked: Asked) -> Sequence[Conversation]:
    return asked.pack.conversations


def _answerable(asked: Asked) -> list[Conversation]:
    return [conversation for conversation in asked.pack.conversations if _questions(conversation)]


def _questions(conversation: Conversation) -> list[Any]:
    return [question for question in conversation.questions if question.evidence]


def _history_tokens(conversation: Conversation) -> int:
    return sum(len(_by_author(turn)) + 1 for turn in conversation.turns) // 4


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
    return unit


def _means(recalls: Sequence[Sequence[float]]) -> dict[str, float]:
    return {f"recall_at_{depth}": sum(row[at] for row in recalls) / len(recalls) for at, depth in enumerate(DEPTHS)}


def _lines(found: Mapping[str, Mapping[str, float]]) -> dict[str, list[tuple[float, float]]]:
    return {name: [(depth, each[f"recall_at_{depth}"]) for depth in DEPTHS] for name, each in found.items()}


def _differences(found: Mapping[str, Mapping[str, float]]) -> Chart:
    """Return the chart of what each wording adds to the hybrid ranking of texts alone."""
    lines = {
        name: [
            (depth, found[f"hybrid, {name}"][f"recall_at_{depth}"] - found["hybrid, text"][f"recall_at_{depth}"])
            for depth in DEPTHS
        ]
        for name in WORDINGS
        if name != "text"
    }
    title = "A3  What is embedded with a text: evidence recall (hybrid) above that of the text alone"
    return Chart(title, "memories recalled", "difference", lines, log_x=False)


RECALL_RUNS: dict[str, Callable[[Asked, Tell], Found]] = {"A2": replay, "A3": enrichment}
