"""All cases of the contract, by subject. Importing a subject enters its cases."""

from warmgraph.testing.conformance.cases import (  # noqa: F401
    concurrency,
    filters,
    items,
    namespaces,
    ranking,
    refusals,
    searching,
    times_to_live,
)
from warmgraph.testing.conformance.registry import CASES

__all__ = ["CASES"]
