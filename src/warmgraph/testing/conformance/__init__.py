"""The conformance kit: the contract of `BaseStore`, as cases that any store can be run through."""

from warmgraph.testing.conformance.client import MODES
from warmgraph.testing.conformance.kit import ConformanceError, StoreCase, StoreReport, check_store, store_cases
from warmgraph.testing.conformance.registry import FEATURES

__all__ = ["FEATURES", "MODES", "ConformanceError", "StoreCase", "StoreReport", "check_store", "store_cases"]
