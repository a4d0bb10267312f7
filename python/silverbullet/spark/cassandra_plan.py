"""From what a read wants to its partitions: by key where universe or run are told, by ranges of tokens otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TypeVar

import pyarrow
from pyspark.sql import datasource as spark

from silverbullet import cassandra
from silverbullet.spark.cassandra_options import Options

#: Ranges of tokens of a read, together: so many that a part of them is never slow to answer.
RANGES = 256
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
_Any = TypeVar("_Any")


@dataclass(frozen=True)
class Wanted:
    """What is known of the key of the rows that are wanted. None is anything."""

    #: Columns of the partition: the scope, and the variant where there is one.
    partition: tuple[str, ...]
    #: The column that rows of a partition are sorted by; where rows are not read by it, none.
    position: str | None
    values: tuple[tuple[str, frozenset[str]], ...] = ()
    first: int | None = None
    last: int | None = None

    @classmethod
    def of(cls, options: Options) -> Wanted:
        """What the options say."""
        names = cassandra.schema(options.table).names
        position = None if options.table == "runs" else "bar" if "bar" in names else "as_of"
        values = tuple((name, frozenset((value,))) for name, value in options.key)
        return cls(cassandra.partition(options.table), position, values)

    def of_column(self, name: str) -> frozenset[str] | None:
        """The values that a column of the partition may have."""
        return dict(self.values).get(name)

    def narrowed(self, found: spark.Filter) -> Wanted:
        """With what a filter of Spark says of the key; what it says else is Spark's."""
        path: tuple[str, ...] = getattr(found, "attribute", ())
        if len(path) != 1:
            return self
        if path[0] in self.partition:
            return self._among(path[0], _texts(found))
        return self._between(found) if path[0] == self.position else self

    def _among(self, name: str, texts: frozenset[str] | None) -> Wanted:
        if texts is None:
            return self
        known = self.of_column(name)
        others = tuple(pair for pair in self.values if pair[0] != name)
        return replace(self, values=(*others, (name, texts if known is None else known & texts)))

    def _between(self, found: spark.Filter) -> Wanted:
        at = _number(getattr(found, "value", None))
        if at is None:
            return self
        if isinstance(found, spark.EqualTo | spark.EqualNullSafe):
            return self._from(at)._to(at)
        if isinstance(found, spark.GreaterThan | spark.GreaterThanOrEqual):
            return self._from(at + isinstance(found, spark.GreaterThan))
        if isinstance(found, spark.LessThan | spark.LessThanOrEqual):
            return self._to(at - isinstance(found, spark.LessThan))
        return self

    def _from(self, at: int) -> Wanted:
        return replace(self, first=at if self.first is None else max(self.first, at))

    def _to(self, at: int) -> Wanted:
        return replace(self, last=at if self.last is None else min(self.last, at))


@dataclass(frozen=True)
class Stretch:
    """Rows of one universe and variant, or of one run, from one bar or time to another."""

    scope: str
    variant: str
    first: int | None
    last: int | None


class Part(spark.InputPartition):
    """What one task reads."""

    def __init__(self, stretches: list[Stretch], ranges: list[tuple[int, int]]) -> None:
        super().__init__(None)
        self.stretches = stretches
        self.ranges = ranges

    def rows(self, tables: cassandra.Cassandra, table: str, columns: list[str]) -> Iterator[pyarrow.RecordBatch]:
        """Its rows, with these columns."""
        for one in self.stretches:
            yield from tables.read(table, one.scope, one.variant, first=one.first, last=one.last, columns=columns)
        if self.ranges:
            yield from tables.scan(table, columns=columns, ranges=self.ranges)


def parts(tables: cassandra.Cassandra, options: Options, wanted: Wanted) -> list[Part]:
    """The partitions of a read."""
    count = options.partitions
    scopes = wanted.of_column(wanted.partition[0])
    if scopes is None:
        ranges = cassandra.token_ranges(max(RANGES, count))
        return [Part([], dealt) for dealt in _dealt(ranges, count)]
    if wanted.first is not None and wanted.last is not None and wanted.first > wanted.last:
        return []
    found = [
        Stretch(scope, variant, first, last)
        for scope in sorted(scopes)
        for variant in _variants(tables, options.table, wanted, scope)
        for first, last in tables.parts(options.table, scope, variant, count, first=wanted.first, last=wanted.last)
    ]
    return [Part(dealt, []) for dealt in _dealt(found, count)]


def _variants(tables: cassandra.Cassandra, table: str, wanted: Wanted, scope: str) -> list[str]:
    if "variant" not in wanted.partition:
        return [""]
    told = wanted.of_column("variant")
    return sorted(told) if told is not None else tables.variants(table, scope)


def _dealt(all_of_them: list[_Any], count: int) -> list[list[_Any]]:
    """Up to so many hands, as even as can be."""
    return [hand for start in range(count) if (hand := all_of_them[start::count])]


def _texts(found: spark.Filter) -> frozenset[str] | None:
    if isinstance(found, spark.EqualTo | spark.EqualNullSafe) and isinstance(found.value, str):
        return frozenset((found.value,))
    if isinstance(found, spark.In) and all(isinstance(value, str) for value in found.value):
        return frozenset(found.value)
    return None


def _number(value: object) -> int | None:
    """A bar as it is, a time in microseconds since 1970."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return (value - EPOCH) // MICROSECOND
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62 else None
