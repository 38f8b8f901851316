"""`warmgraph bench inline`: what memory adds to a call of OpenAI's client."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table, percentile

__all__ = ["BAR_MILLISECONDS", "INLINE"]

# The most that memory may add to a call, by the median, on a memory of 10,000 items.
BAR_MILLISECONDS = 3.0
WORDS = 12  # of a memory

_DESCRIPTION = """
Calls a server on this machine that answers at once: with OpenAI's own client, and with the same client wrapped by
`with_fast_memory`, by turns. Memory is a file of --items memories of one user; each call looks for memories, puts them
before the message, asks for a block and takes it out of the answer. What the wrapped client takes longer is compared
lap by lap, so that what the machine does besides hits both.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--items", type=at_least_one, default=10_000, metavar="N", help="memories of the user (default: %(default)s)"
    )
    parser.add_argument(
        "--laps", type=at_least_one, default=300, metavar="N", help="laps to time (default: %(default)s)"
    )


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    import tempfile
    from pathlib import Path
    from random import Random

    from langgraph.store.base import PutOp
    from openai import OpenAI

    from warmgraph.bench.inline_server import instant_server
    from warmgraph.bench.race import race
    from warmgraph.bench.words import Vocabulary
    from warmgraph.clients import with_fast_memory

    words = Vocabulary(Random(0), 5_000)
    texts = [" ".join(words.some(WORDS)) for _ in range(args.items)]
    with instant_server() as url, tempfile.TemporaryDirectory() as directory:
        bare = OpenAI(api_key="none", base_url=url, max_retries=0)
        wrapped = with_fast_memory(bare, "ana", Path(directory) / "memory.db")
        tell(f"writing {args.items} memories")
        memory = wrapped.memory
        for at in range(0, len(texts), 500):
            memory.store.batch(
                [
                    PutOp(memory.namespace, str(at + number), {"kind": "Memory", "content": text}, index=["content"])
                    for number, text in enumerate(texts[at : at + 500])
                ]
            )
        tell(f"{args.laps} laps of two clients")

        def calling(client: Any) -> Callable[[int], object]:
            def call(number: int) -> object:
                asked = {"role": "user", "content": texts[number * 7 % len(texts)]}
                return client.chat.completions.create(model="instant", messages=[asked])

            return call

        timings = race({"bare": calling(bare), "with memory": calling(wrapped)}, laps=args.laps, seconds=60.0)
        failures = memory.stats()["failures"]
        wrapped.close()
    over = [mine - other for mine, other in zip(timings["with memory"].laps, timings["bare"].laps, strict=True)]
    figures: dict[str, Any] = {
        "bare_p50_ms": 1000 * timings["bare"].p50,
        "with_memory_p50_ms": 1000 * timings["with memory"].p50,
        "over_p50_ms": 1000 * percentile(over, 0.5),
        "over_p90_ms": 1000 * percentile(over, 0.9),
        "failures": failures,
    }
    rows = [[name, f"{1000 * timing.p50:.2f}", f"{1000 * timing.p90:.2f}"] for name, timing in timings.items()]
    rows.append(["memory adds", f"{figures['over_p50_ms']:.2f}", f"{figures['over_p90_ms']:.2f}"])
    table = Table(["a call", "p50 ms", "p90 ms"], rows, title=f"A call with {args.items} memories")
    verdict = "within" if figures["over_p50_ms"] <= BAR_MILLISECONDS else "above"
    conclusion = f"memory adds {figures['over_p50_ms']:.2f} ms (p50): {verdict} the bar of {BAR_MILLISECONDS:.0f} ms."
    command = f"warmgraph bench inline --items {args.items} --laps {args.laps}"
    return Report("inline", {"items": args.items, "laps": args.laps, "command": command}, figures, [table], conclusion)


INLINE = Benchmark(
    name="inline",
    summary="what memory adds to a call of OpenAI's client",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
