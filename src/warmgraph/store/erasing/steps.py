"""Erasing, step by step: look, note the intent, delete, wipe the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from warmgraph.steps import Steps
from warmgraph.store.erasing.intents import Intent, Part, drop, note
from warmgraph.store.erasing.links import (
    Origin,
    is_thread_summary,
    is_turn,
    quotes,
    sources_of,
    texts_of,
    unlinked,
)
from warmgraph.store.erasing.report import ErasureReport
from warmgraph.store.erasing.requests import Erasure, Rebuild
from warmgraph.store.erasing.rows import Held, Rows
from warmgraph.store.namespaces import encode_label
from warmgraph.store.own_records import OWN_ROOT, is_about

__all__ = ["begin", "erase", "finish", "look"]

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]
PASSES = 5
"""How often a namespace is looked through for what somebody wrote meanwhile."""


def erase(rows: Rows, erasure: Erasure) -> Steps[ErasureReport]:
    """Erase from one store: memories, what was made from them, their history, and the pages that held them."""
    intent = yield from begin(rows, erasure, ("rows", "disk"))
    report = yield from finish(rows, intent, erasure.rebuild)
    return report


def begin(rows: Rows, erasure: Erasure, parts: Sequence[Part]) -> Steps[Intent]:
    """Note that an erasure begins. Whatever happens from here on, it is completed."""
    intent = Intent.new(erasure.namespace, erasure.keys, parts, erasure.rewrite)
    yield from note(rows, intent)
    return intent


def look(rows: Rows, namespace: Namespace, keys: Sequence[str] | None) -> Steps[Origin]:
    """Return what is about to be erased, for those who keep copies of it elsewhere."""
    held = yield from rows.under(namespace)
    if keys is None:
        return Origin({each.key: each.value for each in held})
    return Origin({each.key: each.value for each in held if each.namespace == namespace and each.key in keys})


def finish(rows: Rows, intent: Intent, rebuild: Rebuild | None = None) -> Steps[ErasureReport]:
    """Do what is left of an erasure in its store. An intent with parts that are not the store's own stays noted."""
    report = ErasureReport(namespace=intent.namespace, keys=intent.keys)
    if "rows" in intent.parts:
        if intent.keys is None:
            report = yield from _erase_namespace(rows, intent.namespace, report)
        else:
            report = yield from _erase_keys(rows, intent.namespace, intent.keys, rebuild, report)
        intent = intent.without("rows")
    yield from note(rows, intent)  # before the disk is wiped: what is named no longer has to go with the rest
    if "disk" in intent.parts and all(part == "disk" for part in intent.parts):
        scrubbed = yield from rows.scrub(intent.rewrite)
        report = replace(
            report, bytes_before=scrubbed.bytes_before, bytes_after=scrubbed.bytes_after, left=scrubbed.left
        )
        if not scrubbed.again:
            yield from drop(rows, intent)
    return report


def _erase_namespace(rows: Rows, namespace: Namespace, report: ErasureReport) -> Steps[ErasureReport]:
    threads: dict[str, None] = {}
    for _ in range(PASSES):
        held = yield from rows.under(namespace)
        own = yield from _own_under(rows, namespace)
        if not held and not own:
            break
        threads.update(dict.fromkeys(_threads(held)))
        yield from rows.delete([(each.namespace, each.key) for each in (*held, *own)])
        report = replace(_counted(report, own), memories=report.memories + len(held))
    state = yield from rows.forget_state(namespace)
    return replace(report, threads=tuple(threads), own=report.own + state)


def _erase_keys(
    rows: Rows, namespace: Namespace, keys: Sequence[str], rebuild: Rebuild | None, report: ErasureReport
) -> Steps[ErasureReport]:
    held = {each.key: each for each in (yield from rows.under(namespace)) if each.namespace == namespace}
    asked = [held[key] for key in keys if key in held]
    origin = Origin({key: held[key].value if key in held else None for key in keys})
    own = yield from _own_under(rows, namespace)
    archived = {each.key: each for each in own if each.namespace[1:2] == ("archive",)}
    for each in own:  # what they said before, or say in the archive, is not to be quoted either
        value = each.value or {}
        if _is_history_of(each, namespace, origin.keys):
            origin.texts.update(texts_of(value.get("value") or {}))
        elif value.get("key") in origin.keys:
            origin.texts.update(texts_of(value))
    derived, rebuilt = _derived(held, archived, origin, rebuild)
    gone = {each.key for each in (*asked, *derived)}
    back = _out_of_the_archive(derived, held, archived, namespace, origin)
    puts: list[Held] = []
    quoted_by = []
    for key, each in held.items():
        if key in gone or each.value is None:
            continue
        value = rebuilt.get(key, each.value)
        value = unlinked(value, origin.keys) or value
        if value is not each.value:
            puts.append(each._replace(value=value))
        if quotes(value, origin.texts):
            quoted_by.append(key)
    unsummarized = {str(each.value["thread_id"]) for each in derived if each.value and is_thread_summary(each.value)}
    dropped, cut = [archived[each.key] for each in back], []
    for each in own:
        if each in dropped:
            continue
        if _tells_of(each, namespace, origin) or _marks(each, unsummarized):
            dropped.append(each)
        elif (value_left := _without_seen(each, origin.keys)) is not None:
            cut.append(each._replace(value=value_left))
    yield from rows.put(back, found=True)
    yield from rows.delete([*((namespace, key) for key in gone), *((each.namespace, each.key) for each in dropped)])
    yield from rows.put(puts, found=True)
    yield from rows.put(cut, found=False)
    state = yield from rows.forget_state(namespace, (*origin.keys, *origin.texts))
    report = _counted(report, dropped[len(back) :])
    return replace(
        report,
        memories=len(asked),
        derived=len(derived),
        rebuilt=len(rebuilt),
        restored=len(back),
        own=report.own + len(cut) + state,
        threads=tuple(dict.fromkeys(_threads(asked))),
        quoted_by=tuple(sorted(quoted_by)),
    )


