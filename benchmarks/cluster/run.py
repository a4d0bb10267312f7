"""Spark's jobs and data sources beside what they are made of, on a real cluster of two workers, in turns, in one run.

    run.py EXAMPLES FOLDER [--portfolios N] [--rows N] [--turns N] [--only NAMES] [--smoke]

EXAMPLES holds the built examples draw_blocks and cassandra_bench, FOLDER takes the figures (`results.json`). The program
and the package are those that SILVERBULLET_BIN and SILVERBULLET_PACKAGE name. Ends with 1 where an answer is wrong.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, os.environ["SILVERBULLET_PACKAGE"])
HERE = Path(__file__).resolve().parent

from stage import ASSETS, PROJECT, UNIVERSE, WINDOW, Cluster, Peer, cluster  # noqa: I001: makes the helpers of the tests known
from engine import FIRST, running_engine
from pyspark.sql import SparkSession
from silverbullet.spark import register

import into_cassandra
import measures

ABOUT = {
    "kernel": "a sweep in Spark, and the same blocks in a Rust process on each core",
    "others": "the same job with NumPy, and with a loop in Python",
    "overhead": "a warm job of eight short tasks, and one of eight empty tasks at Spark's own settings",
    "flight": "rows over Flight, inside tasks and by a plain client",
    "source": "rows by format(silverbullet), and by a source that yields them from memory",
    "cassandra": "a DataFrame into a Cassandra node, and the same rows by the bare driver",
    "bits": "a sweep in 1, 2, 8 and 64 parts, on two workers, on one, and in one process",
}


def session(one: Cluster) -> SparkSession:
    """A session as docs/spark.md has it, with an executor of one core on each worker."""
    os.environ["SPARK_CONF_DIR"] = str(PROJECT / "setup" / "spark" / "conf")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    places = os.environ["PYTHONPATH"] = os.pathsep.join([os.environ["SILVERBULLET_PACKAGE"], str(HERE)])
    own = {
        "spark.executor.cores": "1",
        "spark.cores.max": str(measures.CORES),
        "spark.driver.memory": "3g",
        "spark.driver.maxResultSize": "2g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.executorEnv.PYTHONPATH": places,
    }
    builder = SparkSession.builder.master(f"spark://{one.address}").appName("bench-cluster")
    for name, value in own.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    register(spark)
    return spark


def programs(stack: ExitStack, examples: Path, folder: Path, url: str) -> list[Peer]:
    """A Rust process for each core, with the closes of the window."""
    table = measures.closes(url)
    require_window(table.num_rows == WINDOW + 1 and table.column_names == UNIVERSE)
    lines = [",".join(UNIVERSE), *(",".join(map(repr, row)) for row in zip(*(table[name].to_pylist() for name in UNIVERSE), strict=True))]
    (folder / "closes.csv").write_text("\n".join(lines) + "\n")
    made = []
    for core in sorted(os.sched_getaffinity(0))[: measures.CORES]:
        made.append(Peer(core, examples / "draw_blocks", folder / "closes.csv", measures.SEED))
        stack.callback(made[-1].close)
    return made


def require_window(holds: bool) -> None:
    """All that follows is about this window."""
    measures.require(holds, "the engine's window is not the one that was put")


def measured(arguments: argparse.Namespace, folder: Path, shared: Path) -> dict:
    """All figures that are asked for, each said when it is there."""
    turns, rows, portfolios = arguments.turns, arguments.rows, arguments.portfolios
    found: dict = {"assets": ASSETS, "window": WINDOW, "rows": rows, "portfolios": portfolios, "turns": turns}
    with ExitStack() as stack:
        say("an engine with a full window, and a cluster of two workers")
        # The engine answers ten million rows.
        limits = {"SILVERBULLET_SQL__ROWS": str(2 * rows), "SILVERBULLET_SQL__MEMORY_MIB": "4096", "SILVERBULLET_SERVER__KEEP": "1h"}
        url = stack.enter_context(running_engine(folder / "engine", UNIVERSE, WINDOW + 2, WINDOW, **limits)).url
        # More cores than there are: the session with Spark's own settings waits beside the measured one.
        one = stack.enter_context(cluster(folder, "two workers", 2, 2))
        spark = session(one)
        stack.callback(spark.stop)

        def overhead() -> dict:
            rate = found.get("kernel", {}).get("own", 10_000_000)
            return measures.overhead(spark, url, empty_session(stack, folder, one), rate, 5 * turns)

        bench = arguments.examples / "cassandra_bench"
        each = {
            "kernel": lambda: measures.kernel(spark, url, programs(stack, arguments.examples, folder, url), portfolios, turns),
            "others": lambda: measures.other_kernels(spark, url, portfolios // 10, turns),
            "overhead": overhead,
            "flight": lambda: measures.inside_a_task(spark, url, rows, 3 * turns),
            "source": lambda: measures.source(spark, url, rows, turns, shared),
            "cassandra": lambda: into_cassandra.writes(spark, bench, folder, max(rows // 20, 10_000), turns),
            # Last: it ends the session.
            "bits": lambda: same_bits(stack, folder, spark, url),
        }
        for name, measure in each.items():
            if name in arguments.only:
                say(f"{name}: {ABOUT[name]}")
                found[name] = measure()
                for line in lines_of(name, found):
                    print(f"  {line}", flush=True)
    return found


def empty_session(stack: ExitStack, folder: Path, one: Cluster) -> Peer:
    """A session with Spark's own settings on the same workers."""
    clean = folder / "no settings"
    clean.mkdir()
    empty = Peer(None, sys.executable, HERE / "empty.py", f"spark://{one.address}", 8, SPARK_CONF_DIR=str(clean), PYTHONPATH="")
    stack.callback(empty.close)
    return empty


