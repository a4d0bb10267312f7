"""`spark.readStream.format("silverbullet")`: bars as they become final.

The offset is the number of the newest bar of each universe and variant: the sequence of everything that is stored. A
bar is there with all its rows or not at all, and never changes. So what lies between two offsets is the same whenever
it is asked for, and a micro-batch that is repeated after a failure has the same rows.
"""

from collections.abc import Iterator, Sequence

import pyarrow
from pyspark.sql.datasource import DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadLimit, ReadMaxRows, SupportsTriggerAvailableNow
from pyspark.sql.types import StructType

from silverbullet.spark.errors import OptionError
from silverbullet.spark.options import Options
from silverbullet.spark.plan import Query, any_of, between, check_universe, grows_by_bars, in_order, shares
from silverbullet.spark.source import batches, columns_of, query_of

#: The newest bar of each variant of each universe.
Offset = dict[str, dict[str, int]]


class StreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Reads a table that grows by bars."""

    def __init__(self, options: Options, schema: StructType) -> None:
        self.options = options
        self.schema = schema
        #: Where to stop, once Spark has said that only what is there is wanted.
        self.end: Offset | None = None
        columns = columns_of(options)
        if not grows_by_bars(Query.of(options, None), columns):
            raise OptionError(
                f"{options.what} cannot be read as a stream: that takes a table of final bars: portfolios, weights, "
                "frontiers, assets or bars, or history.… of these"
            )
        self.query = in_order(query_of(options, schema, columns), columns)

    def initialOffset(self) -> Offset:
        """Before everything, or, where that is wanted, behind what is there."""
        engine = self.options.address.engine()
        check_universe(engine, self.options)
        return self._newest() if self.options.latest else {}

    def latestOffset(self, start: Offset, limit: ReadLimit) -> Offset:
        """How far the engine is, or as far as the limit allows."""
        newest = self.end if self.end is not None else self._newest()
        if isinstance(limit, ReadAllAvailable):
            return _later(start, newest)
        return _later(start, self._limited(start, newest, limit.max_rows))

    def getDefaultReadLimit(self) -> ReadLimit:
        """So many bars of each universe, where that was asked for; Spark has no limit of that name."""
        bars = self.options.bars_a_trigger
        return ReadAllAvailable() if bars is None else ReadMaxRows(bars)

    def reportLatestOffset(self) -> Offset:
        """How far the engine is, for the progress that Spark shows."""
        return self._newest()

    def prepareForTriggerAvailableNow(self) -> None:
        """What becomes final from now on is for the next query."""
        self.end = self._newest()

    def partitions(self, start: Offset, end: Offset) -> Sequence[InputPartition]:
        """Has the bars between two offsets kept for the tasks."""
        query = self.query.where(any_of(list(_between(start, end))))
        if start == end:
            return []
        return shares(self.options.address, query, self.options.partitions, True)

    def read(self, partition: InputPartition) -> Iterator[pyarrow.RecordBatch]:
        """The rows of a partition."""
        return batches(partition, self.schema, self.options.patience)

    def commit(self, end: Offset) -> None:
        """The engine keeps bars for as long as its retention says, whoever has read them."""

    def stop(self) -> None:
        """There is nothing to let go."""

    def _newest(self) -> Offset:
        newest: Offset = {}
        for row in self.options.address.engine().rows(Query.of(self.options, None).newest()).to_pylist():
            newest.setdefault(row["universe"], {})[row["variant"]] = row["bar"]
        return newest

    def _limited(self, start: Offset, newest: Offset, bars: int) -> Offset:
        """The offset after so many bars of each universe, counted among those that are there: there may be gaps."""
        source = Query.of(self.options, None).where(any_of(list(_between(start, newest))))
        numbered = (
            "select universe, variant, bar, dense_rank() over (partition by universe, variant order by bar) as number "
            f"from ({source.sql()}) as new"
        )
        last = f"select universe, variant, max(bar) as bar from ({numbered}) as n where number <= {bars}"
        limited: Offset = {}
        for row in self.options.address.engine().rows(f"{last} group by universe, variant").to_pylist():
            limited.setdefault(row["universe"], {})[row["variant"]] = row["bar"]
        return limited


def _later(start: Offset, newest: Offset) -> Offset:
    """Both together: an offset never goes back, and a variant that is not shown any longer stays where it was."""
    merged = {universe: dict(variants) for universe, variants in start.items()}
    for universe, variants in newest.items():
        own = merged.setdefault(universe, {})
        for variant, bar in variants.items():
            own[variant] = max(bar, own.get(variant, bar))
    return merged


def _between(start: Offset, end: Offset) -> Iterator[str]:
    """A condition for each variant that has new bars."""
    for universe, variants in end.items():
        for variant, bar in variants.items():
            after = start.get(universe, {}).get(variant)
            if after is None or bar > after:
                yield between(universe, variant, bar, after)
