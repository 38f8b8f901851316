"""Pictures of graphs as SVG: drawn from what a graph itself says of its nodes and edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

__all__ = ["draw_graph"]

Edge: TypeAlias = tuple[str, str, bool]
WIDTH, HEIGHT = 184.0, 46.0
ACROSS, DOWN = 34.0, 42.0
NARROW = 26.0  # of a lane in which an edge passes by
MARGIN = 14.0
TURNED = 26.0  # how far an edge that leads back bends


class _Place(NamedTuple):
    x: float
    y: float
    width: float


def draw_graph(graph: Any, title: str, described: Mapping[str, str]) -> str:
    """Return the picture of a compiled graph.

    From top to bottom, each node below those that lead to it; dashed where the graph decides at run time.

    Args:
        graph: What `get_graph()` returned.
        title: What the picture shows, for those who do not see it.
        described: What each node does, shown when it is pointed at.
    """
    names = [node.id for node in graph.nodes.values()]
    edges: list[Edge] = [(edge.source, edge.target, bool(edge.conditional)) for edge in graph.edges]
    back = _leading_back(names, edges)
    ranks = _ranks(names, [edge for edge in edges if edge not in back])
    rows, ways = _rows(names, edges, back, ranks)
    places, width, height = _places(rows)
    turned = TURNED if back else 0.0
    parts = [_edge(edge, ways[edge], places) for edge in edges if edge not in back]
    parts += [_back_edge(edge, places) for edge in back]
    parts += [_node(name, places[name], described.get(name, "")) for name in names]
    across, down = width + 2 * MARGIN + turned, height + 2 * MARGIN
    return (
        f'<svg class="graph" viewBox="0 0 {across:.0f} {down:.0f}" style="max-width:{across:.0f}px" role="img"'
        f' aria-label="{escape(title, quote=True)}">'
        f"<title>{escape(title)}</title>"
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="8.5" refY="5" markerWidth="7" markerHeight="7"'
        ' orient="auto-start-reverse"><path d="M0 1 L9 5 L0 9 z" class="tip"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


def _leading_back(names: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges that close a circle, seen from the start."""
    following: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        following[edge[0]].append(edge)
    found: list[Edge] = []
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        for edge in following[name]:
            if edge[1] in (*way, name):
                found.append(edge)
            elif edge[1] not in done:
                visit(edge[1], (*way, name))
        done.add(name)

    visit(names[0], ())
    return found


