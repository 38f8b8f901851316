"""Made-up words, as unevenly spread as real ones."""

from __future__ import annotations

from itertools import accumulate
from random import Random

__all__ = ["Vocabulary"]

_SYLLABLES = tuple(f"{consonant}{vowel}" for consonant in "bdfgklmnprstvz" for vowel in "aeiou")


class Vocabulary:
    """A number of words, of which a few make up most of what is said.

    Args:
        rng: Where the words, and later the choices, come from.
        size: How many words.

    Example:
        >>> len(Vocabulary(Random(0), 100).some(5))
        5
    """

    def __init__(self, rng: Random, size: int) -> None:
        self._rng = rng
        self._words = ["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(size)]
        # Zipf's law, flattened at its head.
        self._shares = list(accumulate(1 / (rank + 3) for rank in range(size)))

    def some(self, count: int) -> list[str]:
        """Return words by chance, frequent ones more often."""
        return self._rng.choices(self._words, cum_weights=self._shares, k=count)
