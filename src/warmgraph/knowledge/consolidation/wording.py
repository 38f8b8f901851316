"""Summaries without a model: the sentences of an episode that say most, and the words that the others had."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from langgraph.store.base import Item

from warmgraph.index.tokens import analyze, is_question

__all__ = ["Wording", "speaker"]

# A sentence counts for the rarity of its words, by their number and so much: short ones say little however rare.
EVENED = 8
QUESTIONS = 0.5
MOST_TERMS = 120
_WORD = re.compile(r"[^\W_]+")


class Wording:
    """How rare words are among the turns that are there, and what follows from it.

    Args:
        turns: All turns.
    """

    def __init__(self, turns: Iterable[Item]) -> None:
        self._held: Counter[str] = Counter()
        self._turns = 0
        for item in turns:
            self._held.update(set(analyze(item.value["content"])))
            self._turns += 1

    def rarity(self, term: str) -> float:
        """Return the inverse document frequency of a term, in nats."""
        return math.log(max(self._turns, 1) / max(self._held[term], 1))

    def extract(self, episode: Sequence[Item], share: float) -> str:
        """Return the sentences that say most, in their order, with who said them.

        Args:
            episode: Turns that belong together.
            share: How much of their characters to keep; one sentence at least.
        """
        from warmgraph.models.sentences import split_sentences  # a tenth of a second of patterns

        sentences = [
            (at, place, item, sentence)
            for at, item in enumerate(episode)
            for place, sentence in enumerate(split_sentences(item.value["content"]) or [item.value["content"]])
        ]
        room = share * sum(len(sentence) for _, _, _, sentence in sentences)
        kept: list[tuple[int, int, Item, str]] = []
        said: set[str] = set()
        for each in sorted(sentences, key=lambda each: (-self._worth(each[3]), each[:2])):
            words = " ".join(analyze(each[3]))
            if (kept and len(each[3]) > room) or words in said:
                continue
            said.add(words)
            room -= len(each[3])
            kept.append(each)
        lines: list[str] = []
        before: Item | None = None
        for _, _, item, sentence in sorted(kept, key=lambda each: each[:2]):
            if item is before:
                lines[-1] += f" {sentence}"
            else:
                lines.append(f"{speaker(item)}: {sentence}")
            before = item
        return "\n".join(lines)

    def left_out(self, episode: Sequence[Item], summary: str) -> str:
        """Return the words of an episode that its summary does not have, each once: it is to be found by them too."""
        have = set(analyze(summary))
        words: dict[str, str] = {}
        for item in episode:
            for word in _WORD.findall(item.value["content"]):
                for term in analyze(word):
                    if term not in have:
                        words.setdefault(term, word)
        rarest = sorted(words, key=lambda term: -self.rarity(term))[:MOST_TERMS]
        return " ".join(word for term, word in words.items() if term in set(rarest))

    def _worth(self, sentence: str) -> float:
        terms = analyze(sentence)
        worth = sum(self.rarity(term) for term in set(terms)) / (EVENED + len(terms))
        return worth * QUESTIONS if is_question(sentence) else worth


def speaker(item: Item) -> str:
    """Return who said a turn: by name, or as whom."""
    author = item.value.get("author")
    return author if isinstance(author, str) and author else str(item.value.get("role"))
