"""A session with Spark's own settings beside the measured one, which runs a job of empty tasks for each line it gets.

    empty.py MASTER TASKS
"""

import json
import sys
import time

from pyspark.sql import SparkSession


def main() -> None:
    """Answers each line with the seconds of a job."""
    builder = SparkSession.builder.master(sys.argv[1]).appName("empty")
    # Where it runs and on how much of it; all else is as Spark has it.
    where = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.cores": "1",
        "spark.cores.max": "2",
        "spark.ui.enabled": "false",
    }
    for name, value in where.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    tasks = int(sys.argv[2])
    for _ in sys.stdin:
        began = time.perf_counter()
        rows = spark.range(0, tasks, 1, tasks).mapInArrow(lambda batches: batches, "id long").toArrow().num_rows
        print(json.dumps({"seconds": time.perf_counter() - began, "rows": rows}), flush=True)
    spark.stop()


main()
