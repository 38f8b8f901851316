"""Measurements that can be repeated, and how their results are told."""

from __future__ import annotations

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.registry import BENCHMARKS
from warmgraph.bench.report import Report, Table, environment, percentile, write_json

__all__ = ["BENCHMARKS", "Benchmark", "Report", "Table", "environment", "percentile", "write_json"]
