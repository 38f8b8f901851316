"""`warmgraph bench import`: what it costs to import warmgraph, over LangGraph alone."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table, percentile

__all__ = ["BAR_SECONDS", "IMPORT"]

# The most CPU time that `import warmgraph` may add to that of the module whose classes it implements.
BAR_SECONDS = 0.3

# The most CPU time that the tools for memories may take, by that of `langgraph.graph`: 1.0 s where that takes 2.2 s.
TOOLS_BAR_RATIO = 1.0 / 2.2

BASE = "import langgraph.store.base"
TOOLS = "and the memory tools"
STATEMENTS = {
    "langgraph.store.base": BASE,
    "and warmgraph": f"{BASE}, warmgraph",
    "and WarmStore": f"{BASE}; from warmgraph import WarmStore",
    "langgraph.graph": "import langgraph.graph",
    "and create_memory_agent": "import langgraph.graph; from warmgraph import create_memory_agent",
    "langchain_core.tools": f"{BASE}; from langchain_core.tools import StructuredTool",
    TOOLS: "from warmgraph import create_manage_memory_tool, create_search_memory_tool",
}
# What is compared where it is installed.
PEERS = {"langmem": "import langmem"}
# What each of ours is compared with.
BASES = {
    "and warmgraph": "langgraph.store.base",
    "and WarmStore": "langgraph.store.base",
    "and create_memory_agent": "langgraph.graph",
}

_DESCRIPTION = """
Starts an interpreter for each import and takes the CPU time of the whole process, the statements one after the other
in each lap. What one statement costs more than another is compared lap by lap, so that what the machine does besides
hits both. The modules that each loads are counted as well.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--runs", type=at_least_one, default=7, metavar="N", help="laps to time (default: %(default)s)")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    statements = {**STATEMENTS, **{name: code for name, code in PEERS.items() if find_spec(name) is not None}}
    for statement in statements.values():
        _import(statement)  # compiles what was never imported, and warms the disk cache
    seconds: dict[str, list[float]] = {name: [] for name in statements}
    modules: dict[str, int] = {}
    for lap in range(args.runs):
        tell(f"lap {lap + 1} of {args.runs}")
        for name, statement in statements.items():
            lap_seconds, modules[name] = _import(statement)
            seconds[name].append(lap_seconds)
    figures: dict[str, Any] = {}
    rows: list[list[str]] = []
    for name, spent in seconds.items():
        found: dict[str, float] = {"cpu_seconds": percentile(spent, 0.5), "modules": modules[name]}
        cells = ["", ""]
        if name in BASES:
            base = seconds[BASES[name]]
            found["over_base_seconds"] = percentile([a - b for a, b in zip(spent, base, strict=True)], 0.5)
            found["over_base_ratio"] = percentile([a / b for a, b in zip(spent, base, strict=True)], 0.5) - 1
            cells = [f"{found['over_base_seconds']:+.3f}", f"{found['over_base_ratio']:+.0%}"]
        figures[name.removeprefix("and ")] = found
        rows.append([name, f"{found['cpu_seconds']:.2f}", *cells, str(modules[name])])
    table = Table(
        ["import", "CPU s", "over it s", "over it %", "modules"],
        rows,
        title=f"An import in a fresh interpreter, median of {args.runs}",
        note='"and ...": on top of the last line that stands without "and".',
    )
    over = figures["warmgraph"]["over_base_seconds"]
    verdict = "within" if over <= BAR_SECONDS else "above"
    ratio, least = (
        percentile([a / b for a, b in zip(seconds[name], seconds["langgraph.graph"], strict=True)], 0.5)
        for name in (TOOLS, "langchain_core.tools")
    )
    figures["the memory tools"] |= {"to_langgraph_graph_ratio": ratio, "least_possible_ratio": least}
    tools = "within" if ratio <= TOOLS_BAR_RATIO else "above"
    conclusion = (
        f"import warmgraph: {over:+.3f} s of CPU over {BASE}: {verdict} the bar of {BAR_SECONDS} s.\n"
        f"the memory tools: {ratio:.2f} of the CPU of `import langgraph.graph`: {tools} the bar of "
        f"{TOOLS_BAR_RATIO:.2f}, of which LangGraph's and LangChain's own bases of a store and a tool are {least:.2f}."
    )
    settings = {"runs": args.runs, "command": f"warmgraph bench import --runs {args.runs}"}
    return Report("import", settings, figures, [table], conclusion)


def _import(statement: str) -> tuple[float, int]:
    """Return the CPU seconds of a fresh interpreter that imports something, and the modules it ends up with."""
    import subprocess
    import sys

    code = f"{statement}\nimport sys, time\nprint(time.process_time(), len(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    spent, modules = done.stdout.split()
    return float(spent), int(modules)


IMPORT = Benchmark(
    name="import",
    summary="what importing warmgraph costs, over LangGraph alone",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
