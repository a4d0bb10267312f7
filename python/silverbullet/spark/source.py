"""`spark.read.format("silverbullet")`: tables and queries of a running engine as DataFrames."""

import gc
from collections.abc import Iterator, Sequence
from functools import lru_cache

import pyarrow
from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader, Filter, InputPartition
from pyspark.sql.types import StructType

from silverbullet.spark.columns import caster, check_wanted, spark_schema
from silverbullet.spark.filters import condition
from silverbullet.spark.options import Options
from silverbullet.spark.plan import Query, Share, check_universe, pinned, shares
from silverbullet.spark.shares import read


class SilverBulletSource(DataSource):
    """The data source, as Spark makes one for each read."""

    @classmethod
    def name(cls) -> str:
        """What stands in `format(…)`."""
        return "silverbullet"

    def schema(self) -> StructType:
        """The columns, as the engine has them now."""
        options = Options.of(self.options)
        columns = columns_of(options)
        if options.columns is not None:
            check_wanted(list(options.columns), columns, options.what)
            columns = pyarrow.schema([columns.field(name) for name in options.columns])
        return spark_schema(columns)

    def reader(self, schema: StructType) -> DataSourceReader:
        """A reader of the columns in `schema`, which are those above or those that the user named."""
        options = Options.of(self.options)
        return FilteringReader(options, schema) if options.pushdown else Reader(options, schema)

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:
        """A reader of the bars as they become final."""
        from silverbullet.spark.streaming import StreamReader

        return StreamReader(Options.of(self.options), schema)


def columns_of(options: Options) -> pyarrow.Schema:
    """All columns of what is read."""
    return options.address.engine().schema(Query.of(options, None).sql())


def query_of(options: Options, schema: StructType, columns: pyarrow.Schema) -> Query:
    """The question for the columns that Spark wants."""
    names = schema.fieldNames()
    check_wanted(names, columns, options.what)
    return Query.of(options, None if names == columns.names else names)


def batches(partition: InputPartition, schema: StructType, patience: float) -> Iterator[pyarrow.RecordBatch]:
    """What a task hands to Spark."""
    settle()
    # Where there are no partitions Spark makes one up.
    return map(caster(schema), read(partition, patience)) if isinstance(partition, Share) else iter(())


@lru_cache(maxsize=1)
def settle() -> None:
    """Spark collects garbage after each task, through all that was imported, which takes longer than many tasks."""
    gc.freeze()


class Reader(DataSourceReader):
    """Reads all rows."""

    def __init__(self, options: Options, schema: StructType) -> None:
        self.options = options
        self.schema = schema
        self.conditions: list[str] = []

    def partitions(self) -> Sequence[InputPartition]:
        """Has the answer formed; a partition for each of its endpoints."""
        options = self.options
        engine, columns = options.address.engine(), columns_of(options)
        query = query_of(options, self.schema, columns).where(*self.conditions)
        question, repeatable = pinned(engine, query, columns, options.ordered)
        planned = shares(options.address, question, options.partitions, repeatable)
        if planned[0].rows == 0:
            check_universe(engine, options)
        return planned

    def read(self, partition: InputPartition) -> Iterator[pyarrow.RecordBatch]:
        """The rows of a partition."""
        return batches(partition, self.schema, self.options.patience)


class FilteringReader(Reader):
    """Reads the rows that Spark's filters leave, as far as the engine understands them."""

    def pushFilters(self, filters: list[Filter]) -> Iterator[Filter]:
        """Takes what the engine can do; gives back what Spark has to look at, too."""
        columns = columns_of(self.options)
        for wanted in filters:
            found = condition(wanted, columns)
            if found is not None:
                self.conditions.append(found.sql)
            if found is None or not found.exact:
                yield wanted
