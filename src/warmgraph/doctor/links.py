"""Links between memories that lead nowhere, or back to where they began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from warmgraph.doctor.findings import Finding
from warmgraph.doctor.reading import Examined
from warmgraph.store.erasing import sources_of, superseded_by
from warmgraph.store.namespaces import encode_label
from warmgraph.store.own_records import OWN_ROOT
from warmgraph.store.validity import history_namespace

__all__ = ["find_links", "history_place"]

Namespace: TypeAlias = tuple[str, ...]


def find_links(rows: Sequence[Examined], history: Mapping[Namespace, set[str]]) -> Iterator[Finding]:
    """Find orphans and loops in one namespace.

    Args:
        rows: All of the namespace.
        history: The keys of revisions and of what is archived, by where they lie.
    """
    there = {row.key for row in rows}
    for row in rows[:1]:  # what a summary stands for lies in an archive
        there |= history.get((OWN_ROOT, "archive", str(len(row.namespace)), *row.namespace), set())
    past = {_superseded(key) for row in rows[:1] for key in history.get(history_namespace(row.namespace), set())}
    for row in rows:
        value = row.value
        if value is None:
            continue
        missing = [key for key in sources_of(value) if key not in {*there, *past} and not history.get(_place(row, key))]
        before = superseded_by(value)
        if before is not None and (before == row.key or before not in there):
            # A memory that was changed supersedes a revision of its own.
            missing += [] if before in past or history.get(_place(row, before)) else [before]
        if missing:
            yield Finding(
                kind="orphan",
                namespace=row.namespace,
                key=row.key,
                others=tuple(dict.fromkeys(missing)),
                message=f"it names {', '.join(dict.fromkeys(missing))}, which is not there",
                remedy="the link is cut",
                mendable=True,
            )
    yield from _loops(rows)


def history_place(namespace: Namespace, key: str) -> Namespace:
    """Return where the revisions of a memory lay in files of before there was one place for a namespace."""
    return (OWN_ROOT, "history", str(len(namespace)), *namespace, f"key:{encode_label(key)}")


def _superseded(revision: str) -> str:
    """Return the key of the memory that a revision is of, whose number comes last."""
    return revision.rpartition("#")[0] or revision


def _place(row: Examined, key: str) -> Namespace:
    return history_place(row.namespace, key)


def _loops(rows: Sequence[Examined]) -> Iterator[Finding]:
    """Find memories that lie on a way of sources that leads back to them; the last written link closes it."""
    by_key = {row.key: row for row in rows}
    sources = {
        row.key: [key for key in sources_of(row.value) if key in by_key] for row in rows if row.value is not None
    }
    done: set[str] = set()
    for start in sources:
        path: list[str] = []
        stack = [(start, iter(sources[start]))] if start not in done else []
        while stack:
            key, rest = stack[-1]
            if not path or path[-1] != key:
                path.append(key)
            following = next((each for each in rest), None)
            if following is None:
                stack.pop()
                path.pop()
                done.add(key)
            elif following in path:
                loop = path[path.index(following) :]
                newest = max((by_key[each] for each in loop), key=lambda row: row.id)
                after = loop[(loop.index(newest.key) + 1) % len(loop)]
                yield Finding(
                    kind="loop",
                    namespace=newest.namespace,
                    key=newest.key,
                    others=(after,),
                    message=f"its sources lead back to it, over {len(loop)} memories",
                    remedy="the link that was written last is cut",
                    mendable=True,
                )
            elif following not in done:
                stack.append((following, iter(sources.get(following, ()))))
