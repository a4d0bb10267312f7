"""The command `frontier.py`, submitted to a real cluster: rows of the engine's tables, and errors in a line."""

import json
import re
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest
import silverbullet as sb
from cluster import Cluster
from engine import FIRST, PACKAGE, Engine, running_engine
from service import PROJECT
from silverbullet.jobs.window import find
from silverbullet.spark.engine import Address

ASSETS = ["XRP", "BTC", "ETH"]
BARS = 80
WINDOW = 50
PORTFOLIOS = 3 * sb.BLOCK
JOB = PROJECT / "spark-jobs" / "frontier.py"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a full window."""
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS, WINDOW) as one:
        yield one


def submit(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess:
    """Runs the command with the package where driver and executors find it."""
    settings = ["--conf", f"spark.executorEnv.PYTHONPATH={PACKAGE}"]
    return cluster.script("bin/spark-submit.sh", *settings, str(JOB), *arguments, PYTHONPATH=str(PACKAGE))


def test_the_command_writes_rows_of_the_engines_tables(engine: Engine, cluster: Cluster, tmp_path: Path) -> None:
    bar = FIRST + BARS
    own = ("--endpoint", engine.url, "--seed", "7", "--bar", str(bar), "--tasks", "3", "--portfolios", str(PORTFOLIOS))
    done = submit(cluster, *own, "--output", str(tmp_path / "rows"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{PORTFOLIOS:,} portfolios of 3 assets of main, {WINDOW} returns up to bar {bar}, in 3 tasks" in done.stdout
    rows = {name: pyarrow.parquet.read_table(tmp_path / "rows" / name) for name in ("portfolios", "frontiers", "runs")}
    for name, table in rows.items():
        assert table.schema.equals(engine.rows(f"select * from {name} limit 0").schema)
    (run,) = rows["runs"].to_pylist()
    assert (run["kind"], run["universe"], run["version"]) == ("frontier", "main", sb.kernel_version())
    assert json.loads(run["configuration"])["window"]["assets"] == ASSETS
    assert run["ended"] > run["started"] and run["rows_in"] == (WINDOW + 1) * len(ASSETS)
    window = find(Address(engine.url).engine(), bar=bar)
    moments = window.moments(engine.rows(window.sql()).to_batches())
    found = sb.monte_carlo(moments, portfolios=PORTFOLIOS, first=0, seed=7).finish()
    assert bits(rows["frontiers"]["risk"].to_pylist()) == bits(found.frontier.risk.tolist())
    assert [dict(weights) for weights in rows["portfolios"]["weights"].to_pylist()] == [
        one.by_asset for one in found.portfolios
    ]
    printed = submit(cluster, *own)
    assert printed.returncode == 0, printed.stdout + printed.stderr
    (*_, last) = printed.stdout.splitlines()
    assert [row["risk"] for row in json.loads(last)["frontiers"]] == found.frontier.risk.tolist()


def bits(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--portfolios", "0"), 2, "at least 1, and whole"),
        (("--portfolios", "1000", "--universe", "mian"), 1, "error: there is no universe 'mian' in .*; there are main"),
        (("--portfolios", "1000", "--window", "9999"), 1, "error: the window of 9999 returns .*take a shorter"),
        (("--portfolios", "1000", "--output", "rows.csv"), 2, "error: --output rows.csv: name a file that ends"),
        (("--portfolios", "1000", "--endpoint", "grpc://127.0.0.1:1"), 1, "error: no engine answers at grpc:"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    engine: Engine, cluster: Cluster, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = submit(cluster, "--endpoint", engine.url, *arguments)
    # spark-submit makes one stream of the driver's two.
    assert done.returncode == code, done.stdout + done.stderr
    assert re.search(message, done.stdout.splitlines()[-1]), done.stdout
    assert "Traceback" not in done.stdout + done.stderr