def _out_of_the_archive(
    derived: Sequence[Held], held: dict[str, Held], archived: dict[str, Held], namespace: Namespace, origin: Origin
) -> list[Held]:
    """Return what only a summary that goes stood for, as it was before it was archived: it has to be found again."""
    back: dict[str, Held] = {}
    for summary in derived:
        for key in sources_of(summary.value or {}):
            record = archived.get(key)
            if record is not None and record.value is not None and key not in origin.keys and key not in held:
                value = {name: inner for name, inner in record.value.items() if name != "key"}
                back[key] = Held(namespace, key, value, record.ttl)
    return list(back.values())


def _derived(
    held: dict[str, Held], archived: dict[str, Held], origin: Origin, rebuild: Rebuild | None
) -> tuple[list[Held], dict[str, dict[str, Any]]]:
    """Return what was made from what goes, directly or by way of others: to be deleted, and to be written anew."""
    derived: list[Held] = []
    rebuilt: dict[str, dict[str, Any]] = {}
    found = True
    while found:
        found = False
        for key, each in held.items():
            if each.value is None or key in rebuilt or not origin.made(key, each.value):
                continue
            found = True
            sources = [one for one in _sources(each.value, {**archived, **held}) if one.key not in origin.keys]
            value = rebuild(each, sources) if rebuild is not None else None
            if value is None:
                derived.append(each)
                origin.add(key, each.value)
            else:
                rebuilt[key] = dict(value)
                origin.texts.update(texts_of(each.value))
    return derived, rebuilt


def _sources(value: dict[str, Any], held: dict[str, Held]) -> list[Held]:
    named = [held[key] for key in sources_of(value) if key in held]
    if not is_thread_summary(value):
        return named
    thread = value.get("thread_id")
    return named + [
        one for one in held.values() if one.value and is_turn(one.value) and one.value.get("thread_id") == thread
    ]


def _own_under(rows: Rows, namespace: Namespace) -> Steps[list[Held]]:
    """Return the records of ours that are about a namespace."""
    found: dict[Place, Held] = {}
    names = yield from rows.namespaces((OWN_ROOT,))
    for name in names:
        if is_about(name, namespace):
            for each in (yield from rows.under(name)):
                found[each.namespace, each.key] = each
    return list(found.values())


def _is_history_of(each: Held, namespace: Namespace, keys: set[str]) -> bool:
    place = each.namespace
    return (
        place[1:2] == ("history",)
        and place[3:-1] == namespace
        and place[-1] in {f"key:{encode_label(key)}" for key in keys}
    )


def _tells_of(each: Held, namespace: Namespace, origin: Origin) -> bool:
    """Whether a record of ours holds what is being erased: as a revision, for review, or in its text."""
    if each.value is None or _is_history_of(each, namespace, origin.keys):
        return True
    named = each.value.get("key")
    return named in origin.keys or quotes(each.value, origin.texts)


def _marks(each: Held, threads: set[str]) -> bool:
    """Whether a record says how far the reflection on one of these threads came: it has to begin anew."""
    return each.namespace[1:2] == ("reflection",) and each.key.partition("/")[2] in threads


def _without_seen(each: Held, keys: set[str]) -> dict[str, Any] | None:
    """Return a watermark without the digests of what is being erased; `None` if it has none."""
    seen = (each.value or {}).get("seen")
    if each.value is None or not isinstance(seen, dict) or not keys.intersection(seen):
        return None
    return {**each.value, "seen": {key: digest for key, digest in seen.items() if key not in keys}}


def _counted(report: ErasureReport, own: Sequence[Held]) -> ErasureReport:
    kinds = [each.namespace[1] if len(each.namespace) > 1 else "" for each in own]
    revisions, quarantined = kinds.count("history"), kinds.count("quarantine")
    return replace(
        report,
        revisions=report.revisions + revisions,
        quarantined=report.quarantined + quarantined,
        own=report.own + len(own) - revisions - quarantined,
    )


def _threads(held: Sequence[Held]) -> list[str]:
    threads = [each.value.get("thread_id") for each in held if each.value is not None and is_turn(each.value)]
    return [thread for thread in threads if isinstance(thread, str)]
