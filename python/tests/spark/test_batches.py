"""Tables and queries of a real engine as DataFrames of a real cluster: the same bits as by Flight itself."""

import math
from collections.abc import Iterator

import pytest
from engine import FIRST, Engine, load, rows_of, running_engine
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

pytestmark = pytest.mark.usefixtures("no_adaptive_plans")
ASSETS = ["BTC", "ETH", "SOL", "XRP"]
BARS = 120
TABLES = ["portfolios", "frontiers", "assets", "bars", "weights", "events", "history.bars"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with two minutes of bars."""
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS) as one:
        yield one


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_to_the_bit_what_flight_itself_gives(spark: SparkSession, engine: Engine, table: str) -> None:
    wanted = engine.rows(f"select * from {table}")
    assert wanted.num_rows > 0 or table in ("events", "history.bars")
    found = load(spark, engine, table=table, partitions=3).toArrow()
    assert found.column_names == wanted.column_names
    assert sorted(rows_of(found), key=repr) == sorted(rows_of(wanted), key=repr)
    kinds = {name: str(kind) for name, kind in zip(wanted.column_names, wanted.schema.types, strict=True)}
    assert {name: str(kind) for name, kind in zip(found.column_names, found.schema.types, strict=True)} == kinds


def test_a_query_keeps_order_and_rows_in_as_many_partitions_as_asked(spark: SparkSession, engine: Engine) -> None:
    query = "select bar, asset, close, weights['BTC'] as btc from (select * from bars) b join portfolios p using (bar)"
    query = f"{query} order by bar, asset, objective, method limit 1000 -- a comment at the end"
    wanted = rows_of(engine.rows(query))
    for partitions in (1, 2, 8, 64):
        frame = load(spark, engine, query=query, partitions=partitions)
        assert frame.rdd.getNumPartitions() == partitions
        assert rows_of(frame.toArrow()) == wanted
    sizes = [row["count"] for row in frame.groupBy(f.spark_partition_id()).count().collect()]
    assert (len(sizes), sum(sizes), max(sizes) - min(sizes)) == (64, len(wanted), 1)


def test_columns_are_picked_by_option_or_schema_or_path(spark: SparkSession, engine: Engine) -> None:
    wanted = rows_of(engine.rows("select close, bar from bars order by bar, asset"))
    by_option = load(spark, engine, table="bars", columns="close, bar", ordered="true")
    reader = spark.read.format("silverbullet").option("endpoint", engine.url).option("ordered", "true")
    by_schema = reader.schema("close double, bar long").load("bars")
    for frame in (by_option, by_schema):
        assert frame.columns == ["close", "bar"]
        assert rows_of(frame.toArrow()) == wanted
    narrow = reader.schema("close float, ticks int").load("bars").agg(f.sum("close"), f.sum("ticks")).collect()[0]
    assert math.isclose(narrow[0], engine.rows("select sum(close) as s from bars")["s"][0].as_py(), rel_tol=1e-6)
    assert by_option.schema["close"].metadata["unit"] == "quote currency"


def crossed(frame: DataFrame) -> int:
    """The rows that came from the engine to answer a DataFrame."""
    plan = frame._jdf.queryExecution().executedPlan()
    frame._jdf.collectToPython()
    scan = plan.collectLeaves().head()
    return scan.metrics().get("numOutputRows").get().value()


LAST = FIRST + BARS
# What Spark is asked, and the rows that cross to answer it: as many as are wanted where the engine has done all of it.
FILTERS = [
    (f"bar > {LAST - 10}", True),
    (f"bar >= {LAST - 10} and asset = 'ETH'", True),
    ("asset <> 'ETH'", True),
    ("asset in ('BTC', 'XRP')", True),
    ("not asset in ('BTC', 'nothing')", True),
    ("asset like 'X%' or asset like 'nothing'", False),
    ("asset like 'X%'", True),
    ("asset like '%C'", True),
    ("asset like '%O%'", True),
    ("asset = \"it's\"", True),
    (f"close_time < timestamp '2025-05-12T00:00:{BARS // 4:02}Z'", True),
    ("close > 400", True),
    ("bar % 2 = 0", False),
    ("volume is null", True),
    ("volume is not null and ticks > 0", True),
]


@pytest.mark.parametrize(("wanted", "exactly"), FILTERS)
def test_filters_are_answered_by_the_engine_as_spark_would(
    spark: SparkSession, engine: Engine, wanted: str, exactly: bool
) -> None:
    filtered = load(spark, engine, table="bars", pushdown="true").filter(wanted)
    unfiltered = load(spark, engine, table="bars").filter(wanted)
    rows = sorted(rows_of(filtered.toArrow()), key=repr)
    assert rows == sorted(rows_of(unfiltered.toArrow()), key=repr)
    whole = BARS * len(ASSETS)
    assert crossed(unfiltered) == whole
    assert crossed(filtered) == (len(rows) if exactly else whole)


def test_a_frame_that_is_asked_again_has_all_its_rows(spark: SparkSession, engine: Engine) -> None:
    frame = load(spark, engine, table="bars")
    whole = rows_of(frame.toArrow())
    # Spark keeps what the first of these could push, and would take it for the others.
    for condition in ("asset = 'ETH'", f"asset = 'BTC' or bar = {FIRST}", "true"):
        wanted = rows_of(load(spark, engine, table="bars").filter(condition).toArrow())
        assert sorted(rows_of(frame.filter(condition).toArrow()), key=repr) == sorted(wanted, key=repr), condition
    assert len(rows_of(frame.toArrow())) == len(whole) == BARS * len(ASSETS)


ODD = [math.nan, -math.nan, 0.0, -0.0, 1.5, -1.5, math.inf, -math.inf]


@pytest.mark.parametrize("sign", ["=", "<=>", "<>", "<", "<=", ">", ">="])
@pytest.mark.parametrize("number", ["0d", "-0d", "1.5d", "-1.5d", "double('NaN')", "double('Infinity')"])
def test_numbers_that_are_no_numbers_and_zeros_are_compared_as_spark_does(
    spark: SparkSession, engine: Engine, sign: str, number: str
) -> None:
    literals = ["null"] + [f"{'-' * (math.copysign(1, one) < 0)}cast('{abs(one)}' as double)" for one in ODD]
    values = ", ".join(f"({number}, {literal})" for number, literal in enumerate(literals))
    query = f"select * from (values {values}) as t(id, x)"
    odd = engine.rows(query)["x"].to_pylist()
    assert [math.copysign(1, one) for one in odd if one is not None] == [1, -1] * 4
    pushed, not_pushed = (
        load(spark, engine, query=query, pushdown=pushdown).filter(f"x {sign} {number}").toArrow()["id"].to_pylist()
        for pushdown in ("true", "false")
    )
    assert sorted(pushed) == sorted(not_pushed)


def test_an_aggregate_over_partitions_is_the_engines_own(spark: SparkSession, engine: Engine) -> None:
    frame = load(spark, engine, table="bars", partitions=8).groupBy("asset").agg(f.count("*"), f.max("high"))
    wanted = engine.rows("select asset, count(*), max(high) from bars group by asset order by asset")
    assert rows_of(frame.orderBy("asset").toArrow()) == rows_of(wanted)
