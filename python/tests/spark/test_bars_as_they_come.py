"""Bars of a real engine as a stream: each once, whatever is stopped, and started again, on the way."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pytest
from engine import FIRST, Engine, rows_of, running_engine
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

ASSETS = ["BTC", "ETH", "SOL"]
BARS = 40
COLUMNS = "bar, asset, close, volume"
ALL = f"select {COLUMNS} from bars order by bar, asset"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine with some bars."""
    with running_engine(tmp_path / "engine", ASSETS, BARS) as one:
        yield one


class Sink:
    """Keeps the rows of each micro-batch."""

    def __init__(self) -> None:
        self.batches: list[pyarrow.Table] = []

    def take(self, frame: DataFrame, _number: int) -> None:
        """A micro-batch."""
        self.batches.append(frame.toArrow())

    def rows(self) -> list[tuple]:
        """All rows, in the order of bars and assets."""
        table = pyarrow.concat_tables(self.batches)
        return rows_of(table.sort_by([("bar", "ascending"), ("asset", "ascending")]))


def begin(
    spark: SparkSession, engine: Engine, sink: Sink, place: Path, now: bool = False, **options: object
) -> StreamingQuery:
    """Starts to read bars as a stream into a sink."""
    given = {"endpoint": engine.url, "table": "bars", "columns": COLUMNS, "partitions": 2} | options
    reader = spark.readStream.format("silverbullet").options(**{name: str(value) for name, value in given.items()})
    writer = reader.load().writeStream.foreachBatch(sink.take).option("checkpointLocation", str(place))
    return (writer.trigger(availableNow=True) if now else writer).start()


def test_what_is_there_comes_in_batches_of_so_many_bars(spark: SparkSession, engine: Engine, tmp_path: Path) -> None:
    sink = Sink()
    query = begin(spark, engine, sink, tmp_path / "checkpoint", now=True, maxBarsPerTrigger=15)
    assert query.awaitTermination(120) and query.exception() is None
    assert [len(set(batch["bar"].to_pylist())) for batch in sink.batches] == [15, 15, 10]
    assert sink.rows() == rows_of(engine.rows(ALL))
    again = begin(spark, engine, sink, tmp_path / "checkpoint", now=True)
    assert again.awaitTermination(120) and len(sink.batches) == 3


def test_a_stream_goes_on_where_it_stopped_and_over_a_restart_of_the_engine(
    spark: SparkSession, engine: Engine, tmp_path: Path
) -> None:
    sink, place = Sink(), tmp_path / "checkpoint"
    query = begin(spark, engine, sink, place)
    query.processAllAvailable()
    assert sink.rows() == rows_of(engine.rows(ALL))
    engine.put(7)
    query.processAllAvailable()
    assert {row[0] for row in rows_of(sink.batches[-1])} <= set(range(FIRST + BARS + 1, FIRST + BARS + 8))
    query.stop()
    engine.put(5)
    engine.stop()
    engine.start()
    query = begin(spark, engine, sink, place)
    query.processAllAvailable()
    query.stop()
    # Every row once: as many as there are, and the same bits.
    assert sink.rows() == rows_of(engine.rows(ALL))
    assert len({row[0] for row in sink.rows()}) == BARS + 12


def test_only_what_is_new_comes_where_that_is_wanted(spark: SparkSession, engine: Engine, tmp_path: Path) -> None:
    sink = Sink()
    query = begin(spark, engine, sink, tmp_path / "checkpoint", startingOffsets="latest")
    query.processAllAvailable()
    engine.put(3)
    query.processAllAvailable()
    query.stop()
    assert sink.rows() == rows_of(engine.rows(ALL))[-3 * len(ASSETS) :]
    newest = max((tmp_path / "checkpoint" / "offsets").glob("[0-9]*"), key=lambda file: int(file.name))
    (offset,) = json.loads(newest.read_text().splitlines()[-1])["main"].values()
    assert offset == FIRST + BARS + 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "live.bars"}, "live.bars cannot be read as a stream: that takes a table of final bars"),
        ({"table": "runs", "columns": "run_id"}, "runs cannot be read as a stream"),
        ({"universe": "mian"}, "there is no universe 'mian' in bars of .*; there are main"),
    ],
)
def test_what_cannot_be_a_stream_is_told(
    spark: SparkSession, engine: Engine, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    query = None
    with pytest.raises(Exception, match=rf"(?s){message}"):
        query = begin(spark, engine, Sink(), tmp_path / "checkpoint", now=True, **options)
        query.awaitTermination(60)
    assert query is None or not query.isActive
