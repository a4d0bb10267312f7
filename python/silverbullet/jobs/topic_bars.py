"""Bars of a universe out of the prices in a Kafka topic, as Spark's windows close them.

A bar is (open, close], its close the price with the greatest (event time, partition, offset), and a bar without a price
has the close before. A bar is final once a price has come that is later than its close by the universe's lateness. That
is the engine's rule for prices that come in order; what the engine puts into quarantine is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
import pyarrow.parquet

from silverbullet.jobs.final_bars import Facts, Universe
from silverbullet.jobs.results import write_whole
from silverbullet.jobs.stream_frontier import Batches, Share, universe_of
from silverbullet.jobs.window import settings_of, the_universe
from silverbullet.spark.engine import Engine
from silverbullet.spark.filters import text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Microseconds of the units in which settings name durations.
UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
#: Event time in microseconds: ISO 8601, or seconds, milli-, micro- or nanoseconds since 1970.
TIME = """
    case when not timestamp rlike '^[0-9]+([.][0-9]+)?$' then unix_micros(try_to_timestamp(timestamp))
         when length(split_part(timestamp, '.', 1)) <= 11 then cast(number * 1000000 as bigint)
         when length(split_part(timestamp, '.', 1)) <= 14 then cast(number * 1000 as bigint)
         when length(split_part(timestamp, '.', 1)) <= 17 then cast(number as bigint)
         else cast(number / 1000 as bigint) end
"""
#: What is kept of the bars, beside the rows.
KEPT = pyarrow.schema(
    [("bar", pyarrow.int64()), ("asset", pyarrow.string()), ("close", pyarrow.float64()), ("ticks", pyarrow.int64()),
     ("last_tick", pyarrow.int64())]
)  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """What decides the bars of a universe, in microseconds."""

    universe: Universe
    interval: int
    lateness: int
    stale_after: int

    @classmethod
    def of(cls, engine: Engine, universe: str | None) -> Rules:
        """As the engine follows them: those of the universe's newest bar."""
        name = the_universe(engine, universe)
        newest = (
            "select variant, bar, run_id, arrow_cast(close_time, 'Int64') as as_of from bars where "
            f"universe = {text(name)} order by bar desc limit 1"
        )
        (row,) = engine.rows(newest).to_pylist()
        settings = settings_of(engine, row["run_id"], name)
        return cls(
            universe=universe_of(engine, name, row["variant"], row["bar"]),
            interval=row["as_of"] // row["bar"],
            lateness=microseconds(settings["lateness"]),
            stale_after=microseconds(settings["stale_after"]),
        )


def microseconds(duration: str) -> int:
    """A duration such as 250ms or 30s."""
    number, unit = re.fullmatch(r"(\d+)\s*(us|ms|s|m|h|d)", duration.strip()).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def read(spark: SparkSession, brokers: str, topic: str, rules: Rules) -> DataFrame:
    """Final bars with prices, as they come: bar, asset, close, ticks, last_tick."""
    from pyspark.sql import functions as f

    raw = spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic)
    messages = raw.option("startingOffsets", "earliest").load()
    told = f.from_json(f.col("value").cast("string"), "timestamp string, asset string, price double")
    prices = messages.select("partition", "offset", told.alias("told")).select("partition", "offset", "told.*")
    prices = prices.withColumn("number", f.expr("try_cast(timestamp as decimal(30, 9))"))
    prices = prices.withColumn("time", f.expr(TIME)).filter("time is not null and price > 0")
    prices = prices.filter("price < double('infinity')")
    prices = prices.filter(f.col("asset").isin(list(rules.universe.assets)))
    # Windows of Spark have their begin and not their end; a bar has its end and not its begin.
    at = prices.withColumn("at", f.timestamp_micros(f.col("time") - 1))
    watched = at.withWatermark("at", f"{rules.lateness} microseconds")
    newest = f.max_by("price", f.struct("time", "partition", "offset"))
    window = f.window("at", f"{rules.interval} microseconds")
    ticks, last = f.count("*").alias("ticks"), f.max("time").alias("last_tick")
    bars = watched.groupBy(window, "asset").agg(newest.alias("close"), ticks, last)
    number = (f.unix_micros(f.col("window.end")) / rules.interval).cast("long")
    return bars.select(number.alias("bar"), "asset", "close", "ticks", "last_tick")


class TopicBatches(Batches):
    """Does what is to be done with new bars out of a topic. Bars are kept in files, so that a stream goes on."""

    def __init__(self, rules: Rules, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._rules = rules
        self._add(rules.universe)

    def _shares(self, _engine: Engine, frame: DataFrame, number: int) -> list[Share]:
        new = frame.toArrow()
        if new.num_rows == 0:
            return []
        universe = self._rules.universe
        before = self._kept_before(number)
        filled = _filled(self._rules, before, new)
        write_whole(filled, self._file(number))
        whole = pyarrow.concat_tables([before, filled])
        key = (universe.universe, universe.variant)
        bars = filled["bar"].to_numpy()
        stretches = self._cut(key, int(bars.min()), int(bars.max()))
        return [(one, _facts(self._rules, whole, one.first - universe.length, one.last)) for one in stretches]

    def _file(self, number: int) -> Path:
        return self._folder / "topic-bars" / f"batch-{number:09}.parquet"

    def _kept_before(self, number: int) -> pyarrow.Table:
        """The bars of the window before a micro-batch, out of the files of those before it."""
        files = sorted(file for file in self._file(number).parent.glob("batch-*") if file < self._file(number))
        found = KEPT.empty_table()
        while files and len(set(found["bar"].to_pylist())) <= self._rules.universe.length:
            found = pyarrow.concat_tables([pyarrow.parquet.read_table(files.pop(), schema=KEPT), found])
        return found


def _filled(rules: Rules, before: pyarrow.Table, new: pyarrow.Table) -> pyarrow.Table:
    """All bars up to the newest: an asset without a price in a bar has the close before. Nothing crosses a gap."""
    by_bar: dict[int, dict[str, tuple[float, int, int]]] = {}
    for row in new.to_pylist():
        by_bar.setdefault(row["bar"], {})[row["asset"]] = (row["close"], row["ticks"], row["last_tick"])
    newest = max(before["bar"].to_pylist(), default=None)
    known = {row["asset"]: (row["close"], 0, row["last_tick"]) for row in before.to_pylist() if row["bar"] == newest}
    rows = []
    for bar in sorted(by_bar):
        if newest is None or bar - newest - 1 > rules.universe.length:
            newest, known = bar - 1, {}
        for number in range(newest + 1, bar + 1):
            ticked = by_bar.get(number, {})
            for asset in rules.universe.assets:
                if (found := ticked.get(asset, known.get(asset))) is not None:
                    known[asset] = (found[0], 0, found[2])
                    rows.append({"bar": number, "asset": asset, **dict(zip(KEPT.names[2:], found, strict=True))})
        newest = bar
    return pyarrow.Table.from_pylist(rows, KEPT)


def _facts(rules: Rules, bars: pyarrow.Table, begin: int, last: int) -> Facts:
    facts = Facts.empty(rules.universe, begin, last)
    facts.as_of[:] = np.arange(begin, last + 1) * rules.interval
    places = {asset: place for place, asset in enumerate(rules.universe.assets)}
    for row in bars.to_pylist():
        if begin <= row["bar"] <= last:
            at = (row["bar"] - begin, places[row["asset"]])
            facts.closes[at], facts.ticked[at] = row["close"], row["ticks"] > 0
            facts.stale[at] = row["last_tick"] < row["bar"] * rules.interval - rules.stale_after
    return facts
