"""An engine at 5,000 ticks/s that keeps its results in Cassandra: with the node there, and with the node gone for most of the time.

    away.py SILVERBULLET FOLDER [--seconds N]

SILVERBULLET is the program, FOLDER holds the node and the results. Says the engine's p99 of both, the most that waited on the disk, and how
long it took until everything was there after the node's return. Ends with 1 where a row is missing.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from beside import Node
from run import say

RATE = 5_000
P99 = re.compile(r'(?m)^silverbullet_latency_seconds\{.*stage="total".*quantile="0\.99"\} (\S+)')
SPOOL = re.compile(r"(?m)^silverbullet_store_spool_bytes\S* (\S+)")


class Engine:
    """A run of the program."""

    def __init__(self, program: Path, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.program, self.folder = program, folder
        ours = {name: value for name, value in os.environ.items() if not name.startswith("SILVERBULLET_")}
        cassandra = "SILVERBULLET_STORE__CASSANDRA__"
        self.environment = ours | {
            f"{cassandra}NODES": f"127.0.0.1:{port}",
            f"{cassandra}KEYSPACE": f"away_{folder.name}",
            "SILVERBULLET_SIMULATOR__RATE": str(RATE),
        }

    def call(self, *arguments: str) -> str:
        command = [self.program, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        return done.stdout

    def start(self) -> None:
        self.call("store", "init")
        self.said = (self.folder / "said").open("w+")
        run = [self.program, "run", "--source", "simulator", "--http", "127.0.0.1:0", "--data", "data", "--format", "json"]
        self.process = subprocess.Popen(
            run, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=self.said
        )
        while not (found := re.search(r"listening on (http://\S+)", (self.folder / "said").read_text())):
            if self.process.poll() is not None:
                raise SystemExit((self.folder / "said").read_text())
            time.sleep(0.1)
        self.address = found[1].rstrip("/")

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def gauge(self, pattern: re.Pattern) -> float:
        found = pattern.search(self.get("/metrics")[1])
        if not found:
            raise SystemExit(f"/metrics has no {pattern.pattern}")
        return float(found[1])

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=120)

    def counts(self) -> list[dict]:
        tables = ("portfolios", "frontiers", "assets", "bars")
        each = [f"select '{t}' as t, (select count(*) from cassandra.{t}) as there, (select count(*) from history.{t}) as here" for t in tables]
        return json.loads(self.call("sql", " union all ".join(each), "--data", "data", "--format", "json"))


def play(engine: Engine, node: Node, seconds: int, away: bool) -> dict:
    engine.start()
    try:
        result = watch(engine, node, seconds, away)
    finally:
        engine.stop()
    return {**result, "rows": engine.counts()}


def watch(engine: Engine, node: Node, seconds: int, away: bool) -> dict:
    begun, most = time.monotonic(), 0.0
    if away:
        time.sleep(5)
        node.kill()
    while time.monotonic() < begun + seconds:
        time.sleep(1)
        most = max(most, engine.gauge(SPOOL))
    result = {"p99_us": engine.gauge(P99) * 1e6, "most_spool_mb": most / 1e6}
    if away:
        node.start()
        back = time.monotonic()
        while engine.get("/readyz")[0] != 200 or engine.gauge(SPOOL) > 0:
            time.sleep(0.2)
        result["everything_there_after_s"] = time.monotonic() - back
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=300, help="of each run (300)")
    arguments = parser.parse_args()
    folder = arguments.folder / time.strftime("%Y%m%d-%H%M%S")
    node = Node(arguments.folder / "node", sorted(os.sched_getaffinity(0)))
    try:
        results = {}
        for name in ("there", "away"):
            say(f"  node {name}, {arguments.seconds} s")
            engine = Engine(arguments.program.resolve(), folder / name, node.ports["port"])
            results[name] = play(engine, node, arguments.seconds, name == "away")
    finally:
        node.stop()
    (arguments.folder / "away.json").write_text(json.dumps(results, indent=1) + "\n")
    there, away = results["there"], results["away"]
    print(
        f"p99 {there['p99_us']:.1f} us with the node, {away['p99_us']:.1f} us without ({away['p99_us'] / there['p99_us']:.2f} x); "
        f"at most {away['most_spool_mb']:.1f} MB waited; everything there {away['everything_there_after_s']:.1f} s after its return"
    )
    complete = all(row["there"] == row["here"] > 0 for of in results.values() for row in of["rows"])
    print("every row is there" if complete else f"rows are missing: {results}")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
