"""Measures what many clients of Flight SQL do to the engine: its p99 without them and with them, in turns, in one run.

    crowd.py FLIGHT_BENCH DIRECTORY [--clients N] [--seconds N] [--rate N] [--pairs N]

FLIGHT_BENCH is the built example; DIRECTORY has the rows that `bench_sql DIRECTORY --prepare` writes. Each turn is an engine of its own on the
simulator; the times are those from receipt to publication that it reports of itself, its warming up included in both. The
clients run where nobody else wants to, as if they were on machines of their own: at a low priority they would still
hold a core for some milliseconds when the engine wakes. Ends with 1 where a query fails.
"""

import argparse
import collections
import contextlib
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.flight as flight
from run import server

PROCESSES = 4
QUERIES = (
    "select objective, mean, risk, sharpe from portfolios order by bar desc limit 4",
    "select asset, price from live.ticks limit 20",
    "select asset, count(*) as bars, avg(close) as close from bars group by asset",
    "select bar, risk, mean from frontiers order by bar desc limit 50",
    "select stage, p50, p99 from latency order by as_of desc limit 10",
)
START = 60


@contextlib.contextmanager
def started(program: Path, directory: Path, rate: int) -> Iterator[tuple[subprocess.Popen, str, str]]:
    """A server over the stored rows of a directory with an engine beside it, and where its metrics and its Flight are."""
    with server([program, directory, rate]) as (run, grpc):
        page = run.stdout.readline().strip()
        if not page.startswith("http://"):
            sys.exit(f"crowd: {program} has said {page!r} instead of where its metrics are")
        deadline = time.monotonic() + START
        while "count" not in latency(page):
            if time.monotonic() > deadline:
                sys.exit(f"crowd: the engine has answered nothing in {START} s")
            time.sleep(0.1)
        yield run, page, grpc


def latency(page: str) -> dict[str, float]:
    """Microseconds from receipt to publication, and how many there were."""
    with urllib.request.urlopen(f"{page}/metrics") as answer:
        text = answer.read().decode()
    found = {}
    for line in text.splitlines():
        if 'stage="total"' in line and "latency" in line:
            labels, value = line.rsplit(" ", 1)
            quantile = re.search(r'quantile="([^"]+)"', labels)
            found[quantile.group(1) if quantile else "count"] = float(value) * (1e6 if quantile else 1)
    return found


def ask(address: str, clients: int, seconds: float, results: multiprocessing.Queue) -> None:
    """So many clients, each on a connection of its own, one query after the other."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    outcomes: collections.Counter[str] = collections.Counter()
    times: list[float] = []
    until = time.monotonic() + seconds

    def one(place: int) -> None:
        client = flight.connect(address)
        number = place
        while time.monotonic() < until:
            query = QUERIES[number % len(QUERIES)]
            number += 1
            began = time.monotonic()
            try:
                info = client.get_flight_info(flight.FlightDescriptor.for_command(query.encode()))
                client.do_get(info.endpoints[0].ticket).read_all()
                outcomes["answered"] += 1
                times.append(time.monotonic() - began)
            except pyarrow.ArrowException as error:
                outcomes[f"{type(error).__name__}: {str(error)[:120]}"] += 1
        client.close()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((outcomes, times))


def turn(arguments: argparse.Namespace, clients: int) -> dict:
    """One run with so many clients."""
    outcomes: collections.Counter[str] = collections.Counter()
    times: list[float] = []
    with started(arguments.program, arguments.directory, arguments.rate) as (_, page, grpc):
        if clients:
            results: multiprocessing.Queue = multiprocessing.Queue()
            each = clients // PROCESSES
            crowd = [
                multiprocessing.Process(target=ask, args=(grpc, each, arguments.seconds, results))
                for _ in range(PROCESSES)
            ]
            for process in crowd:
                process.start()
            for _ in crowd:
                counted, took = results.get()
                outcomes += counted
                times += took
            for process in crowd:
                process.join()
        else:
            time.sleep(arguments.seconds)
        engine = latency(page)
    times.sort()
    queries = {"p50_ms": times[len(times) // 2] * 1e3, "p99_ms": times[len(times) * 99 // 100] * 1e3} if times else {}
    return {"clients": clients, "engine_us": engine, "outcomes": dict(outcomes), "queries": queries}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    turns = [turn(arguments, clients) for _ in range(arguments.pairs) for clients in (0, arguments.clients)]
    failed = 0
    for result in turns:
        engine, outcomes = result["engine_us"], result["outcomes"]
        shown = ", ".join(f"{name} {value:,.0f}" for name, value in sorted(engine.items()))
        print(f"  {result['clients']:>3} clients: receipt to publication in µs: {shown}; queries: {outcomes} {result['queries']}")
        failed += sum(count for name, count in outcomes.items() if name != "answered")
    p99 = {
        clients: statistics.median(turn["engine_us"]["0.99"] for turn in turns if turn["clients"] == clients)
        for clients in (0, arguments.clients)
    }
    quiet, crowded = p99[0], p99[arguments.clients]
    print(f"  p99: {quiet:.0f} µs without clients, {crowded:.0f} µs with {arguments.clients}: {crowded / quiet:.2f} times")
    (arguments.directory / "crowd.json").write_text(json.dumps(turns, indent=1) + "\n")
    if failed:
        sys.exit(f"crowd: {failed} queries failed")


if __name__ == "__main__":
    main()
