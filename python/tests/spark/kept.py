"""What tests of Cassandra with Spark share: a real node whose role has a password of its own, and tables in it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service import PROJECT, assert_none_left, copy_of_project

# Nodes, the program with settings, and rows are those of the tests of Cassandra.
sys.path.append(str(PROJECT / "python" / "tests" / "cassandra"))

import pyarrow
import pyarrow.compute as compute
from keyspace import Program
from node import Node, script
from program import binary
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
from silverbullet import cassandra
from tables import rows

STORE = "SILVERBULLET_STORE__CASSANDRA__"
#: Nothing else has this text, so that it can be looked for. The driver has it in its environment.
PASSWORD = os.environ[f"{STORE}PASSWORD"]


@contextmanager
def running_node(folder: Path) -> Iterator[Node]:
    """A node in a copy of what of the project it needs."""
    copy = folder / "cassandra project"
    copy.mkdir()
    copy_of_project("cassandra", copy, "python/requirements-cassandra.txt")
    node = Node(copy, copy / "target" / "cassandra" / "data")
    try:
        node.start(ROLE_PASSWORD=PASSWORD)
        yield node
    finally:
        script(copy, "stop", "--data", str(node.folder))
        assert_none_left("cassandra", copy)


class Kept:
    """Tables, which take long to make; each test has rows of a universe of its own in them."""

    def __init__(self, node: Node, keyspace: str, universe: str = "main") -> None:
        self.node, self.keyspace, self.universe = node, keyspace, universe
        self.settings = cassandra.Settings(node.address, keyspace=keyspace, password=PASSWORD)
        cassandra.make_tables(self.settings)
        self.tables = cassandra.connect(self.settings)

    def made(self, table: str, count: int) -> pyarrow.Table:
        """Rows that are made up."""
        return rows(table, count, universe=self.universe)

    def found(self, table: str) -> pyarrow.Table:
        """The rows that are there, as the package reads them."""
        whole = self.tables.scan(table).read_all()
        return whole.filter(compute.equal(whole["universe"], self.universe)) if "universe" in whole.column_names else whole

    def options(self, table: str, **more: object) -> dict[str, str]:
        """Those that every read and write has."""
        own = {"nodes": self.node.address, "keyspace": self.keyspace, "table": table}
        return own | {name: str(value) for name, value in more.items()}

    def write(self, frame: DataFrame, table: str, **more: object) -> DataFrameWriter:
        """A write that begins with `save()`."""
        return frame.write.format("silverbullet_cassandra").options(**self.options(table, **more)).mode("append")

    def load(self, spark: SparkSession, table: str, **more: object) -> DataFrame:
        """A read."""
        return spark.read.format("silverbullet_cassandra").options(**self.options(table, **more)).load()

    def program(self, folder: Path) -> Program:
        """The program with the same tables."""
        one = Program(binary(), folder, self.keyspace, self.node.address)
        one.environment[f"{STORE}PASSWORD"] = PASSWORD
        return one
