"""Columns as the engine sends them, and as Spark wants them.

Spark takes Arrow batches only where types, nullability and order are exactly those it derives from its own schema:
microseconds, no unsigned numbers, no dictionaries, one kind of text, one kind of list. What the engine's tables hold
is that already and passes as it is; the answer to a query may be anything, and is cast.
"""

from collections.abc import Callable

import pyarrow
import pyarrow.compute
import pyarrow.types as arrow
from pyspark.sql.pandas.types import from_arrow_type, to_arrow_schema
from pyspark.sql.types import (
    ArrayType,
    DataType,
    DateType,
    DayTimeIntervalType,
    DecimalType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    NullType,
    ShortType,
    StringType,
    BinaryType,
    StructField,
    StructType,
    TimeType,
)

from silverbullet.spark.errors import NotThere, OptionError

#: Types that Spark has no name for, and the smallest of its own that holds all their values.
WIDENED: dict[pyarrow.DataType, DataType] = {
    pyarrow.uint8(): ShortType(),
    pyarrow.uint16(): IntegerType(),
    pyarrow.uint32(): LongType(),
    pyarrow.uint64(): DecimalType(20, 0),
    pyarrow.float16(): FloatType(),
    pyarrow.string_view(): StringType(),
    pyarrow.binary_view(): BinaryType(),
    pyarrow.date64(): DateType(),
    pyarrow.time32("s"): TimeType(),
    pyarrow.time32("ms"): TimeType(),
    pyarrow.null(): NullType(),
}


def spark_type(given: pyarrow.DataType) -> DataType:
    """The type of Spark that holds what an Arrow column has. Of nanoseconds the microseconds are left."""
    if given in WIDENED:
        return WIDENED[given]
    if arrow.is_dictionary(given) or arrow.is_run_end_encoded(given):
        return spark_type(given.value_type)
    if arrow.is_list(given) or arrow.is_large_list(given) or arrow.is_fixed_size_list(given):
        return ArrayType(spark_type(given.value_type), given.value_field.nullable)
    if arrow.is_map(given):
        return MapType(spark_type(given.key_type), spark_type(given.item_type), given.item_field.nullable)
    if arrow.is_struct(given):
        return StructType([StructField(one.name, spark_type(one.type), one.nullable) for one in given])
    if arrow.is_decimal(given):
        if given.precision > 38:
            raise ValueError("more than 38 digits")
        return DecimalType(given.precision, given.scale)
    if arrow.is_duration(given):
        return DayTimeIntervalType()
    return from_arrow_type(given)


def spark_schema(given: pyarrow.Schema) -> StructType:
    """The columns for Spark, with unit and meaning in their metadata, which `DESCRIBE` shows as the comment."""
    fields = []
    for one in given:
        try:
            kind = spark_type(one.type)
        except Exception as error:
            raise OptionError(
                f"Spark has no type for the column {one.name!r}, which is {one.type}: leave it out by the option "
                "`columns`, or cast it in the option `query`"
            ) from error
        told = (one.metadata or {}).items()
        metadata = {key.decode(): value.decode() for key, value in told if not key.startswith(b"ARROW:")}
        fields.append(StructField(one.name, kind, one.nullable, metadata))
    return StructType(fields)


def check_wanted(wanted: list[str], given: pyarrow.Schema, what: str) -> None:
    """Columns that are asked for must be there, each once."""
    for name in wanted:
        if given.names.count(name) != 1:
            raise NotThere(f"there is no column {name!r} in {what}; there are {', '.join(given.names)}")


def caster(wanted: StructType) -> Callable[[pyarrow.RecordBatch], pyarrow.RecordBatch]:
    """What makes batches have exactly the columns that Spark wants. Columns that are right are not copied."""
    target = to_arrow_schema(wanted, timezone="UTC")

    def cast(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        if batch.schema.equals(target):
            return batch
        columns = [_cast(column, one) for column, one in zip(batch.columns, target, strict=True)]
        return pyarrow.RecordBatch.from_arrays(columns, schema=target)

    return cast


def _cast(column: pyarrow.Array, wanted: pyarrow.Field) -> pyarrow.Array:
    if arrow.is_run_end_encoded(column.type):
        column = pyarrow.compute.run_end_decode(column)
    if arrow.is_dictionary(column.type):
        # pyarrow picks no texts of the kind Utf8View, so the few words are cast first.
        words = column.dictionary.cast(wanted.type) if column.dictionary.type != wanted.type else column.dictionary
        column = words.take(column.indices)
    if column.type == wanted.type:
        return column
    return pyarrow.compute.cast(
        column, options=pyarrow.compute.CastOptions(target_type=wanted.type, allow_time_truncate=True)
    )