def _ranks(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return how many steps lie at most between the start and each node."""
    ranks = dict.fromkeys(names, 0)
    for _ in names:
        for source, target, _ in edges:
            ranks[target] = max(ranks[target], ranks[source] + 1)
    last = max(ranks.values())
    return {name: last if name == "__end__" else rank for name, rank in ranks.items()}


def _rows(
    names: Sequence[str], edges: Sequence[Edge], back: Sequence[Edge], ranks: Mapping[str, int]
) -> tuple[list[list[str]], dict[Edge, list[str]]]:
    """Return what stands in each row, edges that pass by included, and the places that each edge goes by."""
    rows: list[list[str]] = [[] for _ in range(max(ranks.values()) + 1)]
    for name in names:
        rows[ranks[name]].append(name)
    ways: dict[Edge, list[str]] = {}
    for number, edge in enumerate(edges):
        if edge in back:
            continue
        lanes = [f"|{number}:{rank}" for rank in range(ranks[edge[0]] + 1, ranks[edge[1]])]
        for rank, lane in enumerate(lanes, start=ranks[edge[0]] + 1):
            rows[rank].append(lane)
        ways[edge] = [edge[0], *lanes, edge[1]]
    centre: dict[str, float] = {}
    before: dict[str, list[str]] = defaultdict(list)
    for way in ways.values():
        for source, target in pairwise(way):
            before[target].append(source)
    for row in rows:  # what comes from the left stands to the left, and what passes by to the right
        row.sort(key=lambda name: (sum(centre[each] for each in before[name]) / max(len(before[name]), 1), "|" in name))
        row.sort(key=lambda name: name.startswith("|") and len(row) > 1)
        for at, name in enumerate(row):
            centre[name] = at - (len(row) - 1) / 2
    return rows, ways


def _places(rows: Sequence[Sequence[str]]) -> tuple[dict[str, _Place], float, float]:
    widths = [[NARROW if name.startswith("|") else WIDTH for name in row] for row in rows]
    whole = max(sum(row) + ACROSS * (len(row) - 1) for row in widths)
    places: dict[str, _Place] = {}
    for rank, (row, sizes) in enumerate(zip(rows, widths, strict=True)):
        nodes = sum(size for name, size in zip(row, sizes, strict=True) if not name.startswith("|"))
        count = sum(not name.startswith("|") for name in row)
        left = MARGIN + (whole - sum(sizes) - ACROSS * (len(row) - 1)) / 2
        if count == 1 and len(row) > 1 and nodes + 2 * (sum(sizes) - nodes + ACROSS * (len(row) - 1)) <= whole:
            left = MARGIN + (whole - nodes) / 2  # the only node of a row stays on the axis
        for name, size in zip(row, sizes, strict=True):
            places[name] = _Place(left, MARGIN + rank * (HEIGHT + DOWN), size)
            left += size + ACROSS
    right = max(place.x + place.width for place in places.values())
    return places, max(whole, right - MARGIN), len(rows) * HEIGHT + (len(rows) - 1) * DOWN


def _edge(edge: Edge, way: Sequence[str], places: Mapping[str, _Place]) -> str:
    points: list[tuple[float, float]] = []
    for at, name in enumerate(way):
        place = places[name]
        middle = place.x + place.width / 2
        if at == 0:
            points.append((middle, place.y + HEIGHT))
        elif at == len(way) - 1:
            points.append((middle, place.y - 3))
        else:
            points += [(middle, place.y), (middle, place.y + HEIGHT)]
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (y2 - y1) / 2
        straight = abs(x1 - x2) < 0.5
        path += (
            f" L{x2:.1f} {y2:.1f}"
            if straight
            else (f" C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}")
        )
    return _path(edge, path)


def _back_edge(edge: Edge, places: Mapping[str, _Place]) -> str:
    source, target = places[edge[0]], places[edge[1]]
    x1, x2 = source.x + source.width, target.x + target.width
    y1, y2 = source.y + HEIGHT / 2, target.y + HEIGHT / 2
    out = max(x1, x2) + TURNED
    path = f"M{x1:.1f} {y1:.1f} C{out:.1f} {y1:.1f} {out:.1f} {y2:.1f} {x2 + 3:.1f} {y2:.1f}"
    return _path(edge, path)


def _path(edge: Edge, path: str) -> str:
    kind = "edge decides" if edge[2] else "edge"
    names = f'data-from="{escape(edge[0], quote=True)}" data-to="{escape(edge[1], quote=True)}"'
    return f'<path class="{kind}" {names} d="{path}" marker-end="url(#tip)"/>'


def _node(name: str, place: _Place, described: str) -> str:
    label = {"__start__": "start", "__end__": "end"}.get(name, name)
    kind = "end" if name.startswith("__") else "node"
    told = f"<title>{escape(described)}</title>" if described else ""
    middle, baseline = place.x + place.width / 2, place.y + HEIGHT / 2 + 5
    width = place.width if kind == "node" else 76.0
    return (
        f'<g class="{kind}" data-node="{escape(name, quote=True)}">{told}'
        f'<rect x="{middle - width / 2:.1f}" y="{place.y:.1f}" width="{width:.1f}" height="{HEIGHT:.0f}"'
        f' rx="{HEIGHT / 2 if kind == "end" else 11:.0f}"/>'
        f'<text x="{middle:.1f}" y="{baseline:.1f}">{escape(label)}</text></g>'
    )
