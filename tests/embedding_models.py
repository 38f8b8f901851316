"""Models for tests of the embedder: a function, its async twin, and one with both forms."""

from __future__ import annotations

import asyncio
import threading

from langchain_core.embeddings import Embeddings


def lengths(texts: list[str]) -> list[list[float]]:
    """Embed a text as its length and a one."""
    return [[len(text), 1.0] for text in texts]


async def alengths(texts: list[str]) -> list[list[float]]:
    """Embed as `lengths`, asynchronously."""
    await asyncio.sleep(0)
    return lengths(texts)


class Remote(Embeddings):
    """A model with a blocking and a native async form; remembers in which thread each was called."""

    def __init__(self) -> None:
        self.blocking: list[int] = []
        self.native: list[int] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.blocking.append(threading.get_ident())
        return lengths(texts)

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self.native.append(threading.get_ident())
        return await alengths(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aembed_documents([text]))[0]


class AsyncOnly(Remote):
    """A model that promises a blocking form and has none."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError
