"""The job `stream_frontier.py` on a real cluster: for each bar what the engine stored, each bar once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import FIRST, Engine, running_engine
from jobs import assert_as_the_engine_stored, frontiers, written
from pyspark.sql import SparkSession
from silverbullet.jobs.stream_frontier import Batches, read, start
from silverbullet.spark.engine import Address

ASSETS = ["XRP", "BTC", "ETH", "SOL"]
BARS, WINDOW = 75, 20
ONCE = {"availableNow": True}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine that stores its exact frontier every ten bars."""
    with running_engine(tmp_path / "engine", ASSETS, BARS, WINDOW, SILVERBULLET_UNIVERSES__MAIN__FRONTIER_EVERY="10s") as one:
        yield one


def follow(spark: SparkSession, engine: Engine, folder: Path, tasks: int = 2, **options: str) -> list[str]:
    """Follows through what is final now; gives the words of progress."""
    said: list[str] = []
    batches = Batches(Address(engine.url), folder / "rows", tasks, engine.url, said.append)
    stream = read(spark, {"endpoint": engine.url, **options})
    query = start(stream, batches, folder / "checkpoint", ONCE)
    assert query.awaitTermination(120) and query.exception() is None
    batches.finish()
    return said


def test_each_bar_has_the_rows_that_the_engine_stored(spark: SparkSession, engine: Engine, tmp_path: Path) -> None:
    assert len(follow(spark, engine, tmp_path, maxBarsPerTrigger="30")) == 3
    bars = assert_as_the_engine_stored(engine, tmp_path / "rows")
    # The first bar with a full window has one close more before it.
    assert bars == set(range(FIRST + WINDOW + 1, FIRST + BARS + 1))
    files = {file.name: file.read_bytes() for file in (tmp_path / "rows" / "frontiers").iterdir()}
    engine.put(7)
    follow(spark, engine, tmp_path, tasks=8)
    assert assert_as_the_engine_stored(engine, tmp_path / "rows") == set(range(FIRST + WINDOW + 1, FIRST + BARS + 8))
    # What was written stays as it was.
    now = {file.name: file.read_bytes() for file in (tmp_path / "rows" / "frontiers").iterdir()}
    assert {name: now[name] for name in files} == files and len(now) == len(files) + 1
    runs = written(tmp_path / "rows", "runs")["runs"].to_pylist()
    assert sorted(run["rows_in"] for run in runs) == [7 * 4, BARS * 4]
    assert {run["kind"] for run in runs} == {"stream-frontier"}


def test_a_batch_that_is_repeated_has_the_same_rows_once(spark: SparkSession, engine: Engine, tmp_path: Path) -> None:
    follow(spark, engine, tmp_path)
    before = written(tmp_path / "rows", "frontiers")["frontiers"]
    # As after a failure between the rows and the note that they are written; bars that came meanwhile are not of it.
    for file in (tmp_path / "checkpoint" / "commits").iterdir():
        file.unlink()
    engine.put(3)
    follow(spark, engine, tmp_path)
    after = written(tmp_path / "rows", "frontiers")["frontiers"]
    old = set(before["bar"].to_pylist())
    assert frontiers(after, old) == frontiers(before, old)
    assert set(after["bar"].to_pylist()) - old == {FIRST + BARS + number for number in (1, 2, 3)}


def test_an_asset_without_prices_drops_out_as_there(spark: SparkSession, engine: Engine, tmp_path: Path) -> None:
    engine.put(WINDOW + 10, without={"ETH"})
    follow(spark, engine, tmp_path)
    assert_as_the_engine_stored(engine, tmp_path / "rows")
    rows = written(tmp_path / "rows", "frontiers")["frontiers"].to_pylist()
    names = {row["bar"]: tuple(dict(row["weights"])) for row in rows}
    assert names[FIRST + BARS] == tuple(ASSETS)
    assert names[FIRST + BARS + WINDOW + 10] == ("XRP", "BTC", "SOL")
