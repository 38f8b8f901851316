"""Figures in documents: each says in a comment where it comes from, and is put in anew from there.

In Markdown a figure is written as `<!--=FILE#PATH|HOW-->shown<!--/-->`, which shows as the figure alone. `PATH` may end
in `*NUMBER`, for what follows from a measurement: `upkeep#vectors_100000/disk_bytes_per_item*1e6|gigabytes`.
"""

from __future__ import annotations

import re

from warmgraph.cli.guide.figures import WRITTEN_AS, Results

__all__ = ["put_in_figures"]

_FIGURE = re.compile(
    r"<!--=(?P<file>\w+)#(?P<path>[^|*>]+)(?:\*(?P<factor>[\d.e+-]+))?\|(?P<how>\w+)-->(?P<shown>.*?)<!--/-->"
)


def put_in_figures(text: str, results: Results) -> str:
    """Return a document with all of its figures as they are in the results.

    Raises:
        CommandError: A result is missing.
    """

    def anew(found: re.Match[str]) -> str:
        value = results.value(found["file"], *found["path"].split("/")) * float(found["factor"] or 1)
        head, _, _ = found[0].partition("-->")
        return f"{head}-->{WRITTEN_AS[found['how']](value)}<!--/-->"

    return _FIGURE.sub(anew, text)
