"""Columns of any type as Spark wants them, without an engine: what tables have, and what a query may answer."""

import datetime
import decimal

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema
from silverbullet.spark import OptionError
from silverbullet.spark.columns import caster, spark_schema

UTC = datetime.timezone.utc
NOON = datetime.datetime(2025, 5, 12, 12, 0, 0, 123_456, UTC)
NANOS = int(NOON.timestamp()) * 10**9 + 123_456_789
# pyarrow makes none of these from Python's values.
VIEWS = pa.DictionaryArray.from_arrays(pa.array([1, None], pa.uint32()), pa.array(["a", "b"], pa.string_view()))

# An Arrow type, values of it, and what Spark calls it; values that Spark sees otherwise stand behind it.
KINDS = [
    (pa.string(), ["a", None], "string", None),
    (pa.large_string(), ["a", None], "string", None),
    (pa.string_view(), ["a", None], "string", None),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b", "a", None], "string", None),
    (VIEWS.type, VIEWS, "string", ["b", None]),
    (pa.run_end_encoded(pa.int32(), pa.string()), ["a", "a", None], "string", None),
    (pa.uint8(), [0, 255, None], "smallint", None),
    (pa.uint16(), [65_535], "int", None),
    (pa.uint32(), [2**32 - 1], "bigint", None),
    (pa.uint64(), [2**64 - 1, None], "decimal(20,0)", [decimal.Decimal(2**64 - 1), None]),
    (pa.int8(), [-128], "tinyint", None),
    (pa.float16(), [0.5], "float", None),
    (pa.float64(), [-0.0, float("inf")], "double", None),
    (pa.bool_(), [True, None], "boolean", None),
    (pa.timestamp("us", "UTC"), [NOON, None], "timestamp", None),
    (pa.timestamp("s", "Europe/Paris"), [NOON.replace(microsecond=0)], "timestamp", None),
    (pa.timestamp("ns", "UTC"), pa.array([NANOS], pa.timestamp("ns", "UTC")), "timestamp", [NOON]),
    (pa.timestamp("ns"), pa.array([NANOS], pa.timestamp("ns")), "timestamp_ntz", [NOON.replace(tzinfo=None)]),
    (pa.date64(), [NOON.date()], "date", None),
    (pa.decimal128(10, 2), [decimal.Decimal("1.25")], "decimal(10,2)", None),
    (pa.binary(3), [b"abc"], "binary", None),
    (pa.binary_view(), [b"abc"], "binary", None),
    (pa.large_list(pa.uint8()), [[1, None], None], "array<smallint>", None),
    (pa.list_(pa.float32(), 2), [[1.0, 2.0]], "array<float>", None),
    (pa.list_(pa.string_view()), [["a"], []], "array<string>", None),
    (pa.map_(pa.string_view(), pa.uint32()), [[("a", 1), ("b", None)]], "map<string,bigint>", None),
    (pa.struct([pa.field("x", pa.uint16(), nullable=False)]), [{"x": 1}], "struct<x:int>", None),
    (pa.null(), [None, None], "void", None),
]


@pytest.mark.parametrize(("kind", "values", "name", "seen"), KINDS, ids=[str(kind[0]) for kind in KINDS])
def test_every_type_that_spark_can_hold_keeps_its_values(kind: pa.DataType, values, name: str, seen) -> None:
    given = values if isinstance(values, pa.Array) else pa.array(values, kind)
    batch = pa.RecordBatch.from_arrays([given], schema=pa.schema([pa.field("c", kind)]))
    schema = spark_schema(batch.schema)
    assert schema["c"].dataType.simpleString() == name
    cast = caster(schema)(batch)
    # What Spark itself compares, before it takes the first batch.
    assert to_arrow_schema(schema, timezone="UTC").equals(cast.schema)
    cast.validate(full=True)
    assert cast["c"].to_pylist() == (seen if seen is not None else values)


def test_what_is_right_already_is_not_copied() -> None:
    weights = pa.map_(pa.field("key", pa.string(), nullable=False), pa.field("value", pa.float64(), nullable=False))
    fields = [pa.field("weights", weights, nullable=False, metadata={"comment": "shares"}), pa.field("bar", pa.int64())]
    batch = pa.RecordBatch.from_arrays([pa.array([[("A", 1.0)]], weights), pa.array([7])], schema=pa.schema(fields))
    schema = spark_schema(batch.schema)
    assert schema["weights"].metadata == {"comment": "shares"} and not schema["weights"].nullable
    assert not schema["weights"].dataType.valueContainsNull
    cast = caster(schema)(batch)
    before = [buffer.address for column in batch.columns for buffer in column.buffers() if buffer]
    assert [buffer.address for column in cast.columns for buffer in column.buffers() if buffer] == before


@pytest.mark.parametrize(
    "kind", [pa.month_day_nano_interval(), pa.decimal256(60, 2), pa.list_(pa.list_view(pa.int8()))]
)
def test_what_spark_has_no_type_for_is_named_with_what_to_do(kind: pa.DataType) -> None:
    with pytest.raises(OptionError, match="'odd'.*leave it out by the option `columns`"):
        spark_schema(pa.schema([pa.field("odd", kind)]))
