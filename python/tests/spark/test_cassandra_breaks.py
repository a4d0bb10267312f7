"""What becomes of a write into a real Cassandra node when an executor, a worker or the node is killed in its midst: in the end the
table is that of an undisturbed write."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow
import pytest
from driver import Driver
from kept import PASSWORD, Kept, running_node
from node import Node
from pyspark import TaskContext
from pyspark.sql import SparkSession
from service import is_alive, wait_until
from tables import sorted_bits

ROWS, BATCH = 10_000, 250


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that a test may kill and start again."""
    with running_node(tmp_path_factory.mktemp("kept")) as one:
        yield one


@pytest.fixture
def kept(node: Node, request: pytest.FixtureRequest) -> Kept:
    """Tables with rows of this test."""
    return Kept(node, "of_breaks", request.node.name)


@pytest.fixture
def given(kept: Kept) -> pyarrow.Table:
    """The rows that are written."""
    return kept.made("bars", ROWS)


def paused(place: Path) -> Callable[[Iterator[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]]:
    """Hands on half of its rows and waits, in the first attempt: says by a file which executor that is, and goes on once told."""
    folder = str(place)

    def run(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        task = TaskContext.get()
        for number, batch in enumerate(batches):
            if number == ROWS // BATCH // 4 and task.attemptNumber() == 0:
                # This process was forked by Spark's daemon for Python, which the executor has started.
                with open(f"/proc/{os.getppid()}/stat") as stat:
                    executor = stat.read().rpartition(")")[2].split()[1]
                with open(f"{folder}/{task.partitionId()}.part", "w") as file:
                    file.write(executor)
                os.rename(f"{folder}/{task.partitionId()}.part", f"{folder}/{task.partitionId()}.executor")
                while not os.path.exists(f"{folder}/go"):
                    time.sleep(0.05)
            yield batch

    return run


@contextmanager
def in_the_midst(spark: SparkSession, kept: Kept, given: pyarrow.Table, place: Path) -> Iterator[tuple[Future, set[int]]]:
    """A write whose two tasks have written some of their rows, and the executors of both. They go on when the block ends."""
    # Rows come to the writer while those after them are being made.
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH))

    def write() -> None:
        # Made in this thread: Spark looks for data sources in the session that is active there.
        frame = spark.createDataFrame(given).repartition(2)
        kept.write(frame.mapInArrow(paused(place), frame.schema), "bars").save()

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)

        def both_wait() -> bool:
            # What has gone wrong is told rather than waited for.
            return writing.done() or len(list(place.glob("*.executor"))) == 2

        try:
            wait_until(both_wait, "both tasks are in their midst", 90)
            if writing.done():
                writing.result()
            wait_until(lambda: kept.found("bars").num_rows > 0, "some rows are there")
            assert kept.found("bars").num_rows < ROWS
            yield writing, {int(path.read_text()) for path in place.glob("*.executor")}
        finally:
            (place / "go").touch()
            spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")


def test_an_executor_that_is_killed_leaves_nothing_wrong(
    spark: SparkSession, kept: Kept, given: pyarrow.Table, tmp_path: Path
) -> None:
    with in_the_midst(spark, kept, given, tmp_path) as (writing, executors):
        assert len(executors) == 2
        os.kill(executors.pop(), signal.SIGKILL)
    assert writing.result(1) is None
    assert sorted_bits(kept.found("bars")) == sorted_bits(given)


def test_a_worker_that_is_killed_leaves_nothing_wrong(
    spark: SparkSession, driver: Driver, kept: Kept, given: pyarrow.Table, tmp_path: Path
) -> None:
    killed = driver.cluster.pid_of("worker-2")
    with in_the_midst(spark, kept, given, tmp_path) as (writing, executors):
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not is_alive(killed), "the worker is gone")
        # An executor does not outlive its worker.
        wait_until(lambda: sum(map(is_alive, executors)) == 1, "its executor is gone")
    assert writing.result(1) is None
    assert sorted_bits(kept.found("bars")) == sorted_bits(given)
    driver.cluster.start()


def test_a_node_that_is_killed_is_told_or_waited_for_and_the_job_can_be_run_again(
    spark: SparkSession, node: Node, kept: Kept, given: pyarrow.Table, tmp_path: Path
) -> None:
    with in_the_midst(spark, kept, given, tmp_path) as (writing, _):
        node.kill()
    # Nobody has started it again: tasks have tried as often as the settings say.
    with pytest.raises(Exception, match=r"(?s)Cassandra"):
        writing.result(1)
    node.start(ROLE_PASSWORD=PASSWORD)
    again = kept.write(spark.createDataFrame(given), "bars")
    again.save()
    assert sorted_bits(kept.found("bars")) == sorted_bits(given)
