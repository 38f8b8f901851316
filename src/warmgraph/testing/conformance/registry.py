"""The list of cases: each is a function of a `Setting`, entered by the decorator `case`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from warmgraph.testing.conformance.setting import Setting

__all__ = ["CASES", "FEATURES", "Case", "Check", "case"]

Check: TypeAlias = Callable[[Setting], None]

FEATURES: dict[str, str] = {
    "index": "takes `index` and scores by the cosine of embeddings",
    "distances": "takes `distance_type` in `index`: scores by distance or product as well",
    "ttl": "takes `ttl` and `clock`, an object whose `now()` is the time: items expire",
    "words": "ranks by words where it has no index",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One behaviour of a store.

    Args:
        name: What holds, as an identifier.
        says: The same in a sentence.
        needs: Features without which it cannot be asked for.
        check: Raises where it does not hold.
    """

    name: str
    says: str
    needs: frozenset[str]
    check: Check


CASES: dict[str, Case] = {}


def case(*needs: str) -> Callable[[Check], Check]:
    """Enter a function into the list, named and described by itself.

    Args:
        needs: Keys of `FEATURES`.
    """

    def enter(check: Check) -> Check:
        name = check.__name__
        if name in CASES or not set(needs) <= FEATURES.keys():
            raise ValueError(f"case {name}: a name of its own and features among {', '.join(FEATURES)} are needed")
        CASES[name] = Case(name, (check.__doc__ or name).split("\n")[0], frozenset(needs), check)
        return check

    return enter
