"""Consolidation: one run over the memories of a namespace."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.store.base import BaseStore, GetOp, Item, Op, PutOp, SearchOp

from warmgraph.clock import Clock, SystemClock
from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge.consolidation.episodes import Episode, episodes, is_turn, time_of
from warmgraph.knowledge.consolidation.forgetting import is_fact, last_uses, worth_forgetting
from warmgraph.knowledge.consolidation.sources import archive_namespace, named_sources
from warmgraph.knowledge.consolidation.themes import recurring_themes
from warmgraph.knowledge.consolidation.wording import Wording, speaker
from warmgraph.knowledge.history import ROOT, Ending, put_op, retire, submit
from warmgraph.knowledge.sameness import fingerprint, gist
from warmgraph.knowledge.schemas import content_of
from warmgraph.knowledge.turnstile import enter, leave
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.namespaces import NamespaceTemplate
from warmgraph.store.scopes import namespace_of_call, store_of_call

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from warmgraph.short_term.prompts import Prompts

__all__ = ["SUMMARY", "THEMES", "Consolidated", "Consolidator", "create_consolidator"]

_logger = logging.getLogger(__name__)

SUMMARY, THEMES = "Summary", "Themes"
PAGE = 200
_KEYS = uuid5(NAMESPACE_URL, "warmgraph:consolidation")


@dataclass(frozen=True, slots=True)
class Consolidated:
    """What a run did.

    Args:
        before: Memories that were there.
        after: Memories that are there now.
        summaries: Summaries that were written.
        archived: Turns that went into them.
        merged: Facts that another one said already.
        forgotten: Facts that became history, for their age and want of use.
        themes: Recurring themes that are listed now.
    """

    before: int = 0
    after: int = 0
    summaries: int = 0
    archived: int = 0
    merged: int = 0
    forgotten: int = 0
    themes: int = 0

    def as_json(self) -> dict[str, int]:
        """Return it as a graph's state has it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def create_consolidator(
    model: str | BaseChatModel | None = None,
    /,
    *,
    namespace: str | Sequence[str] | NamespaceTemplate = ("memories", "{user_id}"),
    store: BaseStore | None = None,
    older_than: timedelta = timedelta(days=30),
    turns: int = 4,
    share: float = 0.34,
    forget_after: timedelta | None = timedelta(days=365),
    themes: int = 10,
    prompts: Prompts | None = None,
    clock: Clock | None = None,
) -> Consolidator:
    """Create what makes old memories fewer. Run it by hand or by cron; run again at once, it changes nothing.

    - What was said long ago is summarized, `turns` consecutive turns of a conversation or more at a time. A summary
      names its sources in `meta.sources`, is found by their words as well, and replaces them; they lie word for word
      in an archive, where `sources_of` finds them.
    - Themes that recur in several conversations are listed in one memory, of the kind "Themes", with their sources.
    - Facts that say the same become one. Facts that are old, that no answer was given for long, and that are not
      marked as important become history: `history` reads them, `undo` brings them back, a recall `as_of` finds them.

    Args:
        model: Writes the summaries: a chat model, or the name of one. Without one, as with "offline", they are
            extracts: the sentences that say most. They are that also where the model fails.
        namespace: Template of the namespace.
        store: The store; that of the graph that runs by default.
        older_than: What was said more recently is left as it is.
        turns: Turns of a summary, at least, but in conversations that have fewer.
        share: How much of the characters an extract keeps.
        forget_after: After this long a fact that is not used is forgotten; `None` for never.
        themes: Themes listed, at most; 0 for none.
        prompts: What the model is asked, as for summaries of threads.
        clock: Tells the time.

    Raises:
        InvalidArgumentError: A bad argument. From a call also: UnresolvedNamespaceError without a user, StoreError
            without a store.
    """
    for name, number, least in (("turns", turns, 2), ("themes", themes, 0)):
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise InvalidArgumentError(name, expected=f"an integer >= {least}", got=number)
    if not 0 < share <= 1:
        raise InvalidArgumentError("share", expected="a share in (0, 1]", got=share)
    for name, span in (("older_than", older_than), ("forget_after", forget_after)):
        if span is not None and (not isinstance(span, timedelta) or span < timedelta(0)):
            raise InvalidArgumentError(name, expected="a timedelta >= 0", got=span)
    from warmgraph.short_term.prompts import TemplatePrompts  # its package brings the graph engine

    chosen: BaseChatModel | None = None
    if model is not None:
        from warmgraph.models.offline import OfflineChatModel
        from warmgraph.models.resolve import create_chat_model  # a tenth of a second of patterns

        chosen = create_chat_model(model)
        if isinstance(chosen, OfflineChatModel):  # it would quote as well, and the user alone
            chosen = None
    return Consolidator(
        chosen,
        NamespaceTemplate(namespace),
        store,
        older_than=older_than,
        turns=turns,
        share=share,
        forget_after=forget_after,
        themes=themes,
        prompts=prompts or TemplatePrompts(),
        clock=clock or SystemClock(),
    )


