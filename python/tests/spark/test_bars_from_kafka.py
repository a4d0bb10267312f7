"""The job `stream_frontier.py` on prices in a real Kafka broker: for each bar what the engine stored."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engine import FIRST, Engine, running_engine
from jobs import assert_as_the_engine_stored, written
from pyspark.sql import SparkSession
from service import PROJECT, copy_of_project, first_free
from silverbullet.jobs.stream_frontier import start
from silverbullet.jobs.topic_bars import Rules, TopicBatches, read
from silverbullet.spark.engine import Address

ASSETS = ["XRP", "BTC", "ETH", "SOL"]
BARS, WINDOW = 60, 20
#: What kafka-start.sh adds to a port for the controller's.
CONTROLLER = 10_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that stores its exact frontier every ten bars."""
    every = {"SILVERBULLET_UNIVERSES__MAIN__FRONTIER_EVERY": "10s"}
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS, WINDOW, **every) as one:
        one.put(15, without={"ETH"})
        yield one


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real broker with a topic of three partitions."""
    folder = tmp_path_factory.mktemp("kafka")
    copy_of_project("kafka", folder)
    port = first_free(lambda first: [("127.0.0.1", first), ("127.0.0.1", first + CONTROLLER)])
    jars = os.environ.get("LIB_DIR", str(PROJECT / "target" / "kafka" / "lib"))
    place = {**os.environ, "PORT": str(port), "DATA_DIR": str(folder / "data"), "LIB_DIR": jars}

    def run(*command: str) -> None:
        script = [folder / "setup" / "kafka" / command[0], *command[1:]]
        done = subprocess.run(script, env=place, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stdout + done.stderr

    run("start")
    try:
        address = f"127.0.0.1:{port}"
        run("bin/kafka-topics.sh", "--bootstrap-server", address, "--create", "--topic", "price", "--partitions", "3")
        yield address
    finally:
        run("stop")


def produce(spark: SparkSession, brokers: str, ticks: list[dict[str, object]], as_text: bool) -> None:
    """Writes prices as a producer does: keyed by asset, so that each asset is in a partition."""
    rows = []
    for tick in ticks:
        stamp = int(str(tick["timestamp"]))
        text = datetime.fromtimestamp(stamp / 1_000, UTC).isoformat()
        rows.append((tick["asset"], json.dumps({**tick, "timestamp": text if as_text else stamp})))
    frame = spark.createDataFrame(rows, "key string, value string").coalesce(1)
    frame.write.format("kafka").option("kafka.bootstrap.servers", brokers).option("topic", "price").save()


def follow(spark: SparkSession, engine: Engine, brokers: str, folder: Path) -> list[str]:
    """Follows the topic through what is there."""
    said: list[str] = []
    rules = Rules.of(Address(engine.url).engine(), None)
    batches = TopicBatches(rules, Address(engine.url), folder / "rows", 2, brokers, said.append)
    query = start(read(spark, brokers, "price", rules), batches, folder / "checkpoint", {"availableNow": True})
    assert query.awaitTermination(120) and query.exception() is None
    batches.finish()
    return said


def test_bars_of_the_topic_have_the_rows_that_the_engine_stored(
    spark: SparkSession, engine: Engine, brokers: str, tmp_path: Path
) -> None:
    rest = {"asset": "DOGE", "price": 1.0, "timestamp": FIRST * 1_000}
    produce(spark, brokers, [*engine.prices(0, 40), rest, {**rest, "asset": "BTC", "price": -1.0}], as_text=True)
    assert follow(spark, engine, brokers, tmp_path)
    first = assert_as_the_engine_stored(engine, tmp_path / "rows", least=1)
    assert first == set(range(FIRST + WINDOW + 1, FIRST + 40))
    produce(spark, brokers, engine.prices(40, BARS + 1) + engine.prices(BARS + 1, BARS + 16, {"ETH"}), as_text=False)
    follow(spark, engine, brokers, tmp_path)
    bars = assert_as_the_engine_stored(engine, tmp_path / "rows")
    assert bars == set(range(FIRST + WINDOW + 1, FIRST + BARS + 16))
    kept = written(tmp_path / "rows", "topic-bars")["topic-bars"]
    columns = ("bar", "asset", "close", "ticks")
    theirs = engine.rows(f"select {', '.join(columns)} from bars where bar <= {FIRST + BARS + 15}").to_pylist()
    own = [{name: row[name] for name in columns} for row in kept.to_pylist()]
    assert len(own) == 4 * (BARS + 15)
    assert sorted(own, key=str) == sorted(theirs, key=str)
    frontiers = written(tmp_path / "rows", "frontiers")["frontiers"].to_pylist()
    names = {row["bar"]: tuple(dict(row["weights"])) for row in frontiers}
    assert names[FIRST + BARS] == tuple(ASSETS) and names[FIRST + BARS + 15] == ("XRP", "BTC", "SOL")
