"""Frontiers of each bar as it becomes final, of many universes, by Structured Streaming.

A micro-batch brings the numbers of new final bars. Tasks fetch the closes of their bars and of the window before them
over Flight and compute what the engine stores for them (`final_bars`). A micro-batch that is repeated after a failure
writes the same rows to the same file: each bar is there once.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow

from silverbullet.jobs.final_bars import Facts, Rows, Stretch, Universe, rows_of
from silverbullet.jobs.results import Run, typed, write_whole
from silverbullet.jobs.spread import Say, cut, require_kernel
from silverbullet.jobs.window import settings_of
from silverbullet.spark.engine import Address, Engine
from silverbullet.spark.filters import text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

#: What a task gives back.
PART = "part int, rows binary"
#: Where the rows of a micro-batch go: a file a table.
TABLES = ("frontiers", "portfolios")
#: A task's bars; and what is known of them, where the task need not ask the engine.
Share = tuple[Stretch, Facts | None]


class Batches:
    """Does what is to be done with each micro-batch, and counts."""

    def __init__(self, address: Address, folder: Path, tasks: int, source: str, say: Say) -> None:
        import silverbullet as sb

        self._address, self._folder, self._tasks, self._source, self._say = address, folder, tasks, source, say
        self._kernel = sb.kernel_version()
        self._universes: dict[tuple[str, str], Universe] = {}
        self._runs: dict[tuple[str, str], Run] = {}
        self._counts: dict[tuple[str, str], list[int]] = {}

    def __call__(self, frame: DataFrame, number: int) -> None:
        """Computes the rows of a micro-batch and writes them."""
        engine = self._address.engine()
        shares = self._shares(engine, frame, number)
        if not shares:
            return
        found = self._computed(frame.sparkSession, shares)
        for name, rows in typed(engine, found).items():
            write_whole(rows, self._folder / name / f"batch-{number:09}.parquet")
        bars = sum(stretch.last - stretch.first + 1 for stretch, _ in shares)
        universes = len({stretch.universe.universe for stretch, _ in shares})
        points = len(found["frontiers"])
        self._say(f"batch {number}: {bars:,} bars of {universes} universes, {points:,} points")

    def finish(self) -> None:
        """Writes the record of the run: a row for each universe."""
        rows = [run.row(*self._counts[key]) for key, run in self._runs.items()]
        if rows:
            own = typed(self._address.engine(), {"runs": rows})["runs"]
            write_whole(own, self._folder / "runs" / f"{rows[0]['run_id']}.parquet")

    def _shares(self, engine: Engine, frame: DataFrame, _number: int) -> list[Share]:
        """The new bars, cut into shares for tasks, which fetch the facts themselves."""
        new = frame.select("universe", "variant", "bar").distinct().toArrow()
        shares: list[Share] = []
        for key, bars in _by_universe(new).items():
            if key not in self._universes:
                self._add(universe_of(engine, *key, bars[-1]))
            shares.extend((stretch, None) for span in _unbroken(bars) for stretch in self._cut(key, *span))
        return shares

    def _cut(self, key: tuple[str, str], first: int, last: int) -> Iterator[Stretch]:
        universe = self._universes[key]
        self._counts[key][0] += (last - first + 1) * len(universe.assets)
        for begin, count in cut(last - first + 1, self._tasks):
            yield Stretch(universe, first + begin, first + begin + count - 1)

    def _add(self, universe: Universe) -> None:
        key = (universe.universe, universe.variant)
        run_id = next(iter(self._runs.values())).run_id if self._runs else None
        self._runs[key] = Run("stream-frontier", universe, 0, {}, self._source, run_id)
        self._universes[key], self._counts[key] = universe, [0, 0]

    def _computed(self, spark: SparkSession, shares: list[Share]) -> Rows:
        parts = cut(len(shares), self._tasks)
        work = _task(self._address, shares, parts, self._kernel)
        done = spark.range(0, len(parts), 1, len(parts)).mapInArrow(work, PART).toArrow().sort_by("part")
        whole: Rows = {name: [] for name in TABLES}
        found = [rows for part in done["rows"].to_pylist() for rows in json.loads(part)]
        for (stretch, _), rows in zip(shares, found, strict=True):
            key = (stretch.universe.universe, stretch.universe.variant)
            belongs = dict(zip(("universe", "variant"), key, strict=True))
            belongs |= {"method": "exact", "run_id": self._runs[key].run_id}
            for name in TABLES:
                whole[name].extend(belongs | row | {"weights": list(map(tuple, row["weights"]))} for row in rows[name])
                self._counts[key][1] += len(rows[name])
        return whole


def read(spark: SparkSession, options: dict[str, str]) -> DataFrame:
    """The numbers of final bars of an engine, as they come."""
    from silverbullet.spark import register

    register(spark)
    return spark.readStream.format("silverbullet").options(columns="universe,variant,bar", **options).load("bars")


def start(stream: DataFrame, batches: Batches, checkpoint: Path, trigger: dict[str, Any]) -> StreamingQuery:
    """Begins to follow, or goes on where the checkpoint says."""
    writer = stream.writeStream.foreachBatch(batches).option("checkpointLocation", str(checkpoint))
    return writer.trigger(**trigger).start()


def _task(
    address: Address, shares: list[Share], parts: tuple[tuple[int, int], ...], kernel: str
) -> Callable[[Iterator[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]]:
    """What an executor does with the numbers of its parts."""

    def run(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        require_kernel(kernel)
        # Spark collects garbage after each task, through all that was imported.
        gc.freeze()
        for part in (number for batch in batches for number in batch["id"].to_pylist()):
            first, count = parts[part]
            own = shares[first : first + count]
            rows = [rows_of(facts or Facts.fetched(address, stretch), stretch) for stretch, facts in own]
            # JSON brings a double back to the bit.
            number, text_of = pyarrow.array([part], pyarrow.int32()), json.dumps(rows).encode()
            yield pyarrow.RecordBatch.from_pydict({"part": number, "rows": pyarrow.array([text_of], pyarrow.binary())})

    return run


def _by_universe(keys: pyarrow.Table) -> dict[tuple[str, str], list[int]]:
    """The numbers of new bars, ascending, of each universe and variant."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in sorted(keys.to_pylist(), key=lambda row: (row["universe"], row["variant"], row["bar"])):
        found.setdefault((row["universe"], row["variant"]), []).append(row["bar"])
    return found


def _unbroken(bars: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of numbers without a gap."""
    first = bars[0]
    for before, bar in zip(bars, [*bars[1:], None], strict=True):
        if bar != before + 1:
            yield first, before
            first = bar if bar is not None else before


def universe_of(engine: Engine, name: str, variant: str, bar: int) -> Universe:
    """The settings by which the bars of a variant were followed; they are the same for all of them."""
    of = f"universe = {text(name)} and variant = {text(variant)}"
    run_id = engine.rows(f"select run_id from bars where {of} and bar = {bar} limit 1")["run_id"][0].as_py()
    settings = settings_of(engine, run_id, name)
    if not settings["assets"]:
        # A universe of all that its source has: weights tell the order.
        keys = f"select map_keys(weights) as assets from portfolios where {of} order by bar desc limit 1"
        known = [asset for row in engine.rows(keys).to_pylist() for asset in row["assets"]]
        there = engine.rows(f"select distinct asset from bars where {of} order by asset")["asset"].to_pylist()
        settings = {**settings, "assets": known + [asset for asset in there if asset not in known]}
    return Universe.of(name, variant, settings)
