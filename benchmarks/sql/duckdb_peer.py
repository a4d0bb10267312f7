"""The aggregate of bench_sql and DuckDB on the same Parquet files, in turns, on one thread each.

    python duckdb_peer.py BENCH_SQL DIRECTORY [--repeat N]

BENCH_SQL is the built example, DIRECTORY where it keeps its rows (written when they are not there yet).
Prints one JSON object: medians in milliseconds and their ratio, ours over DuckDB's.
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import duckdb

OURS = "select objective, method, count(*), avg(gap) from history.portfolios group by 1, 2"
THREADS = 1  # ours runs all queries on one thread


def active_files(directory: Path) -> list[str]:
    """Files of the Delta table, from its log."""
    table = directory / "tables" / "portfolios"
    files: dict[str, None] = {}
    commits = sorted((table / "_delta_log").glob("*.json"))
    for commit in commits:
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                files[action["add"]["path"]] = None
            elif "remove" in action:
                files.pop(action["remove"]["path"], None)
    if not files:
        raise SystemExit(f"no files in {table}")
    return [str(table / path) for path in files]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("bench_sql")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--repeat", type=int, default=21)
    arguments = parser.parse_args()
    subprocess.run([arguments.bench_sql, arguments.directory, "--prepare"], check=True)
    files = active_files(arguments.directory)
    peer = duckdb.connect(config={"threads": THREADS})
    theirs = f"select objective, method, count(*), avg(gap) from read_parquet({files!r}) group by 1, 2"
    ours_ms: list[float] = []
    theirs_ms: list[float] = []
    command = [arguments.bench_sql, arguments.directory, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        for _ in range(arguments.repeat + 1):
            print(OURS, file=server.stdin, flush=True)
            ours_ms.append(float(server.stdout.readline()))
            start = time.perf_counter()
            peer.execute(theirs).fetchall()
            theirs_ms.append((time.perf_counter() - start) * 1e3)
        server.stdin.close()
    # The first round reads log and footers.
    ours, duck = statistics.median(ours_ms[1:]), statistics.median(theirs_ms[1:])
    print(json.dumps({"ours_ms": ours, "duckdb_ms": duck, "ratio": ours / duck, "threads": THREADS}))


if __name__ == "__main__":
    main()
