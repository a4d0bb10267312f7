"""Spark: tables and queries of a running engine as DataFrames, in batches and as streams; tables of results in Cassandra.

    import silverbullet.spark

    silverbullet.spark.register(spark)
    bars = spark.read.format("silverbullet").option("endpoint", "grpc://127.0.0.1:50051").load("bars")

Rows go from the engine's Flight server to the executors as Arrow batches, one partition for each endpoint of the
answer; there are no Python rows. docs/spark.md says what can be set.
"""

from typing import TYPE_CHECKING

from silverbullet.spark.errors import (
    EngineAway,
    NotThere,
    OptionError,
    Refused,
    SnapshotChanged,
    SourceError,
    TicketGone,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = [
    "EngineAway",
    "NotThere",
    "OptionError",
    "Refused",
    "SnapshotChanged",
    "SourceError",
    "TicketGone",
    "register",
]


def register(spark: "SparkSession") -> None:
    """Makes `format("silverbullet")` and `format("silverbullet_cassandra")` known to a session, and has Spark hand filters
    down to them."""
    from silverbullet import MissingDependencyError
    from silverbullet.spark.source import SilverBulletSource

    spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    spark.dataSource.register(SilverBulletSource)
    try:
        from silverbullet.spark.cassandra import CassandraSource
    except MissingDependencyError:
        # A build of the package without Cassandra.
        return
    spark.dataSource.register(CassandraSource)
