"""DataFrames of a real cluster into tables of a real Cassandra node and back: the same bits; what cannot be is told before any task
begins; a task that is killed, repeated or run twice leaves nothing wrong."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow
import pytest
from kept import PASSWORD, Kept, running_node
from node import Node
from pyspark import TaskContext
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from silverbullet import cassandra
from tables import START, rows, sorted_bits

pytestmark = pytest.mark.usefixtures("no_adaptive_plans")
#: Of each table.
ROWS = 2_000


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("kept")) as one:
        yield one


@pytest.fixture
def kept(node: Node, request: pytest.FixtureRequest) -> Kept:
    return Kept(node, "of_spark", request.node.name)


@pytest.mark.parametrize("table", cassandra.TABLES)
def test_a_frame_is_written_and_read_to_the_bit(spark: SparkSession, kept: Kept, tmp_path: Path, table: str) -> None:
    given = kept.made(table, ROWS)
    frame = spark.createDataFrame(given).repartition(3)
    kept.write(frame, table).save()
    assert sorted_bits(kept.found(table)) == sorted_bits(given)
    read = kept.load(spark, table, partitions=5)
    assert read.rdd.getNumPartitions() == 5 and read.columns == given.column_names
    where = f"universe = '{kept.universe}'" if "universe" in given.column_names else "true"
    assert sorted_bits(read.filter(where).toArrow()) == sorted_bits(given)
    counted = kept.program(tmp_path).sql(f"select count(*) as n from cassandra.{table} where {where}")
    assert counted == [{"n": ROWS}]


def test_columns_go_by_name_and_time_zones_do_not_matter(spark: SparkSession, kept: Kept) -> None:
    given = kept.made("portfolios", ROWS)
    frame = spark.createDataFrame(given).select(*sorted(set(given.column_names) - {"gap"}, reverse=True))
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        kept.write(frame, "portfolios").save()
        found = kept.load(spark, "portfolios", columns="as_of, bar", universe=kept.universe).orderBy("bar").toArrow()
    finally:
        spark.conf.unset("spark.sql.session.timeZone")
    assert found.column_names == ["as_of", "bar"] and found["bar"].to_pylist() == given["bar"].to_pylist()
    assert [at.timestamp() for at in found["as_of"].to_pylist()] == [at.timestamp() for at in given["as_of"].to_pylist()]
    wanted = given.set_column(given.column_names.index("gap"), given.schema.field("gap"), pyarrow.nulls(ROWS, pyarrow.float64()))
    assert sorted_bits(kept.found("portfolios")) == sorted_bits(wanted)


# Which rows are asked for.


def test_what_filters_say_of_the_key_is_asked_of_cassandra(spark: SparkSession, node: Node) -> None:
    kept = Kept(node, "filters")
    everything = []
    for universe, variant in (("main", "v1"), ("main", "v2"), ("other", "v1")):
        everything.append(rows("bars", 9_000, universe=universe, variant=variant))
        kept.tables.write("bars", everything[-1])
    whole = spark.createDataFrame(pyarrow.concat_tables(everything)).cache()
    late = f.lit(START + timedelta(seconds=1_000_000))
    for condition, partitions in (
        # A bucket has 4096 bars, so that 9000 are in three or four.
        ((f.col("universe") == "main") & (f.col("variant") == "v1"), 3),
        (f.col("universe") == "main", 4),
        (f.col("universe").isin("main", "other") & (f.col("bar") >= 9_000), 3),
        ((f.col("universe") == "main") & (f.col("variant") == "v2") & f.col("bar").between(5_000, 5_100), 1),
        ((f.col("universe") == "main") & (f.col("bar") > 9_000) & (f.col("bar") < 9_000), 1),
        (f.col("bar") == 4_444, 4),
        ((f.col("universe") == "other") & (f.col("close_time") > late) & (f.col("ticks") >= 0), 3),
        ((f.col("universe") == "main") | (f.col("bar") == 1_001), 4),
    ):
        # A DataFrame for each: Spark keeps what was pushed.
        bars = kept.load(spark, "bars", partitions=4, pushdown="true")
        found, wanted = bars.filter(condition), whole.filter(condition)
        assert sorted_bits(found.toArrow()) == sorted_bits(wanted.toArrow()), condition
        assert found.rdd.getNumPartitions() == partitions, condition
    options = kept.load(spark, "bars", universe="main", variant="v2")
    assert sorted_bits(options.toArrow()) == sorted_bits(everything[1])
    again = kept.load(spark, "bars", partitions=4)
    for condition in (f.col("universe") == "other", (f.col("universe") == "main") | (f.col("bar") == 1_001), f.lit(True)):
        assert sorted_bits(again.filter(condition).toArrow()) == sorted_bits(whole.filter(condition).toArrow()), condition
    unfiltered = kept.load(spark, "bars").filter("universe = 'main' and variant = 'v1'")
    assert unfiltered.rdd.getNumPartitions() == 4 and sorted_bits(unfiltered.toArrow()) == sorted_bits(everything[0])


def test_times_and_runs_are_keys_too(spark: SparkSession, kept: Kept) -> None:
    for table in ("events", "latency", "runs", "backtests"):
        given = kept.made(table, ROWS)
        kept.tables.write(table, given)
        read = kept.load(spark, table, partitions=4)
        scope = cassandra.partition(table)[0]
        value = given[scope][7].as_py()
        found = read.filter(f.col(scope) == value)
        wanted = spark.createDataFrame(given).filter(f.col(scope) == value)
        if "universe" in given.column_names:
            found = found.filter(f.col("universe") == kept.universe)
        if "as_of" in given.column_names:
            late = f.lit(START + timedelta(seconds=600_000))
            found, wanted = found.filter(f.col("as_of") >= late), wanted.filter(f.col("as_of") >= late)
        assert 0 < wanted.count() < ROWS
        assert sorted_bits(found.toArrow()) == sorted_bits(wanted.toArrow()), table


# What cannot be is told before any task begins.


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        ({"risk": "cast(risk as string)"}, {}, "InputError: rows of portfolios: column risk is Utf8, it must be double: cast it"),
        ({"sharp": "1.0d"}, {}, "InputError: rows of portfolios: the table has no column sharp; it has universe, "),
        ({}, {"table": "portfolio"}, "OptionError: there is no table 'portfolio'; there are portfolios, frontiers, "),
        ({}, {"user": "nobody"}, "AccessDeniedError: Cassandra refuses the password of role nobody; correct "),
        ({}, {"keyspace": "nowhere"}, "TablesError: Cassandra has no keyspace nowhere; make it by `silverbullet store init`"),
        ({}, {"nodes": "127.0.0.1:1", "connect_timeout": "1s"}, "ConnectionFailedError: no node of Cassandra answers at 127.0.0.1:1"),
        ({}, {"password": "in-the-open"}, "OptionError: the option `password` would be in plans and logs of Spark: set it "),
        ({}, {"batch_row": 5}, "OptionError: there is no option `batch_row`; there are table, "),
        ({}, {"partitions": 5}, "OptionError: the option `partitions` is for reading"),
        ({}, {"consistency": "MOST"}, "InputError: store.cassandra: unknown variant `MOST`"),
    ],
)
def test_a_write_that_cannot_be_is_refused_before_any_task(
    spark: SparkSession, kept: Kept, tmp_path: Path, change: dict, options: dict, says: str
) -> None:
    begun = str(tmp_path / "begun")

    def task(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        open(begun, "w").close()
        yield from batches

    frame = spark.createDataFrame(kept.made("portfolios", 10))
    frame = frame.mapInArrow(task, frame.schema)
    frame = frame.withColumns({name: f.expr(sql) for name, sql in change.items()})
    given = kept.options("portfolios") | {name: str(value) for name, value in options.items()}
    with pytest.raises(Exception, match="(?s).") as refused:
        frame.write.format("silverbullet_cassandra").options(**given).mode("append").save()
    assert says in str(refused.value) and "in-the-open" not in str(refused.value)
    assert not os.path.exists(begun)
    assert kept.found("portfolios").num_rows == 0


def test_overwriting_and_older_tables_are_refused(spark: SparkSession, kept: Kept) -> None:
    frame = spark.createDataFrame(kept.made("portfolios", 10))
    with pytest.raises(Exception, match='OptionError: a row replaces the one with its key.*mode."append"'):
        kept.write(frame, "portfolios").mode("overwrite").save()
    with pytest.raises(Exception, match="AccessDeniedError"):
        kept.load(spark, "bars", user="nobody").collect()
    with pytest.raises(Exception, match="the option `universe` is not a part of the key of backtests, which is run_id"):
        kept.load(spark, "backtests", universe="main")
    with pytest.raises(Exception, match="NotThere: there is no column 'sharp' in portfolios"):
        kept.load(spark, "portfolios", columns="sharp")


def test_the_password_is_in_no_plan_and_no_log(
    spark: SparkSession, kept: Kept, events: Path, capfd: pytest.CaptureFixture
) -> None:
    frame = spark.createDataFrame(kept.made("portfolios", 10))
    kept.write(frame, "portfolios").save()
    read = kept.load(spark, "portfolios")
    read.explain("extended")
    read.count()
    shown = capfd.readouterr().out
    written = "".join(path.read_text() for path in events.rglob("*") if path.is_file())
    for text in (shown, written):
        assert "silverbullet_cassandra" in text and PASSWORD not in text


# Tasks that fail.


@pytest.fixture
def in_small_batches(spark: SparkSession) -> Iterator[None]:
    """Rows come to the writer while those after them are being made."""
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "250")
    yield
    spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")


@pytest.mark.usefixtures("in_small_batches")
def test_a_task_that_fails_midway_and_is_repeated_doubles_nothing(
    spark: SparkSession, kept: Kept, tmp_path: Path
) -> None:
    given = kept.made("portfolios", 4_000)
    place = str(tmp_path)

    def fails_once(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        task = TaskContext.get()
        for number, batch in enumerate(batches):
            if number == 4 and task.attemptNumber() == 0:
                open(f"{place}/{task.partitionId()}", "w").close()
                raise ValueError("the first attempt fails")
            yield batch

    frame = spark.createDataFrame(given).repartition(2)
    kept.write(frame.mapInArrow(fails_once, frame.schema), "portfolios").save()
    assert len(list(tmp_path.iterdir())) == 2
    assert sorted_bits(kept.found("portfolios")) == sorted_bits(given)


@pytest.mark.usefixtures("in_small_batches")
def test_a_job_that_fails_for_good_can_be_run_again(spark: SparkSession, kept: Kept) -> None:
    given = kept.made("bars", 4_000)
    frame = spark.createDataFrame(given).repartition(2)

    def fails(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        for number, batch in enumerate(batches):
            if number == 5:
                raise ValueError("no attempt succeeds")
            yield batch

    with pytest.raises(Exception, match="no attempt succeeds"):
        kept.write(frame.mapInArrow(fails, frame.schema), "bars").save()
    assert kept.found("bars").num_rows < 4_000
    kept.write(frame, "bars").save()
    assert sorted_bits(kept.found("bars")) == sorted_bits(given)
