"""What the tests of the jobs share: submitting one, and closes as pyarrow reads them."""

import subprocess
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from cluster import Cluster
from engine import PACKAGE, Engine, bits
from service import PROJECT


def submit(cluster: Cluster, job: str, *arguments: str) -> subprocess.CompletedProcess:
    """Runs a job's command with the package where driver and executors find it."""
    settings = ["--conf", f"spark.executorEnv.PYTHONPATH={PACKAGE}"]
    file = str(PROJECT / "spark-jobs" / f"{job}.py")
    return cluster.script("bin/spark-submit.sh", *settings, file, *arguments, PYTHONPATH=str(PACKAGE))


def written(folder: Path, *names: str) -> dict[str, pyarrow.Table]:
    """What a job wrote into its folder, table by table."""
    return {name: pyarrow.parquet.read_table(folder / name) for name in names}


def has_columns_of(engine: Engine, name: str, table: pyarrow.Table) -> bool:
    """Whether rows have exactly the columns of a table of the engine."""
    return table.schema.equals(engine.rows(f"select * from {name} limit 0").schema)


def closes(engine: Engine, assets: list[str], last: int, count: int) -> np.ndarray:
    """The closes of bars up to the last one, bars by assets."""
    rows = engine.rows(f"select asset, bar, close from bars where bar > {last - count} and bar <= {last} order by bar")
    by_place = {(row["bar"], row["asset"]): row["close"] for row in rows.to_pylist()}
    return np.array([[by_place[bar, asset] for asset in assets] for bar in range(last - count + 1, last + 1)])


def frontiers(table: pyarrow.Table, bars: set[int]) -> list[tuple]:
    """Points of these bars, as bits."""
    names = ("bar", "method", "point", "as_of", "risk", "mean", "mean_low", "mean_high", "weights")
    found = [tuple(bits(row[name]) for name in names) for row in table.to_pylist() if row["bar"] in bars]
    return sorted(found, key=repr)


def portfolios(table: pyarrow.Table, bars: set[int]) -> list[tuple]:
    """Exact portfolios, as bits. Turnover is from the row stored before, which a stream does not look at."""
    names = ("bar", "objective", "as_of", "mean", "risk", "sharpe", "gap", "label", "weights")
    live = ("max-sharpe", "min-variance")
    rows = [row for row in table.to_pylist() if row["method"] == "exact" and row["objective"] in live]
    rows = [row for row in rows if row["bar"] in bars]
    return sorted((tuple(bits(row[name]) for name in names) for row in rows), key=repr)


def assert_as_the_engine_stored(engine: Engine, folder: Path, least: int = 5) -> set[int]:
    """Rows of a stream are those of the engine, bit for bit; gives the bars that there are."""
    own = written(folder, "frontiers", "portfolios")
    theirs = {name: engine.rows(f"select * from {name}") for name in own}
    for name, table in own.items():
        assert has_columns_of(engine, name, table)
    stored = set(theirs["frontiers"]["bar"].to_pylist()) & set(own["frontiers"]["bar"].to_pylist())
    assert len(stored) >= least
    assert frontiers(own["frontiers"], stored) == frontiers(theirs["frontiers"], stored)
    bars = set(own["portfolios"]["bar"].to_pylist())
    assert portfolios(own["portfolios"], bars) == portfolios(theirs["portfolios"], bars)
    return set(own["frontiers"]["bar"].to_pylist())
