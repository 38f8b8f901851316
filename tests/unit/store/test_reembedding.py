"""Another embedding model: noticed, never mixed with the old one, and mended while others read and write."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from warmgraph.errors import EmbeddingError, InvalidArgumentError
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.sqlite.tables import vectors_of
from warmgraph.testing import FakeEmbeddings

NS = ("memories", "ana")
TEXTS = ["I live in Lisbon.", "My dog is called Bruno.", "I am allergic to peanuts.", "The key is at the bakery."]


class Old(FakeEmbeddings):
    """The model that the file was written with."""


class New(FakeEmbeddings):
    """The model that the program embeds with now."""


def index(embed: Any) -> Any:
    """Make an index configuration; the dimensions are found out at the first vector."""
    return {"embed": embed, "fields": ["content"]}


def models(path: Path) -> list[tuple[str, int]]:
    """Return the models that the file has vectors of, with the number of items."""
    connection = sqlite3.connect(path)
    try:
        counts = [
            (name.rpartition(".")[2], connection.execute(f"SELECT count(*) FROM {vectors_of(number)}").fetchone()[0])
            for number, name in connection.execute("SELECT id, name FROM models ORDER BY name")
        ]
    finally:
        connection.close()
    return [(name, count) for name, count in counts if count]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a file whose vectors are of the old model."""
    made = tmp_path / "memory.db"
    with RoutedStore(made, index=index(Old(8))) as store:
        for n, text in enumerate(TEXTS):
            store.put(NS, str(n), {"content": text})
        store.put(NS, "two", {"a": "first part", "b": "second part"}, index=["a", "b"])
        store.put(NS, "hidden", {"content": "not searched"}, index=False)
    return made


