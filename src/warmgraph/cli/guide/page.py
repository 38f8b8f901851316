"""The page: what is written in `page.html`, with pictures, figures and the program's own words put in."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from importlib import import_module, resources
from typing import Any

from warmgraph.cli.guide import examples
from warmgraph.cli.guide.figures import Results, bars
from warmgraph.cli.guide.pictures import draw_graph

__all__ = ["render_guide"]

STORES = ("WarmStore, RAM", "WarmStore, file, all warm", "SqliteStore", "InMemoryStore", "WarmMemory, keywords")
INDEXES = ("warmgraph RoutedIndex", "hnswlib M=16", "faiss IVFFlat", "numpy exact")
COSTS = {
    "bytes of a memory on disk": ("bytes", "disk_bytes_per_item"),
    "bytes of a memory in the indexes in RAM, while its user is there": ("bytes", "ram_bytes_per_item"),
    "bytes of a warm memory": ("bytes", "warm_bytes_per_item"),
    "to open the file": ("seconds", "open_s"),
    "to bring a user into RAM: the first recall": ("seconds", "first_recall_s"),
    "to copy the file while it is in use": ("seconds", "backup_s"),
    "to examine it: warmgraph doctor": ("seconds", "doctor_s"),
    "to export it": ("seconds", "export_s"),
    "to import it": ("seconds", "import_s"),
    "to erase a user, the file rewritten": ("seconds", "forget_s"),
    "to erase a user without rewriting": ("seconds", "forget_without_rewriting_s"),
}


def render_guide(results: Results) -> str:
    """Return the guide as one HTML page.

    Args:
        results: The results of the benchmarks.

    Raises:
        CommandError: A result is missing.
    """
    from warmgraph import __version__

    agent = _agent()
    parts: dict[str, Callable[[], str]] = {
        "style": lambda: _resource("style.css"),
        "script": lambda: _resource("script.js"),
        "version": lambda: escape(__version__),
        "environment": lambda: escape(results.environment("turn")),
        "picture_of_the_agent": lambda: draw_graph(agent, "The graph of the memory agent", _described(agent)),
        "steps": lambda: _steps(agent, results),
        "other_pictures": _other_pictures,
        "bars_of_stores": lambda: _bars_of_stores(results),
        "bars_of_indexes": lambda: _bars_of_indexes(results),
        "example_agent": lambda: examples.render_example(examples.AGENT),
        "example_store": lambda: examples.render_example(examples.STORE),
        "example_nodes": lambda: examples.render_example(examples.NODES),
        "example_erase": lambda: examples.render_example(examples.ERASE),
        "table_of_costs": lambda: _table_of_costs(results),
        "command_of_upkeep": lambda: escape(str(results.setting("upkeep", "command"))),
        "table_of_commands": _table_of_commands,
    }

    def put_in(found: re.Match[str]) -> str:
        if found["file"] is None:
            return parts[found["name"]]()
        return results.show(found["how"], found["file"], *found["path"].split("/"))

    return _PLACE.sub(put_in, _resource("page.html")) + "\n"


_PLACE = re.compile(r"\{\{(?:(?P<file>\w+)#(?P<path>[\w/]+)\|(?P<how>\w+)|(?P<name>\w+))\}\}")


def _resource(name: str) -> str:
    return (resources.files("warmgraph.cli.guide") / name).read_text(encoding="utf-8").strip()


def _agent() -> Any:
    from warmgraph.prebuilt import create_memory_agent

    def tool(text: str) -> str:
        """Stand for the tools of a user."""
        return text

    return create_memory_agent("offline", reflection="reflect", tools=[tool]).get_graph()


def _described(graph: Any) -> dict[str, str]:
    """Return what each node does, in the words of its module."""
    told = {}
    for node in graph.nodes.values():
        try:
            document = import_module(f"warmgraph.nodes.{node.id}").__doc__ or ""
        except ModuleNotFoundError:  # the start, the end, the tools of a user
            document = ": run the tools that the model called." if node.id == "tools" else ""
        words = document.split("\n\n")[0].replace("\n", " ").partition(": ")[2]
        told[node.id] = f"{words[:1].upper()}{words[1:]}"
    return told


def _steps(graph: Any, results: Results) -> str:
    steps = []
    for name, told in _described(graph).items():
        if name.startswith("__"):
            continue
        path = ("turn", "sync_file_nodes_ms", name)
        time = f' <span class="time">{results.show("milliseconds", *path)}</span>' if results.has(*path) else ""
        steps.append(f'<li data-step="{name}" tabindex="0"><b>{name}</b>{escape(told)}{time}</li>')
    return "".join(steps)


def _other_pictures() -> str:
    from warmgraph.nodes import ThreadSummarizer
    from warmgraph.prebuilt import create_recall_graph, create_reflection_graph, create_summarization_graph

    graphs = {
        "Recall alone, without a model": create_recall_graph(),
        "Reflection, as a run of its own": create_reflection_graph(ThreadSummarizer("offline")),
        "Summaries of threads that have grown long": create_summarization_graph("offline"),
    }
    pictures = []
    for told, graph in graphs.items():
        drawn = graph.get_graph()
        picture = draw_graph(drawn, told, _described(drawn))
        pictures.append(f'<figure class="picture"><figcaption>{told}</figcaption>{picture}</figure>')
    return "".join(pictures)


def _bars_of_stores(results: Results) -> str:
    cases = {
        "search_32": "A search by meaning among 32 memories of one user, the query's vector looked up.",
        "search_1000": "The same among 1,000.",
    }
    charts = []
    for case, caption in cases.items():
        rows = [(name, name.startswith("WarmStore"), ("store", case, name, "p50_us")) for name in STORES]
        charts.append(bars(results, "microseconds", rows, caption))
    return "".join(charts)


def _bars_of_indexes(results: Results) -> str:
    names = results.names("index", "compare_100000")
    rows = [
        (name, name.startswith("warmgraph"), ("index", "compare_100000", names.index(name), "p50_us"))
        for name in INDEXES
    ]
    caption = "The nearest ten of 100,000 vectors, by indexes that find at least 99% of them."
    return bars(results, "microseconds", rows, caption)


def _table_of_costs(results: Results) -> str:
    largest = max(results.setting("upkeep", "items"))
    cases = (f"words_{largest}", f"vectors_{largest}")
    rows = []
    for told, (how, name) in COSTS.items():
        cells = "".join(f'<td class="figure">{results.show(how, "upkeep", case, name)}</td>' for case in cases)
        rows.append(f"<tr><td>{told}</td>{cells}</tr>")
    head = f"{largest:,} memories, {results.setting('upkeep', 'each'):,} a user"
    dims = results.setting("upkeep", "dims")
    return _table((head, "words alone", f"with vectors of {dims}"), rows)


def _table_of_commands() -> str:
    from warmgraph.cli.program import create_parser, list_commands

    rows = [
        f"<tr><td><code>warmgraph {escape(name)}</code></td><td>{escape(told)}</td></tr>"
        for name, told in list_commands(create_parser())
    ]
    return _table(("command", "what it does"), rows)


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"<th>{each}</th>" for each in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
