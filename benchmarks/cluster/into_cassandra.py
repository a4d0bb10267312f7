"""Rows a second from a DataFrame into a Cassandra node, by one executor on one core, beside the bare Rust driver on that core."""

import math
import os
import statistics
from pathlib import Path

import numpy as np
import pyarrow
from measures import require, timed
from pyspark.sql import SparkSession
from silverbullet import cassandra
from stage import Node, Peer, own_processes, pin

#: As the bare driver's program makes rows: bar by bar, all assets of a universe.
ASSETS, FIRST_BAR = 16, 1_750_000_000
KEYSPACE = "silverbullet_bench"


def bars(rows: int) -> pyarrow.Table:
    """The rows that the bare driver writes."""
    numbers = np.arange(rows)
    bar = FIRST_BAR + numbers // ASSETS
    value = pyarrow.array(np.sqrt(numbers))
    stamp = pyarrow.array(bar * 1_000_000).cast(pyarrow.timestamp("us", "UTC"))
    names = pyarrow.array([f"ASSET{asset:03}" for asset in reversed(range(ASSETS))])
    text = {name: pyarrow.array([name] * rows) for name in ("universe", "variant")}
    columns = {
        "universe": text["universe"], "variant": text["variant"], "bar": pyarrow.array(bar),
        "asset": names.take(pyarrow.array(numbers % ASSETS)), "open_time": stamp, "close_time": stamp,
        "open": value, "high": value, "low": value, "close": value, "volume": value, "ticks": pyarrow.array(numbers),
        "run_id": pyarrow.array(["20260601T120000Z-1a2b3c"] * rows),
    }  # fmt: skip
    return pyarrow.table(columns)


def writes(spark: SparkSession, bench: Path, folder: Path, rows: int, turns: int) -> dict:
    """Both write the same rows in turns; the node has the other cores."""
    cores = sorted(os.sched_getaffinity(0))
    # Executors are pinned with the Python processes that they have by now: a job first.
    spark.range(0, 8, 1, 8).mapInArrow(lambda batches: batches, "id long").toArrow()
    pids = own_processes(spark.sparkContext.applicationId)
    node, bare = Node(folder / "node", cores[1:]), None
    try:
        address = f"127.0.0.1:{node.ports['port']}"
        bare = Peer(cores[0], bench, address)
        bare.ask("write", "bare", "bars", 0, 1)
        made = bars(rows)
        kept = cassandra.Settings(address, keyspace=KEYSPACE, password="silverbullet")
        frame = spark.createDataFrame(made).coalesce(1).cache()
        require(frame.count() == rows and frame.rdd.getNumPartitions() == 1, "the DataFrame is not one partition of all rows")
        pin(pids, {cores[0]})
        writer = frame.write.format("silverbullet_cassandra").mode("append")
        writer = writer.options(nodes=address, keyspace=KEYSPACE, table="bars", batch_rows="64", batch_bytes=str(1 << 20))
        own, other = [], []
        for turn in range(turns + 2):
            theirs = bare.ask("write", "bare", "bars", 0, rows)["rows_per_s"]
            seconds, _ = timed(writer.save)
            if turn >= 2:
                own.append(rows / seconds)
                other.append(theirs)
                print(f"  turn {turn - 1}: {own[-1]:,.0f} rows/s from Spark, {theirs:,.0f} by the bare driver", flush=True)
        there = cassandra.connect(kept).scan("bars").read_all()
        require(there.num_rows == rows, f"{there.num_rows} rows are in the table, {rows} were written")
        require(math.isclose(sum(there["close"].to_pylist()), sum(made["close"].to_pylist())), "rows were changed")
        frame.unpersist()
    finally:
        pin(pids, set(cores))
        if bare is not None:
            bare.close()
        node.stop()
    ratio = statistics.median(mine / theirs for mine, theirs in zip(own, other, strict=True))
    return {"own": statistics.median(own), "bare": statistics.median(other), "ratio": ratio}
