"""Events that a question puts in an order: "what came after the move?", "how long between the offer and the move?"."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import numpy as np

from warmgraph.index import FloatArray, Known

__all__ = ["Relation", "read_relation", "related"]

Kind = Literal["after", "before", "between"]


class Relation(NamedTuple):
    """How what is asked for stands to events that the question names.

    Args:
        kind: It came "after" an event, or "before" it, or is the time "between" two.
        events: The events, as the question puts them: one, or two.
    """

    kind: Kind
    events: tuple[str, ...]


def read_relation(text: str) -> Relation | None:
    """Return the relation that a question asks for, or `None`.

    "How did she feel after the race?" asks for none: that is told where the race is told.

    Args:
        text: The question, in English.

    Example:
        >>> read_relation("What did I do right after the marathon?")
        Relation(kind='after', events=('the marathon',))
        >>> read_relation("How long was it between the offer and the move?").events
        ('the offer', 'the move')
    """
    if _NAMES_ORDER(text) is None:  # of most questions; a look that costs a fifth of the others
        return None
    between = _BETWEEN(text)
    if between is not None:
        return Relation("between", (between["first"].strip(), between["second"].strip()))
    order = _ORDER(text)
    if order is None:
        return None
    kind: Kind = "before" if order["order"].lower() in ("before", "prior to") else "after"
    return Relation(kind, (order["event"].strip(),))


def related(kind: Kind, scores: list[FloatArray], known: Known) -> FloatArray:
    """Return how well each slot stands in a relation to events: array of shape (slots,), float32, in [0, 1].

    Between: as well as it speaks of the one event or of the other, so that both are found. After or before: 1 for the
    next item of the thread that speaks most of the event, less for each further one, and at most a half for what was
    said at another time, fading over weeks. All 0 if nothing speaks of the event.

    Args:
        kind: The relation.
        scores: For each event, how well each slot speaks of it: arrays of shape (slots,), float32, in [0, 1].
        known: Who comes before and after whom, and when.
    """
    if kind == "between":
        best: FloatArray = np.maximum.reduce(scores)
        return best
    found = np.zeros(len(scores[0]), np.float32)
    event = int(scores[0].argmax()) if len(found) else 0
    if not len(found) or scores[0][event] < SPEAKS_OF_IT:
        return found
    gaps = known.said_at - known.said_at[event] if kind == "after" else known.said_at[event] - known.said_at
    other_times = np.flatnonzero(gaps > 0)
    found[other_times] = 0.5 * np.exp(-gaps[other_times] / FADES)
    hop, step = (known.next if kind == "after" else known.previous), event
    for weight in NEAR:
        step = int(hop[step])
        if step >= len(found):
            break
        found[step] = weight
    return found


SPEAKS_OF_IT = 0.25
"""The share of the best possible lexical score from which on an item is taken to speak of an event."""

FADES = 14 * 86_400.0
"""Seconds after which what came later counts less by a factor of e."""

NEAR = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)

_NAMES_ORDER = re.compile(r"\b(?:after|before|following|prior to|between|from) ", re.IGNORECASE).search
_BETWEEN = re.compile(
    r"\bhow (?:long|much time|many (?:days|weeks|months|years))\b.*?\b(?:between|from) "
    r"(?P<first>[^?]+?) (?:and|to|until) (?P<second>[^?]+)",
    re.IGNORECASE,
).search
_ORDER = re.compile(
    r"^\W*(?:and |so |but )?(?:what|who|where|which)\b.*?\b(?:happened|happens|came|comes|come|did|do|done|was|were"
    r"|went|next|followed)\b.*?\b(?P<order>after|before|following|prior to) (?P<event>[^?]+)",
    re.IGNORECASE,
).search
