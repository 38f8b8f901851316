"""Real sentences in number: the glosses of WordNet, as Debian's `wordnet-base` installs them, and their embeddings."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from warmgraph.bench.vectors import MODEL_PACKAGE, embed_function
from warmgraph.errors import InvalidArgumentError

__all__ = ["WORDNET", "Synset", "cache_folder", "embedded", "gloss_vectors", "is_embedded", "read_synsets"]

Floats: TypeAlias = npt.NDArray[np.float32]

WORDNET = Path("/usr/share/wordnet")
"""Where `apt install wordnet-base` puts it."""

_FILES = ("data.noun", "data.verb", "data.adj", "data.adv")
_BLOCK = 4_096


class Synset(NamedTuple):
    """One meaning.

    Args:
        lemmas: The words that have it.
        gloss: What it is, in a sentence, with examples.
    """

    lemmas: tuple[str, ...]
    gloss: str


def read_synsets(folder: Path = WORDNET) -> list[Synset]:
    """Return all meanings, in the order of the files.

    Args:
        folder: Holds `data.noun`, `data.verb`, `data.adj` and `data.adv` (format: WordNet's manual page wndb(5)).

    Raises:
        InvalidArgumentError: It does not.
    """
    found: list[Synset] = []
    for name in _FILES:
        file = folder / name
        if not file.is_file():
            raise InvalidArgumentError("wordnet", expected=f"a folder with {name} (Debian: wordnet-base)", got=folder)
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.startswith("  "):  # the licence
                found.append(_synset(line))
    return found


def embedded(
    texts: Sequence[str], name: str, tell: Callable[[str], None] = lambda text: None, cache: Path | None = None
) -> Floats:
    """Return the embeddings of texts by all-MiniLM-L6-v2: made once, then read from a file.

    Args:
        texts: The texts.
        name: Begins the name of the file.
        tell: Hears how far it is; 100,000 texts take some minutes.
        cache: Where files are kept; `cache_folder()` by default.

    Returns:
        Array of shape (texts, 384), float32, of length 1.

    Raises:
        MissingDependencyError: They were not embedded before, and the model is not installed.
    """
    file = _file(texts, name, cache)
    if file.is_file():
        held: Floats = np.load(file)
        return held
    embed = embed_function("model", None, [])
    assert embed is not None
    # Texts of one length together: a batch is as slow as its longest.
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    found = np.empty((len(texts), 384), np.float32)
    for start in range(0, len(texts), _BLOCK):
        tell(f"embedding {name}: {start:,} of {len(texts):,}")
        part = order[start : start + _BLOCK]
        found[part] = embed([texts[at] for at in part])
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.save(stream, found)
    partial.replace(file)
    return found


def gloss_vectors(tell: Callable[[str], None] = lambda text: None) -> Floats:
    """Return the embeddings of all glosses, in an order that mixes them; any part of them is a sample.

    Raises:
        InvalidArgumentError: WordNet is not installed.
        MissingDependencyError: They were not embedded before, and the model is not installed.
    """
    found = embedded([synset.gloss for synset in read_synsets()], "wordnet", tell)
    return found[np.random.default_rng(0).permutation(len(found))]


def is_embedded(texts: Sequence[str], name: str) -> bool:
    """Whether texts were embedded before."""
    return _file(texts, name, None).is_file()


def cache_folder() -> Path:
    """Return where what took long is kept for the next time: below `XDG_CACHE_HOME`, else `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "warmgraph"


def _file(texts: Sequence[str], name: str, cache: Path | None) -> Path:
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
    return (cache or cache_folder()) / f"{name}-{len(texts)}-{digest}-{MODEL_PACKAGE}.npy"


def _synset(line: str) -> Synset:
    data, _, gloss = line.partition(" | ")
    fields = data.split()
    words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    # An adjective may carry its position: "alone(p)".
    return Synset(tuple(word.split("(")[0].replace("_", " ") for word in words), gloss.strip())
