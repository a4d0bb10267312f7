"""The commands in spark-jobs/, submitted to a real cluster: rows in the engine's columns, and errors in a line."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import silverbullet as sb
from cluster import Cluster
from engine import FIRST, PACKAGE, Engine, running_engine
from jobs import assert_as_the_engine_stored, closes, has_columns_of, submit, written
from service import PROJECT
from silverbullet.jobs import scenario_risk, walk_forward
from silverbullet.jobs.strategies import grid
from silverbullet.spark.engine import Address

ASSETS = ["XRP", "BTC", "ETH", "SOL"]
BARS, WINDOW = 75, 20


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that stores its exact frontier every ten bars."""
    every = {"SILVERBULLET_UNIVERSES__MAIN__FRONTIER_EVERY": "10s"}
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS, WINDOW, **every) as one:
        yield one


def run(cluster: Cluster, engine: Engine, job: str, folder: Path, *arguments: str) -> str:
    """Submits a job that writes into a folder; gives its words of progress."""
    done = submit(cluster, job, "--endpoint", engine.url, "--output", str(folder), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    # spark-submit makes one stream of the driver's two.
    return done.stdout


def test_bands_are_rows_of_the_frontiers(engine: Engine, cluster: Cluster, tmp_path: Path) -> None:
    own = ("--bootstraps", "90", "--bootstrap", "stationary:7", "--points", "12", "--seed", "5", "--shrinkage", "0.1")
    said = run(cluster, engine, "resampled_frontier", tmp_path, *own, "--tasks", "3")
    assert f"90 bootstraps (stationary:7) of {WINDOW} returns up to bar {FIRST + BARS} of 4 assets of main" in said
    rows = written(tmp_path, "frontiers", "runs")
    assert all(has_columns_of(engine, name, table) for name, table in rows.items())
    prices = dict(zip(ASSETS, closes(engine, ASSETS, FIRST + BARS, WINDOW + 1).T, strict=True))
    options = {"bootstrap": "stationary:7", "points": 12, "seed": 5, "shrinkage": 0.1}
    wanted = sb.resampled_frontier(prices, bootstraps=90, **options)
    frontier = rows["frontiers"].to_pylist()
    for name in ("risk", "mean", "mean_low", "mean_high"):
        assert [row[name] for row in frontier] == getattr(wanted, name).tolist()
    assert [list(dict(row["weights"]).values()) for row in frontier] == wanted.weights.tolist()
    assert {(row["method"], row["bar"]) for row in frontier} == {("resampled", FIRST + BARS)}
    (own_run,) = rows["runs"].to_pylist()
    assert (own_run["kind"], own_run["seed"], own_run["rows_out"]) == ("resampled-frontier", 5, 12)
    assert json.loads(own_run["configuration"])["bootstrap"] == "stationary:7"
    assert {row["run_id"] for row in frontier} == {own_run["run_id"]}


def test_walks_are_rows_of_the_back_tests(engine: Engine, cluster: Cluster, tmp_path: Path) -> None:
    own = ("--windows", "15,30", "--estimators", "sample,exponential:8", "--objectives", "max-sharpe,equal-weight")
    more = ("--bars", "40", "--every", "4", "--fee-bps", "10", "--tasks", "3")
    said = run(cluster, engine, "walk_forward", tmp_path, *own, *more)
    assert f"8 strategies over 40 bars up to bar {FIRST + BARS} of 4 assets of main, 10 trades each; kernel" in said
    rows = written(tmp_path, "backtests", "runs", "strategies")
    assert all(has_columns_of(engine, name, rows[name]) for name in ("backtests", "runs"))
    cells = grid(["max-sharpe", "equal-weight"], ["sample", "exponential:8"], [15, 30])
    wanted = walk_forward.walk(walk_forward.plan(Address(engine.url), cells, steps=40, every=4, fee=0.001))
    steps, told = rows["backtests"].to_pylist(), rows["strategies"].to_pylist()
    assert len(steps) == 8 * 40
    for one, summary in zip(wanted, told, strict=True):
        found = [row for row in steps if row["strategy"] == one.strategy.name]
        for name in ("drawdown", "turnover", "cost"):
            assert [row[name] for row in found] == getattr(one, name).tolist()
        assert [row["return"] for row in found] == one.returns.tolist()
        assert [row["cumulative"] for row in found] == (one.wealth - 1.0).tolist()
        assert [list(dict(row["weights"]).values()) for row in found] == one.weights.tolist()
        assert [row["as_of"].timestamp() for row in found] == [FIRST + BARS - 39 + step for step in range(40)]
        assert {name: summary[name] for name in summary if name != "run_id"} == walk_forward.summary(one, 0.0)
    (own_run,) = rows["runs"].to_pylist()
    assert (own_run["kind"], json.loads(own_run["configuration"])["fee"]) == ("walk-forward", 0.001)


def test_risks_are_a_row_for_each_portfolio_set_and_level(engine: Engine, cluster: Cluster, tmp_path: Path) -> None:
    sets = ("--bootstrap", "stationary:6", "--bootstrap", "block:5", "--historic", "30", "--stress", "BTC=-0.3,XRP=0.1")
    more = ("--paths", "200", "--horizon", "25", "--level", "0.9", "--level", "0.95", "--seed", "3", "--tasks", "2")
    said = run(cluster, engine, "scenario_risk", tmp_path, *sets, *more)
    assert f"200 paths of 25 bars by stationary:6 and block:5; kernel {sb.kernel_version()}" in said
    planned = scenario_risk.plan(
        Address(engine.url), ["engine", "equal-weight"], bootstraps=["stationary:6", "block:5"], paths=200, horizon=25,
        historic=[30], stresses=["BTC=-0.3,XRP=0.1"], seed=3,
    )  # fmt: skip
    wanted = {one.name: one for one in scenario_risk.measure(planned)}
    rows = written(tmp_path, "risks", "runs")
    found = rows["risks"].to_pylist()
    assert len(found) == len(planned.holdings) * len(wanted) * 2 and len(wanted) == 4
    for row in found:
        at = [(one.name, one.method) for one in planned.holdings].index((row["objective"], row["method"]))
        one = wanted[row["scenarios"]]
        measures = scenario_risk.told(one.returns[:, at], one.drawdowns[:, at], row["level"])
        assert {name: row[name] for name in measures} == measures
    assert has_columns_of(engine, "runs", rows["runs"])
    (own_run,) = rows["runs"].to_pylist()
    assert (own_run["kind"], json.loads(own_run["configuration"])["paths"]) == ("scenario-risk", 200)


def test_a_run_is_followed_and_gone_on_with(engine: Engine, cluster: Cluster, tmp_path: Path) -> None:
    own = ("--checkpoint", str(tmp_path / "checkpoint"), "--once", "--tasks", "3")
    said = run(cluster, engine, "stream_frontier", tmp_path / "rows", *own)
    assert f"batch 0: {BARS} bars of 1 universes" in said
    assert assert_as_the_engine_stored(engine, tmp_path / "rows") == set(range(FIRST + WINDOW + 1, FIRST + BARS + 1))
    wrong = ("--endpoint", engine.url, "--output", str(tmp_path / "none"), "--universe", "mian", "--once")
    done = submit(cluster, "stream_frontier", *wrong, "--checkpoint", str(tmp_path / "other"))
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.search(r"error: there is no universe 'mian' in bars of .*; there are main", last), done.stdout


STREAM = ("stream_frontier", "--checkpoint", "checkpoint", "--output", "rows")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("resampled_frontier", "--shrinkage", "2"), 2, "'2' is no number from 0 to 1"),
        (("resampled_frontier", "--estimator", "exponential:9"), 2, "error: main weights its window exponentially"),
        (("resampled_frontier", "--universe", "mian"), 1, "error: there is no universe 'mian' in .*; there are main"),
        (("walk_forward", "--windows", "5000"), 1, f"error: main has {BARS - 1} returns of its 4 assets"),
        (("walk_forward", "--windows", "20", "--objectives", "best"), 2, "error: --objectives best: there are max-sharpe"),
        (("walk_forward", "--windows", "20", "--output", "rows.csv"), 2, "error: --output rows.csv: name a file that"),
        (("scenario_risk", "--stress", "DOGE=-0.1"), 2, "error: --stress .*no asset 'DOGE'; there are XRP, BTC"),
        (("scenario_risk", "--level", "1"), 2, "below 1, such as 0.95"),
        ((*STREAM, "--brokers", "127.0.0.1:1", "--latest"), 2, "error: --latest and --bars are for bars of the engine"),
        ((*STREAM, "--endpoint", "grpc://127.0.0.1:1"), 1, "error: no engine answers at grpc://127.0.0.1:1"),
    ],
)
def test_what_is_wrong_is_told_before_there_is_a_session(
    engine: Engine, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """Without Spark's own program, which takes seconds to begin: a session would fail here."""
    job, *rest = arguments
    command = [sys.executable, str(PROJECT / "spark-jobs" / f"{job}.py"), "--endpoint", engine.url, *rest]
    own = {**os.environ, "PYTHONPATH": str(PACKAGE), "SPARK_HOME": str(tmp_path)}
    done = subprocess.run(command, env=own, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