class Consolidator(Runnable[Any, Consolidated]):
    """Makes old memories fewer; made by `create_consolidator`."""

    def __init__(
        self,
        model: BaseChatModel | None,
        namespace: NamespaceTemplate,
        store: BaseStore | None,
        *,
        older_than: timedelta,
        turns: int,
        share: float,
        forget_after: timedelta | None,
        themes: int,
        prompts: Prompts,
        clock: Clock,
    ) -> None:
        self.name: str = "consolidate"
        self.namespace: NamespaceTemplate = namespace
        self._model, self._store, self._prompts, self._clock = model, store, prompts, clock
        self._older_than, self._forget_after = older_than, forget_after
        self._turns, self._share, self._themes = turns, share, themes

    def invoke(self, input: Any = None, config: RunnableConfig | None = None, **kwargs: Any) -> Consolidated:
        """Consolidate the memories of the user of this call; the input may be empty."""
        return run(self.steps(config))

    async def ainvoke(self, input: Any = None, config: RunnableConfig | None = None, **kwargs: Any) -> Consolidated:
        """Do what `invoke` does, on an event loop."""
        return await arun(self.steps(config))

    def steps(self, config: RunnableConfig | None = None) -> Steps[Consolidated]:
        """Do what `invoke` does, as steps."""
        namespace, store = namespace_of_call(self.namespace, config), store_of_call(self._store)
        now = self._clock.now()
        items = yield from _all(store, namespace)
        there = {item.key: item for item in items}
        yield from self._complete(store, namespace, there)
        used = yield from self._uses(store, namespace, there)
        archived, summaries = yield from self._summarize(store, namespace, there, now, config)
        merged = yield from self._merge(store, namespace, there, now)
        forgotten = yield from self._forget(store, namespace, there, used, now)
        themes = yield from self._list_themes(store, namespace, there)
        return Consolidated(len(items), len(there), summaries, archived, merged, forgotten, themes)

    def _complete(self, store: BaseStore, namespace: tuple[str, ...], there: dict[str, Item]) -> Steps[None]:
        """Take away sources of a summary that a run which was cut short has left."""
        left = [
            key
            for item in there.values()
            if item.value.get("kind") == SUMMARY
            for key in named_sources(item.value)
            if key in there and is_turn(there[key].value)
        ]
        if left:
            yield from submit(store, _moves(store, namespace, [there.pop(key) for key in dict.fromkeys(left)]))

    def _uses(self, store: BaseStore, namespace: tuple[str, ...], there: dict[str, Item]) -> Steps[dict[str, str]]:
        """Note when each memory was last used: turns that tell it go into the archive."""
        place = (ROOT, "uses", str(len(namespace)), *namespace)
        (known,) = yield from submit(store, [GetOp(place, "last", refresh_ttl=False)])
        before: Mapping[str, Any] = known.value.get("last") or {} if known is not None else {}
        turns = [item for item in there.values() if is_turn(item.value)]
        used = {key: when for key, when in last_uses(turns, before).items() if key in there}
        if used != before:
            yield from submit(store, [PutOp(place, "last", {"last": used}, index=False)])
        return used

    def _summarize(
        self,
        store: BaseStore,
        namespace: tuple[str, ...],
        there: dict[str, Item],
        now: datetime,
        config: RunnableConfig | None,
    ) -> Steps[tuple[int, int]]:
        said = [item for item in there.values() if is_turn(item.value)]
        wording, archived, written = Wording(said), 0, 0
        for episode in episodes(said, now - self._older_than, self._turns):
            text, by = yield from self._written(episode, wording, config)
            current = yield from submit(store, [GetOp(namespace, item.key, refresh_ttl=False) for item in episode])
            if [item and item.value for item in current] != [item.value for item in episode]:
                continue  # somebody is writing there: the next run will see
            key = str(uuid5(_KEYS, "\n".join(item.key for item in episode)))
            value = _summary(episode, text, by, wording, now)
            lives = (store.ttl_config or {}).get("default_ttl")
            put = PutOp(namespace, key, value, index=["content", "meta.terms"], ttl=lives)
            yield from submit(store, [put, *_moves(store, namespace, episode)])
            for item in episode:
                del there[item.key]
            there[key] = Item(value=value, key=key, namespace=namespace, created_at=now, updated_at=now)
            archived += len(episode)
            written += 1
        return archived, written

    def _written(self, episode: Episode, wording: Wording, config: RunnableConfig | None) -> Steps[tuple[str, str]]:
        """Return a summary, and whether a model wrote it or it was extracted."""
        if self._model is not None:
            model = self._model
            asked = self._prompts.ask([_message(item) for item in episode], None)
            try:
                answer: BaseMessage = yield Io(
                    lambda: model.invoke(asked, config), lambda: model.ainvoke(asked, config)
                )
                text = answer.text.strip()
                if text:
                    return text, "model"
            except Exception:
                _logger.warning("a model failed to summarize; the summary is an extract", exc_info=True)
        return wording.extract(episode, self._share), "extract"

    def _merge(self, store: BaseStore, namespace: tuple[str, ...], there: dict[str, Item], now: datetime) -> Steps[int]:
        """Keep of facts that say the same the one that is trusted most, of those the oldest."""
        said: dict[Any, str] = {}
        gone = []
        facts = [item for item in there.values() if is_fact(item.value)]
        for item in sorted(facts, key=lambda item: (-_trust(item), time_of(item), item.key)):
            kind, content = content_of(item.value)
            words = gist(content)
            mark = fingerprint(kind, content) if words is None else (kind or "Memory", words)
            if said.setdefault(mark, item.key) != item.key:
                gone.append(item)
        yield from self._end(store, namespace, there, gone, now, "merged")
        return len(gone)

    def _forget(
        self,
        store: BaseStore,
        namespace: tuple[str, ...],
        there: dict[str, Item],
        used: Mapping[str, str],
        now: datetime,
    ) -> Steps[int]:
        if self._forget_after is None:
            return 0
        facts = [item for item in there.values() if is_fact(item.value)]
        gone = [item for item in facts if worth_forgetting(item, used, now, self._forget_after)]
        yield from self._end(store, namespace, there, gone, now, "forgotten")
        return len(gone)

    def _end(
        self,
        store: BaseStore,
        namespace: tuple[str, ...],
        there: dict[str, Item],
        gone: Sequence[Item],
        now: datetime,
        ended: Ending,
    ) -> Steps[None]:
        """Make facts history, unless somebody has changed them meanwhile."""
        for item in gone:
            lock = yield from enter(namespace)
            try:
                (current,) = yield from submit(store, [GetOp(namespace, item.key, refresh_ttl=False)])
                if current is not None and current.value == item.value:
                    past, _, _ = yield from retire(store, current, now.isoformat(), ended)
                    yield from submit(store, [past, PutOp(namespace, item.key, None)])
            finally:
                leave(lock)
            there.pop(item.key)

    def _list_themes(self, store: BaseStore, namespace: tuple[str, ...], there: dict[str, Item]) -> Steps[int]:
        key = str(uuid5(_KEYS, "themes"))
        summaries = [item for item in there.values() if item.value.get("kind") == SUMMARY]
        found = recurring_themes(sorted(summaries, key=lambda item: (time_of(item), item.key)), self._themes)
        value = None
        if found:
            listed = ", ".join(f"{theme.word} ({theme.conversations} conversations)" for theme in found)
            sources = list(dict.fromkeys(source for theme in found for source in theme.sources))
            value = {
                "kind": THEMES,
                "content": f"Recurring themes, often talked about: {listed}.",
                "type": "episodic",
                "meta": {"themes": [theme.as_json() for theme in found], "sources": sources},
            }
        before = there[key].value if key in there else None
        if value != before:
            put = PutOp(namespace, key, None) if value is None else put_op(store, namespace, key, value, found=True)
            yield from submit(store, [put])
        if value is None:
            there.pop(key, None)
        elif key not in there:
            now = self._clock.now()
            there[key] = Item(value=value, key=key, namespace=namespace, created_at=now, updated_at=now)
        return len(found)


