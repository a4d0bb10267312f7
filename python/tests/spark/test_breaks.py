"""What becomes of a read when tickets expire, connections tear, engines start anew and executors die; and what is told.
"""

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.flight as flight
import pytest
from engine import FIRST, Engine, load, rows_of, running_engine
from pyspark import TaskContext
from pyspark.sql import SparkSession
from relay import Relay
from service import is_alive, wait_until
from silverbullet.spark import EngineAway, Refused, SnapshotChanged
from silverbullet.spark.options import Options
from silverbullet.spark.plan import Query, Share, pinned, shares
from silverbullet.spark.shares import read

ASSETS = ["BTC", "ETH"]
BARS = 60
KEEP = 2
#: Some 40 MB, more than what lies in the buffers between two programs.
MANY = 1_500_000
NUMBERS = f"select value, value * 7 as seven, 'a word' as word from generate_series(1, {MANY})"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine that keeps answers for seconds; a test may stop it."""
    with running_engine(tmp_path / "engine", ASSETS, BARS, SILVERBULLET_SERVER__KEEP=f"{KEEP}s") as one:
        yield one


def planned(url: str, partitions: int = 1, **options: str) -> list[Share]:
    """What the driver would plan."""
    read_options = Options.of({"endpoint": url, **options})
    query, engine = Query.of(read_options, None), read_options.address.engine()
    question, repeatable = pinned(engine, query, engine.schema(query.sql()), read_options.ordered)
    return shares(read_options.address, question, partitions, repeatable)


def until_gone(engine: Engine, share: Share) -> None:
    """Waits until a ticket is not good any longer; to use it does not renew it."""
    ticket = flight.FlightEndpoint.deserialize(share.endpoint).ticket

    def gone() -> bool:
        try:
            with engine.client() as client:
                client.do_get(ticket).read_all()
        except KeyError:
            return True
        return False

    wait_until(gone, "the ticket is not good any longer")


def test_an_expired_ticket_is_told_or_the_answer_is_had_again(spark: SparkSession, engine: Engine) -> None:
    once, again = (load(spark, engine, table="bars", ordered=ordered, partitions=2) for ordered in ("false", "true"))
    first = again.collect()
    assert len(first) == len(once.collect()) == BARS * len(ASSETS)
    until_gone(engine, planned(engine.url, table="bars")[0])
    with pytest.raises(Exception, match=r"(?s)TicketGone.*expired at .*Make the DataFrame anew .*ordered=true"):
        once.collect()
    engine.put(5)
    # In another order it would be another answer: tasks that were done before count with those that come.
    assert again.collect() == first
    assert load(spark, engine, table="bars").count() == (BARS + 5) * len(ASSETS)


def test_a_ticket_is_held_for_as_long_as_it_is_read(engine: Engine) -> None:
    (share,) = planned(engine.url, query=NUMBERS)
    other = planned(engine.url, query="select 1")[0]
    reading = read(share, 5.0)
    rows = next(reading).num_rows
    until_gone(engine, other)
    with engine.client() as client:
        assert client.do_get(flight.FlightEndpoint.deserialize(share.endpoint).ticket).read_chunk()
    assert rows + sum(batch.num_rows for batch in reading) == MANY


def test_a_torn_connection_doubles_no_row_and_loses_none(engine: Engine) -> None:
    relay = Relay(engine.port, [3_000_000, 9_000_000, 500_000])
    try:
        (share,) = planned(relay.url, query=NUMBERS)
        values = pyarrow.chunked_array([batch["value"] for batch in read(share, 20.0)])
        assert relay.torn == 3
        assert values.equals(pyarrow.chunked_array([pyarrow.array(range(1, MANY + 1))]))
    finally:
        relay.close()


def test_an_engine_that_starts_anew_in_the_midst_gives_the_rows_it_had(engine: Engine) -> None:
    wanted = rows_of(engine.rows("select * from bars order by bar, asset"))
    parts = planned(engine.url, 3, table="bars")
    first = list(read(parts[0], 30.0))
    engine.stop()
    starting = threading.Thread(target=engine.start)
    starting.start()
    rest = list(itertools.chain.from_iterable(read(part, 60.0) for part in parts[1:]))
    starting.join()
    assert rows_of(pyarrow.Table.from_batches(first + rest)) == wanted


def test_a_job_goes_on_over_a_restart_where_it_can_ask_again(spark: SparkSession, engine: Engine) -> None:
    engine.stop()
    engine.settings["SILVERBULLET_SERVER__KEEP"] = "5m"
    engine.start()
    again, once = (load(spark, engine, table="bars", ordered=ordered) for ordered in ("true", "false"))
    first = again.collect()
    once.collect()
    engine.stop()
    engine.start()
    assert again.collect() == first
    with pytest.raises(Exception, match=r"(?s)TicketGone.*the engine has started anew.*Make the DataFrame anew"):
        once.collect()


def test_rows_that_are_not_those_planned_fail_the_task(engine: Engine) -> None:
    (share,) = planned(engine.url, table="bars")
    share.sql = share.sql.replace(" order by", f" and bar > {FIRST + 5} order by")
    until_gone(engine, share)
    with pytest.raises(SnapshotChanged, match=f"has {(BARS - 5) * 2} rows where {BARS * 2} were planned.*read again"):
        list(read(share, 0.5))


def test_a_task_whose_executor_is_killed_reads_its_share_again(
    spark: SparkSession, engine: Engine, tmp_path: Path
) -> None:
    # Executors may take longer to start than answers are kept for the other tests.
    engine.stop()
    engine.settings["SILVERBULLET_SERVER__KEEP"] = "5m"
    engine.start()

    def task(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        for number, batch in enumerate(batches):
            if number == 0:
                # Pythons of an executor are children of a daemon, which is a child of the executor.
                daemon = os.getppid()
                executor = Path(f"/proc/{daemon}/stat").read_text().rsplit(")", 1)[1].split()[1]
                (tmp_path / f"began-{executor}-{TaskContext.get().taskAttemptId()}").touch()
                while not (tmp_path / "go").exists():
                    threading.Event().wait(0.05)
            yield batch.select(["value"])

    found: list[pyarrow.Table] = []
    frame = load(spark, engine, query=NUMBERS, partitions=2).mapInArrow(task, "value long")
    job = threading.Thread(target=lambda: found.append(frame.toArrow()))
    job.start()
    wait_until(lambda: len(list(tmp_path.glob("began-*"))) == 2, "both executors read", 60)
    killed = int(min(tmp_path.glob("began-*")).name.split("-")[1])
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not is_alive(killed), "the executor is gone")
    (tmp_path / "go").touch()
    job.join(120)
    assert len(list(tmp_path.glob("began-*"))) == 3
    assert sorted(found[0]["value"].to_pylist()) == list(range(1, MANY + 1))


WRONG = [
    ({"table": "portfolio"}, "NotThere.*does not know what is asked for.*portfolio"),
    ({"table": "bars", "columns": "close, clos"}, "there is no column 'clos' in bars; there are universe, variant"),
    ({"table": "bars", "universe": "mian"}, "there is no universe 'mian' in bars of .*; there are main"),
    ({"query": "select nonsense from bars"}, "does not know what is asked for.*nonsense"),
    ({"query": "delete from bars"}, "does not answer this.*read"),
    ({"query": "select ("}, "does not answer this"),
    ({"query": "select 1", "tabel": "bars"}, "there is no option `tabel`; there are endpoint, token"),
    ({}, "either the option `table` or the option `query`"),
    ({"table": "bars", "query": "select 1"}, "either the option `table` or the option `query`"),
    ({"table": "bars; drop"}, "it must be a name such as portfolios"),
    ({"table": "bars", "partitions": "65"}, "it must be a number from 1 to 64"),
    ({"table": "bars", "ordered": "maybe"}, "it must be one of auto, true, false"),
    ({"table": "bars", "endpoint": "http://127.0.0.1:1"}, "it must be grpc://HOST:PORT"),
    ({"table": "bars", "endpoint": "grpc://127.0.0.1:1"}, "EngineAway.*no engine answers at grpc://127.0.0.1:1: start"),
    ({"query": "select interval '1 month' as odd"}, "Spark has no type for the column 'odd'"),
]


def test_what_is_wrong_is_told_with_the_remedy(spark: SparkSession, engine: Engine) -> None:
    for options, message in WRONG:
        with pytest.raises(Exception, match=rf"(?s){message}"):
            load(spark, engine, **options).collect()
    with pytest.raises(Exception, match="the option `endpoint` is missing"):
        spark.read.format("silverbullet").load("bars")


def test_an_engine_that_stays_away_is_told_by_the_task(engine: Engine) -> None:
    (share,) = planned(engine.url, query="select 1")
    engine.kill()
    with pytest.raises(EngineAway, match="no engine answers at .*every executor must reach it, too"):
        list(read(share, 0.5))


def test_the_token_goes_to_the_executors_and_is_not_shown(spark: SparkSession, tmp_path: Path) -> None:
    own = Engine(tmp_path / "own", ["A", "B"], SILVERBULLET_SERVER__TOKEN="s3cret").start()
    try:
        frame = load(spark, own, query="select 1 as one", token="s3cret")
        assert frame.collect()[0].one == 1
        assert "s3cret" not in frame._jdf.queryExecution().toString()
        assert "s3cret" not in repr(Options.of({"endpoint": own.url, "query": "select 1", "token": "s3cret"}))
        with pytest.raises(Exception, match="wants its token"):
            load(spark, own, query="select 1", token="guessed").collect()
        with pytest.raises(Refused, match="wants its token"):
            planned(own.url, query="select 1")
    finally:
        own.stop()
