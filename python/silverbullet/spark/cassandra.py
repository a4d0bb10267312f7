"""`df.write.format("silverbullet_cassandra")` and `spark.read.format("silverbullet_cassandra")`: the tables of results in
Cassandra, written and read by the program's own writer and reader in each task.

**Why a task may fail, be repeated or run twice.** A row's key is what the row is, and every column that is not a part of it
follows from it. A task that failed leaves some of its rows; the one that is begun in its stead writes the same rows to the
same keys, and where two run side by side it does not matter whose come last. So nothing has to be undone and nothing waits for
the end of the job: a job that was broken off is run again. This holds where the DataFrame is the same each time it is
computed, which Spark wants of it anyway.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow
from pyspark.sql.datasource import (
    DataSource,
    DataSourceArrowWriter,
    DataSourceReader,
    Filter,
    InputPartition,
    WriterCommitMessage,
)
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from silverbullet import cassandra
from silverbullet.spark.cassandra_options import Options
from silverbullet.spark.cassandra_plan import Part, Wanted, parts
from silverbullet.spark.cassandra_sessions import session
from silverbullet.spark.columns import caster, check_wanted, spark_schema
from silverbullet.spark.errors import OptionError
from silverbullet.spark.source import settle

if TYPE_CHECKING:
    from silverbullet.cassandra import Written


class CassandraSource(DataSource):
    """The data source, as Spark makes one for each read and each write."""

    @classmethod
    def name(cls) -> str:
        """What stands in `format(…)`."""
        return "silverbullet_cassandra"

    def schema(self) -> StructType:
        """The columns of the table, or of it those that were asked for."""
        options = Options.of(self.options)
        columns = cassandra.schema(options.table)
        if options.columns is not None:
            check_wanted(list(options.columns), columns, options.table)
            columns = pyarrow.schema([columns.field(name) for name in options.columns])
        return spark_schema(columns)

    def reader(self, schema: StructType) -> DataSourceReader:
        """A reader of the columns in `schema`, which are those above or those that the user named."""
        options = Options.of(self.options)
        check_wanted(schema.fieldNames(), cassandra.schema(options.table), options.table)
        return FilteringReader(options, schema) if options.pushdown else Reader(options, schema)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceArrowWriter:
        """A writer of rows with the columns in `schema`, once it is known that the table can take them."""
        options = Options.of(self.options)
        options.check_for_writing()
        if overwrite:
            raise OptionError(
                'a row replaces the one with its key, and nothing else is deleted: write with mode("append"); to have a '
                "table empty first, TRUNCATE it"
            )
        columns = to_arrow_schema(schema, timezone="UTC")
        with session(options.settings) as tables, tables.writing(options.table) as writing:
            # No rows: password, keyspace, version of the tables and columns on both sides are looked at, and that is all.
            writing.put(columns.empty_table())
        return Writer(options)


@dataclass
class Counted(WriterCommitMessage):
    """What a task wrote."""

    rows: int
    newest: int
    batches: int
    retries: int
    bytes: int


class Writer(DataSourceArrowWriter):
    """Writes the rows of a DataFrame, each task its own."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def write(self, iterator: Iterator[pyarrow.RecordBatch]) -> Counted:
        """The rows of a task; it returns when all are acknowledged."""
        settle()
        with session(self.options.settings) as tables, tables.writing(self.options.table) as writing:
            writing.put(iterator)
            return counted(writing.finish())

    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Says on the driver's standard error what all tasks wrote."""
        tasks = [one for one in messages if isinstance(one, Counted)]
        rows, retries = sum(one.rows for one in tasks), sum(one.retries for one in tasks)
        again = f", {retries} requests were sent again" if retries else ""
        self._say(f"{rows} rows written by {len(tasks)} tasks{again}")

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Nothing is to be undone: says that what is there is not all of it."""
        tasks = [one for one in messages if isinstance(one, Counted)]
        rows = sum(one.rows for one in tasks)
        self._say(
            f"the job failed; {rows} rows of the {len(tasks)} tasks that ended well are written, and perhaps some of the others; "
            "run it again, which writes the same rows to the same keys"
        )

    def _say(self, what: str) -> None:
        print(f"{CassandraSource.name()}: {self.options.table}: {what}", file=sys.stderr, flush=True)


def counted(written: Written) -> Counted:
    """The message of a task that ended well."""
    return Counted(**written._asdict())


class Reader(DataSourceReader):
    """Reads all rows that the options ask for."""

    def __init__(self, options: Options, schema: StructType) -> None:
        self.options = options
        self.schema = schema
        self.wanted = Wanted.of(options)

    def partitions(self) -> Sequence[InputPartition]:
        """Partitions of the key where it is told, ranges of tokens otherwise."""
        with session(self.options.settings) as tables:
            return parts(tables, self.options, self.wanted)

    def read(self, partition: InputPartition) -> Iterator[pyarrow.RecordBatch]:
        """The rows of a partition."""
        settle()
        # Where there are no partitions Spark makes one up.
        if not isinstance(partition, Part):
            return
        cast = caster(self.schema)
        with session(self.options.settings) as tables:
            for batch in partition.rows(tables, self.options.table, self.schema.fieldNames()):
                yield cast(batch)


class FilteringReader(Reader):
    """Reads the rows that Spark's filters leave, as far as the key tells them."""

    def pushFilters(self, filters: list[Filter]) -> Iterator[Filter]:
        """Takes what filters say of the key; Spark looks at all of them once more, which costs little."""
        for one in filters:
            self.wanted = self.wanted.narrowed(one)
            yield one
