"""Writes, reads and asks tables in a real Cassandra node, beside the bare Rust driver and the Python driver, in turns, in one run.

    run.py BENCH FOLDER [--rows N] [--turns N] [--smoke]

BENCH is the built example cassandra_bench, FOLDER holds the node and takes the figures (`results.json`). Client and peers have one core,
the node the others. Ends with 1 where an answer is wrong, whatever the figures are.
"""

import argparse
import json
import os
import signal
import statistics
import sys
from pathlib import Path

from beside import Node, Peer

# Rows of a turn: about a second of each.
WRITES = {"ours": 200_000, "bare": 200_000, "python": 10_000, "batches": 40_000}
# Rows that are written in turns lie far behind those that are read.
BEHIND = 1_000_000_000


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fill(client: Peer, table: str, rows: int) -> None:
    """The history that is read; written in pieces, so that one sees how far it is."""
    piece = 500_000
    for first in range(0, rows, piece):
        client.ask("write", "ours", table, first, min(piece, rows - first))
        say(f"  {table}: {min(first + piece, rows):,} of {rows:,} rows")


def writes(client: Peer, python: Peer, table: str, turns: int, smoke: bool) -> dict:
    """Rows a second of each, a median of turns; the first turn warms up."""
    found: dict[str, list[float]] = {who: [] for who in WRITES}
    first = BEHIND
    for turn in range(turns + 1):
        for who, rows in WRITES.items():
            rows = rows // 20 if smoke else rows
            peer, how = (client, who) if who in ("ours", "bare") else (python, {"python": "concurrent"}.get(who, who))
            speed = peer.ask("write", how, table, first, rows)["rows_per_s"]
            first += rows
            if turn:
                found[who].append(speed)
        say(f"  writes of {table}, turn {turn} of {turns}")
    return {who: statistics.median(speeds) for who, speeds in found.items()}


def reads(client: Peer, python: Peer, table: str, rows: int, turns: int) -> dict:
    found: dict[str, list[float]] = {"sql": [], "bare": []}
    for turn in range(turns):
        for who, speeds in found.items():
            answer = client.ask("read", who, table)
            if answer["rows"] < rows:
                raise SystemExit(f"{who} read {answer['rows']} rows of {table}, {rows} were written")
            speeds.append(answer["rows_per_s"])
        say(f"  reads of {table}, turn {turn + 1} of {turns}")
    result = {who: statistics.median(speeds) for who, speeds in found.items()}
    # A part is enough: its speed does not change.
    return {**result, "python": python.ask("read", "all", table, min(rows, 1_000_000))["rows_per_s"]}


def traced(client: Peer, node: Node) -> dict:
    """What Cassandra itself says of one query of the newest portfolios."""
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import Cluster

    login = PlainTextAuthProvider("silverbullet", "silverbullet")
    cluster = Cluster(["127.0.0.1"], port=node.ports["port"], auth_provider=login)
    session = cluster.connect()
    node.tool("settraceprobability", "1")
    client.ask("latest", 1)
    node.tool("settraceprobability", "0")
    sessions = [
        one
        for one in session.execute("SELECT session_id, request, parameters FROM system_traces.sessions")
        if "latest_portfolios" in str(one.parameters)
    ]
    partitions = 0
    for one in sessions:
        events = session.execute("SELECT activity FROM system_traces.events WHERE session_id = %s", [one.session_id])
        partitions += sum("single-partition query on latest_portfolios" in event.activity for event in events)
    cluster.shutdown()
    return {"requests": len(sessions), "single_partition_queries": partitions}


def measure(client: Peer, python: Peer, node: Node, arguments: argparse.Namespace) -> dict:
    rows = 20_000 if arguments.smoke else arguments.rows
    results: dict = {"rows": rows, "turns": arguments.turns, "write": {}, "read": {}}
    for table in ("bars", "portfolios"):
        fill(client, table, rows if table == "bars" else rows // 10)
        results["write"][table] = writes(client, python, table, arguments.turns, arguments.smoke)
    node.tool("flush")
    results["read"]["bars"] = reads(client, python, "bars", rows, 1 if arguments.smoke else 3)
    results["read"]["portfolios"] = reads(client, python, "portfolios", rows // 10, 1 if arguments.smoke else 3)
    client.ask("latest", 20)
    results["latest"] = client.ask("latest", 100 if arguments.smoke else 1_000)
    results["trace"] = traced(client, node)
    return results


def table(results: dict) -> None:
    for name, of in results["write"].items():
        ours = of["ours"]
        print(
            f"write {name}: {ours:,.0f} rows/s; {ours / of['bare']:.0%} of the bare driver, "
            f"{ours / of['python']:.1f} x execute_concurrent_with_args, {ours / of['batches']:.1f} x Python's batches"
        )
    for name, of in results["read"].items():
        sql = of["sql"]
        print(f"read {name}: {sql:,.0f} rows/s; {sql / of['bare']:.0%} of the bare scan, {sql / of['python']:.1f} x Python's driver")
    latest, trace = results["latest"], results["trace"]
    print(f"newest portfolios: p50 {latest['p50_ms']:.2f} ms, p99 {latest['p99_ms']:.2f} ms; traced: {trace}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the history (10,000,000)")
    parser.add_argument("--turns", type=int, default=5, help="of writes (5)")
    parser.add_argument("--smoke", action="store_true", help="does it work? No figures to quote")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("two cores are needed: one for the client, the others for the node")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    node = Node(arguments.folder / "node", cores[1:])
    peers: list[Peer] = []
    try:
        client = Peer(cores[0], arguments.bench, f"127.0.0.1:{node.ports['port']}")
        peers.append(client)
        # Makes the keyspace, which the peer needs.
        client.ask("write", "ours", "bars", 0, 1)
        peers.append(Peer(cores[0], sys.executable, Path(__file__).with_name("peer.py"), node.ports["port"]))
        results = measure(client, peers[1], node, arguments)
    finally:
        for peer in peers:
            peer.close()
        node.stop()
    (arguments.folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    table(results)
    trace = results["trace"]
    return 0 if trace["requests"] == trace["single_partition_queries"] == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