def same_bits(stack: ExitStack, folder: Path, spark: SparkSession, url: str) -> dict:
    """A sweep in 1, 2, 8 and 64 parts on two workers and on one, and in one process."""
    import silverbullet as sb

    bar, portfolios = FIRST + WINDOW + 2, 200 * sb.BLOCK - 777
    sketches = [(f"{tasks} parts, two workers", sketch) for tasks, sketch in measures.bits(spark, url, bar, portfolios).items()]
    spark.stop()
    single = session(stack.enter_context(cluster(folder, "one worker", 1, 1)))
    sketches += [(f"{tasks} parts, one worker", sketch) for tasks, sketch in measures.bits(single, url, bar, portfolios).items()]
    single.stop()
    sweep = measures.planned(url, portfolios, 1)
    moments = sb.Moments.from_prices(measures.closes(url), estimator=sweep.window.estimator)
    alone = sb.monte_carlo(moments, portfolios=portfolios, first=0, seed=measures.SEED).to_bytes()
    other = [name for name, sketch in sketches if sketch != alone]
    measures.require(not other, f"other bits than in one process: {', '.join(other)}")
    return {"sketches": len(sketches), "bytes": len(alone)}


def say(text: str) -> None:
    """Progress."""
    print(f"bench-cluster: {text}", flush=True)


def lines_of(name: str, found: dict) -> list[str]:
    """What a measure has found, in words."""
    one = found[name]
    if name == "kernel":
        return [f"portfolios/s and core: {one['own']:,.0f} in Spark, {one['rust']:,.0f} in a Rust process: {one['ratio']:.1%}"]
    if name == "others":
        rates = ", ".join(f"{who} {rate:,.0f}" for who, rate in one.items() if who != "ratio")
        return [f"portfolios/s and core of the same job: {rates}; the kernel {one['ratio']:.1f} x NumPy, both uniform"]
    if name == "overhead":
        times = f"{one['own'] * 1e3:.0f} ms; empty at Spark's settings {one['empty'] * 1e3:.0f} ms: {one['ratio']:.2f} x"
        return [f"a warm job of 8 tasks beyond its kernel: {times}"]
    if name == "flight":
        rate = {who: f"{rows / 1e6:.1f}" for who, rows in one["rows"].items()}
        return [
            f"Flight in tasks: {rate['tasks']} M rows/s, a plain client {rate['client']}: {one['ratio']['client']:.1%}; "
            f"plain clients in as many processes {rate['processes']}: {one['ratio']['processes']:.1%}"
        ]
    if name == "source":
        return [
            f"{action} by format(silverbullet): {rates['own_rows'] / 1e6:.2f} M rows/s, from memory "
            f"{rates['memory_rows'] / 1e6:.2f}: {rates['ratio']:.1%}"
            for action, rates in one.items()
        ]
    if name == "cassandra":
        return [f"DataFrame into Cassandra: {one['own']:,.0f} rows/s, bare driver {one['bare']:,.0f}: {one['ratio']:.1%}"]
    return [f"{one['sketches']} sweeps on one and two workers came to the {one['bytes']:,} bytes of one process"]


def main() -> int:
    """Measures and says what it saw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("examples", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--portfolios", type=lambda text: int(float(text)), default=1_000_000_000, help="of a sweep (1e9)")
    parser.add_argument("--rows", type=lambda text: int(float(text)), default=10_000_000, help="over Flight (1e7)")
    parser.add_argument("--turns", type=int, default=3, help="of the longest measures (3)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(ABOUT), help=f"some of {','.join(ABOUT)}")
    parser.add_argument("--smoke", action="store_true", help="does it work? No figures to quote")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(ABOUT):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}; take some of {', '.join(ABOUT)}")
    if arguments.smoke:
        arguments.portfolios, arguments.rows, arguments.turns = 20_000_000, 200_000, 1
    arguments.examples, arguments.folder = arguments.examples.resolve(), arguments.folder.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place, tempfile.TemporaryDirectory(dir="/dev/shm") as shared:
        found = measured(arguments, Path(place), Path(shared))
    (arguments.folder / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