def _all(store: BaseStore, namespace: tuple[str, ...]) -> Steps[list[Item]]:
    """Return everything in a namespace, and nothing below it."""
    found: dict[str, Item] = {}
    offset = 0
    while True:
        (page,) = yield from submit(store, [SearchOp(namespace, limit=PAGE, offset=offset, refresh_ttl=False)])
        found.update({item.key: item for item in page if tuple(item.namespace) == namespace})
        if len(page) < PAGE:
            return list(found.values())
        offset += PAGE


def _moves(store: BaseStore, namespace: tuple[str, ...], turns: Sequence[Item]) -> list[Op]:
    """Return what moves turns into the archive: copies first, for stores that write one after the other."""
    place = archive_namespace(namespace)
    copies: list[Op] = [put_op(store, place, item.key, {**item.value, "key": item.key}, found=False) for item in turns]
    return [*copies, *(PutOp(namespace, item.key, None) for item in turns)]


def _summary(episode: Episode, text: str, by: str, wording: Wording, now: datetime) -> dict[str, Any]:
    first = episode[0].value
    thread = {"thread_id": first["thread_id"]} if isinstance(first.get("thread_id"), str) else {}
    return {
        "kind": SUMMARY,
        "content": text,
        "type": "episodic",
        **thread,
        "position": first["position"],
        "said_at": time_of(episode[0]).isoformat(),
        "is_question": False,
        "meta": {
            "sources": [item.key for item in episode],
            "said_until": time_of(episode[-1]).isoformat(),
            "authors": list(dict.fromkeys(speaker(item) for item in episode)),
            "terms": wording.left_out(episode, text),
            "written_by": by,
            "created_at": now.isoformat(),
        },
    }


def _message(item: Item) -> HumanMessage:
    # A human turn whoever said it, with the name before it: two people may talk to each other.
    return HumanMessage(f"{speaker(item)}: {item.value['content']}")


def _trust(item: Item) -> float:
    trust = item.value.get("trust")
    return float(trust) if isinstance(trust, int | float) else 0.5
