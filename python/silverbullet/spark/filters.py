"""Filters of Spark as SQL of the engine.

A filter is *exact* where both mean the same of every value, and Spark then need not look again. Floating-point
numbers are not: Spark has -0.0 equal to 0.0 and NaN above all, DataFusion orders them by their bits. There the engine
is asked for a little more than is wanted, and Spark picks. What is neither is left to Spark alone.
"""

import math
from datetime import date, datetime, timezone
from typing import NamedTuple

import pyarrow
import pyarrow.types as arrow
from pyspark.sql import datasource as spark

#: Comparisons, and what they are called in SQL.
COMPARED: dict[type[spark.Filter], str] = {
    spark.EqualTo: "=",
    spark.EqualNullSafe: "is not distinct from",
    spark.GreaterThan: ">",
    spark.GreaterThanOrEqual: ">=",
    spark.LessThan: "<",
    spark.LessThanOrEqual: "<=",
}
#: Parts of text, and the functions that look for them.
PARTS: dict[type[spark.Filter], str] = {
    spark.StringStartsWith: "starts_with",
    spark.StringEndsWith: "ends_with",
    spark.StringContains: "contains",
}


class Condition(NamedTuple):
    """A condition in SQL, and whether it is all of the filter."""

    sql: str
    exact: bool


def quoted(name: str) -> str:
    """A name in SQL, whatever it is made of."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def condition(wanted: spark.Filter, columns: pyarrow.Schema) -> Condition | None:
    """What the engine can do of a filter on these columns; None where it is Spark's alone."""
    if isinstance(wanted, spark.Not):
        child = condition(wanted.child, columns)
        # Of a little more than is wanted the opposite is too little.
        return Condition(f"not ({child.sql})", True) if child and child.exact else None
    path = getattr(wanted, "attribute", ())
    if len(path) != 1 or columns.names.count(path[0]) != 1:
        return None
    column, kind = quoted(path[0]), columns.field(path[0]).type
    if isinstance(wanted, spark.IsNull):
        return Condition(f"{column} is null", True)
    if isinstance(wanted, spark.IsNotNull):
        return Condition(f"{column} is not null", True)
    if function := PARTS.get(type(wanted)):
        return Condition(f"{function}({column}, {text(wanted.value)})", True) if _is_text(kind) else None
    if isinstance(wanted, spark.In):
        values = [_literal(value, kind) for value in wanted.value]
        return Condition(f"{column} in ({', '.join(values)})", True) if values and None not in values else None
    sign = COMPARED.get(type(wanted))
    if sign is None:
        return None
    if arrow.is_floating(kind):
        return _of_numbers(column, sign, wanted.value)
    value = _literal(wanted.value, kind)
    return Condition(f"{column} {sign} {value}", True) if value else None


def _of_numbers(column: str, sign: str, value: object) -> Condition | None:
    """All rows a comparison of floating-point numbers can be true of, and some more."""
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    if sign in ("=", "is not distinct from"):
        # Both zeros, and nothing else, lie between the two.
        low, high = (-0.0, 0.0) if value == 0.0 else (value, value)
        return Condition(f"{column} between {low!r} and {high!r}", False)
    if value == 0.0:
        value = -0.0 if sign.startswith(">") else 0.0
    wider = f"{column} {sign[0]}= {value!r}"
    # NaN is above all numbers in Spark; with its sign set it is below them in DataFusion.
    return Condition(f"({wider} or isnan({column}))" if sign.startswith(">") else wider, False)


def _is_text(kind: pyarrow.DataType) -> bool:
    if arrow.is_dictionary(kind):
        return _is_text(kind.value_type)
    return arrow.is_string(kind) or arrow.is_large_string(kind) or arrow.is_string_view(kind)


def _literal(value: object, kind: pyarrow.DataType) -> str | None:
    """A value in SQL, where it means there just what it means to Spark."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower() if arrow.is_boolean(kind) else None
    if isinstance(value, int):
        return str(value) if arrow.is_integer(kind) and kind != pyarrow.uint64() else None
    if isinstance(value, str):
        return text(value) if _is_text(kind) else None
    if isinstance(value, datetime):
        # Of nanoseconds Spark sees the microseconds: another question than the engine would answer.
        if not arrow.is_timestamp(kind) or kind.unit == "ns" or kind.tz is None or value.tzinfo is None:
            return None
        stamp = value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f"""arrow_cast({text(stamp)}, 'Timestamp(Microsecond, Some("UTC"))')"""
    if isinstance(value, date):
        return f"date {text(value.isoformat())}" if arrow.is_date32(kind) else None
    return None