@pytest.mark.parametrize("dims", [8, 3])
def test_another_model_is_noticed_and_words_rank_until_it_is_mended(
    path: Path, dims: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names both models, their dimensions and the way out, once; search and recall go by words."""
    model = New(dims)
    with caplog.at_level(logging.WARNING), RoutedStore(path, index=index(model)) as store:
        assert ["1"] == [item.key for item in store.search(NS, query="dog") if item.score]
        assert ["1"] == [item.key for item in store.recall_long_term(NS, "dog").items]
        assert [] == model.queries
        store.put(NS, "new", {"content": "A dog barks."})
        assert {"1", "new"} == {item.key for item in store.search(NS, query="dog") if item.score}
        figures = store.stats()
        store._check()
    assert figures.ranks_by_words
    assert (figures.vector_model or "").endswith("Old (8 dimensions)")
    (record,) = caplog.records
    for part in ("Old (8 dimensions)", "New", "ranks by words", "warmgraph reembed", str(path)):
        assert part in record.getMessage()


def test_other_dimensions_show_at_the_first_vector(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A model of the same name whose vectors have another length is another model; no search and no write breaks."""
    with RoutedStore(tmp_path / "m.db", index=index(Old(2))) as store:
        store.put(NS, "old", {"content": "dog"})
    with RoutedStore(tmp_path / "m.db", index=index(Old(3))) as store:
        store.load_index(NS)  # before anybody knows the dimensions
        assert not store.stats().ranks_by_words
        assert ["old"] == [item.key for item in store.search(NS, query="dog")]
        assert store.stats().ranks_by_words
        store.put(NS, "new", {"content": "cat"})
        assert ["new"] == [item.key for item in store.recall_long_term(NS, "cat").items]
        store._check()
    assert (True, True) == ("2 dimensions" in caplog.text, "3 dimensions" in caplog.text)


@pytest.mark.parametrize("kind", ["routed", "warm"])
def test_embedding_anew_mends_it(path: Path, kind: str) -> None:
    """All searchable items have vectors of the new model, those of the old one are gone, and search is dense again."""
    config = index(New(5))
    with WarmStore.open(path, index=config) if kind == "warm" else RoutedStore(path, index=config) as store:
        routed = store.long_term if isinstance(store, WarmStore) else store
        assert isinstance(routed, RoutedStore)
        assert ["1"] == [item.key for item in store.search(NS, query="dog") if item.score]
        recall = store.recall if isinstance(store, WarmStore) else store.recall_long_term
        for _ in range(2):  # from the file, and then from the warm tier
            assert ["1"] == [item.key for item in recall(NS, "dog").items]
        told: list[int] = []
        done = routed.reembed(batch=2, progress=told.append)
        assert ([2, 4, 5], 5, 0) == (told, done.embedded, done.left)
        assert (True, True) == (done.model.endswith("New (5 dimensions)"), "Old" in (done.previous or ""))
        found = store.search(NS, query=TEXTS[2])
        assert "2" == found[0].key
        assert pytest.approx(1.0) == found[0].score
        assert pytest.approx(1.0) == store.search(NS, query="second part")[0].score
        assert ("hidden", None) == (found[-1].key, found[-1].score)
        assert not routed.stats().ranks_by_words
        store._check()
        assert 0 == routed.reembed().embedded
    assert [("New", 5)] == models(path)


async def test_embedding_anew_does_not_block_an_event_loop(path: Path) -> None:
    """The async form does the same."""
    async with await asyncio.to_thread(RoutedStore, path, index=index(New(5))) as store:
        assert 5 == (await store.areembed(batch=3)).embedded
        assert pytest.approx(1.0) == (await store.asearch(NS, query=TEXTS[0]))[0].score


def test_readers_with_the_old_model_keep_its_vectors_until_the_switch(path: Path) -> None:
    """While items are embedded anew a reader ranks by the old vectors; afterwards by words, and says so."""
    with RoutedStore(path, index=index(Old(8))) as reader, RoutedStore(path, index=index(New(8))) as mender:
        seen: list[tuple[str, bool]] = []

        def look(embedded: int) -> None:
            best = reader.search(NS, query=TEXTS[3])[0]
            seen.append((best.key, best.score == pytest.approx(1.0)))

        mender.reembed(batch=1, progress=look)
        assert [("3", True)] * 5 == seen
        assert not mender.stats().ranks_by_words
        assert "3" == reader.search(NS, query="bakery")[0].key
        assert reader.stats().ranks_by_words
        reader._check()
        mender._check()


def test_what_is_written_meanwhile_is_embedded_too(path: Path) -> None:
    """New items, changed ones and deleted ones of somebody with the old model end as they were written last."""
    with RoutedStore(path, index=index(Old(8))) as writer, RoutedStore(path, index=index(New(8))) as mender:

        def write(embedded: int) -> None:
            if embedded == 3:
                writer.put(NS, "0", {"content": "I moved to Porto."})
                writer.put(NS, "late", {"content": "It rains."})
                writer.delete(NS, "1")

        done = mender.reembed(batch=1, progress=write)
        assert 0 == done.left
        for text, key in (("I moved to Porto.", "0"), ("It rains.", "late")):
            best = mender.search(NS, query=text)[0]
            assert key == best.key
            assert pytest.approx(1.0) == best.score
        assert "1" not in {item.key for item in mender.search(NS, query="dog", limit=100)}
        mender._check()
    assert [("New", 5)] == models(path)


def test_a_model_that_fails_loses_nothing(path: Path) -> None:
    """What was embedded is kept and the old vectors are still in use; the next call does the rest."""

    class Failing(New):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            if self.documents and len(self.documents) >= 2:
                raise ConnectionError("the model is away")
            return super().embed_documents(texts)

    Failing.__qualname__ = New.__qualname__  # the same model on a bad day
    with RoutedStore(path, index=index(Failing(5))) as store, pytest.raises(EmbeddingError, match="away"):
        store.reembed(batch=1)
    assert [("New", 2), ("Old", 5)] == models(path)
    with RoutedStore(path, index=index(Old(8))) as store:
        assert pytest.approx(1.0) == store.search(NS, query=TEXTS[0])[0].score
    with RoutedStore(path, index=index(New(5))) as store:
        assert 3 == store.reembed().embedded
    assert [("New", 5)] == models(path)


def test_other_fields_are_embedded_anew_with_the_same_model(path: Path) -> None:
    """The old vectors rank until every item has a new one; a stopped run with other fields is not mixed in."""
    with RoutedStore(path, index=index(Old(8))) as store:
        for n in range(3):
            store.put(NS, str(n), {"content": TEXTS[n], "title": f"title {n}", "other": "the same"})

    def fields(name: str) -> Any:
        return {"embed": Old(8), "fields": [name]}

    def stop(embedded: int) -> None:
        raise KeyboardInterrupt

    with RoutedStore(path, index=fields("other")) as store, pytest.raises(KeyboardInterrupt):
        store.reembed(batch=1, progress=stop)
    with RoutedStore(path, index=fields("title")) as store:
        seen: list[float | None] = []
        done = store.reembed(batch=1, progress=lambda _: seen.append(store.search(NS, query=TEXTS[1])[0].score))
        assert [pytest.approx(1.0)] * 4 == seen  # "0", "1", "2", and the one that names its own fields
        assert 4 == done.embedded
        best = store.search(NS, query="title 1")[0]
        assert "1" == best.key
        assert pytest.approx(1.0) == best.score
        assert ("title",) == store.stats().vector_fields
        assert 0 == store.reembed().embedded
        store._check()


def test_what_was_written_without_a_model_gets_its_vectors(tmp_path: Path) -> None:
    """A file that began without an index is embedded as a whole."""
    path = tmp_path / "memory.db"
    with RoutedStore(path) as store:
        store.put(NS, "0", {"content": TEXTS[0]})
    with RoutedStore(path, index=index(New(4))) as store:
        assert store.search(NS, query=TEXTS[0])[0].score is None
        done = store.reembed()
        assert (None, 1) == (done.previous, done.embedded)
        assert pytest.approx(1.0) == store.search(NS, query=TEXTS[0])[0].score


def test_a_model_whose_items_are_all_gone_is_not_in_the_way(path: Path) -> None:
    """Where no vector of the old model is left the new one is simply used."""
    with RoutedStore(path, index=index(New(3))) as store:
        for item in store.search(NS, limit=100):
            store.delete(NS, item.key)
        store.put(NS, "n", {"content": TEXTS[0]})
    with RoutedStore(path, index=index(New(3))) as store:
        assert pytest.approx(1.0) == store.search(NS, query=TEXTS[0])[0].score
        assert not store.stats().ranks_by_words


def test_a_store_without_an_index_cannot_embed(path: Path) -> None:
    """It says so, and a batch of no items is refused."""
    with RoutedStore(path) as store:
        with pytest.raises(InvalidArgumentError, match="index"):
            store.reembed()
        assert not store.stats().ranks_by_words
    with RoutedStore(path, index=index(New(3))) as store, pytest.raises(InvalidArgumentError, match="batch"):
        store.reembed(batch=0)
