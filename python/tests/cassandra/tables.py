"""Rows that tests make up for the tables, with every type, and their bits."""

import random
import struct
from datetime import datetime, timedelta, timezone

import pyarrow as pa
from silverbullet import cassandra

#: Not sorted, and of another number and order from row to row.
ASSETS = ("XRP", "ADA", "Ωmega", "BTC")
EDGES = (0.0, -0.0, 2.2250738585072014e-308, 5e-324, 1.7976931348623157e308, 0.1, float("-inf"), float("nan"))
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
#: What rows are told apart by in Cassandra, where it is not their key: a frontier's run only where it is resampled.
KEYS = {table: cassandra.key(table) for table in cassandra.TABLES}


def rows(table: str, count: int, seed: int = 0, universe: str = "main", variant: str = "v1") -> pa.Table:
    """So many rows with keys of their own. Optional columns have a value in about half of them."""
    chance = random.Random(seed)
    columns = cassandra.schema(table)
    made = [{one.name: _value(one, at, chance) for one in columns} for at in range(count)]
    for row in made:
        # Some universe has rows; the run of `runs` and `backtests` parts the rows.
        row |= {name: text for name, text in (("universe", universe), ("variant", variant)) if name in columns.names}
        if "run_id" in KEYS[table] and table != "frontiers":
            row["run_id"] = f"run {count // 100}" if table == "backtests" else row["run_id"]
    return pa.Table.from_pylist(made, columns)


def _value(column: pa.Field, at: int, chance: random.Random) -> object:
    if column.nullable and chance.random() < 0.5:
        return None
    if column.name == "bar":
        return 1_000 + at
    if column.name == "method":
        return ("exact", "resampled", "monte-carlo")[at % 3]
    if pa.types.is_timestamp(column.type):
        return START + timedelta(microseconds=1_234_567_891 * at)
    if pa.types.is_int64(column.type):
        return chance.choice((0, at, -at, 2**63 - 1, -(2**63)))
    if pa.types.is_float64(column.type):
        return chance.choice((*EDGES, chance.gauss(0, 1)))
    if pa.types.is_boolean(column.type):
        return chance.random() < 0.5
    if pa.types.is_map(column.type):
        assets = chance.sample(ASSETS, chance.randrange(len(ASSETS) + 1))
        return [(asset, chance.choice((*EDGES, chance.random()))) for asset in assets]
    return f"{column.name} {at} ’ \" Ω"


def bits(value: object) -> object:
    """A value that differs from others where a single bit does."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, list | tuple):
        return tuple(bits(part) for part in value)
    return value


def sorted_bits(found: pa.Table) -> list[tuple]:
    """The rows as bits, in an order of their own."""
    return sorted((tuple(bits(value) for value in row.values()) for row in found.to_pylist()), key=repr)
