"""The window of final bars that a job works on: found once by the driver, the same for every task.

What the engine stored for a bar follows from the window's bars and the universe's settings. A window here names both,
so that a job computes for the same assets, in the same order, with the same estimator, and comes to the same moments
bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pyarrow

from silverbullet.spark.engine import Engine
from silverbullet.spark.errors import NotThere, SourceError
from silverbullet.spark.filters import text

if TYPE_CHECKING:
    import silverbullet as sb


class WindowError(SourceError):
    """A window that the stored bars do not fill."""


@dataclass(frozen=True)
class Window:
    """`length` returns up to the close of a final bar, of the assets that the engine held eligible there."""

    universe: str
    variant: str
    #: Number of the last bar.
    bar: int
    #: Its close, in microseconds since 1970.
    as_of: int
    length: int
    estimator: str
    half_life: float
    risk_free: float
    #: Least and most weight of each asset.
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    #: In universe order.
    assets: tuple[str, ...]

    def sql(self) -> str:
        """The question for its closes: asset after asset, each with one close more than there are returns."""
        names = ", ".join(map(text, self.assets))
        return (
            f"select asset, bar, close from bars where universe = {text(self.universe)} and "
            f"variant = {text(self.variant)} and bar >= {self.bar - self.length} and bar <= {self.bar} and "
            f"asset in ({names}) order by asset, bar"
        )

    def check(self, rows: int) -> None:
        """Whether so many rows are all that the question is for."""
        if rows != (self.length + 1) * len(self.assets):
            raise WindowError(
                f"the window of {self.length} returns up to bar {self.bar} takes {self.length + 1} bars of each of "
                f"{len(self.assets)} assets, and there are {rows} rows: take a shorter window (--window) or a later bar "
                "(--bar)"
            )

    def prices(self, batches: Iterable[pyarrow.RecordBatch]) -> pyarrow.Table:
        """The closes, one column an asset in universe order, out of the rows of the question."""
        rows = pyarrow.Table.from_batches(list(batches)).combine_chunks()
        self.check(rows.num_rows)
        count = self.length + 1
        names, bars = rows["asset"].to_pylist()[::count], rows["bar"].to_pylist()
        if names != sorted(self.assets) or bars != list(range(self.bar - self.length, self.bar + 1)) * len(names):
            raise WindowError(f"bars are missing in the window of {self.length} returns up to bar {self.bar}: take another")
        closes = rows["close"]
        places = {name: number * count for number, name in enumerate(names)}
        return pyarrow.table({asset: closes.slice(places[asset], count) for asset in self.assets})

    def moments(self, batches: Iterable[pyarrow.RecordBatch]) -> sb.Moments:
        """Mean and covariance, as the engine forms them."""
        import silverbullet as sb

        half_life = self.half_life if self.estimator == "exponential" else None
        return sb.Moments.from_prices(self.prices(batches), estimator=self.estimator, half_life=half_life)

    def settings(self) -> dict[str, object]:
        """All of it, for the record of a run."""
        return asdict(self)


def find(
    engine: Engine,
    universe: str | None = None,
    bar: int | None = None,
    length: int | None = None,
    estimator: str | None = None,
) -> Window:
    """The window up to a bar, or the newest one; length and estimator are the engine's own unless they are given."""
    universe = _universe(engine, universe)
    row = _portfolio(engine, universe, bar)
    settings = _settings(engine, row["run_id"], universe)
    assets = tuple(row["assets"])
    bounds = settings["bounds"]
    lower, upper = zip(*(bounds.get(asset, (settings["lower"], settings["upper"])) for asset in assets), strict=True)
    kind, _, half_life = (estimator or settings["estimator"]).partition(":")
    return Window(
        universe=universe,
        variant=row["variant"],
        bar=row["bar"],
        as_of=row["as_of"],
        length=length or settings["window"],
        estimator=kind,
        half_life=float(half_life or settings["half_life"]),
        risk_free=settings["risk_free"],
        lower=tuple(map(float, lower)),
        upper=tuple(map(float, upper)),
        assets=assets,
    )


def _universe(engine: Engine, wanted: str | None) -> str:
    names = engine.rows("select distinct universe from portfolios order by universe")["universe"].to_pylist()
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names:
        return str(wanted)
    if not names:
        raise NotThere(f"{engine.url} has no portfolios yet: they come once a universe's window is full")
    asked = "name one by --universe" if wanted is None else f"there is no universe {wanted!r} in {engine.url}"
    raise NotThere(f"{asked}; there are {', '.join(names)}")


def _portfolio(engine: Engine, universe: str, bar: int | None) -> dict:
    """A portfolio of the bar: its weights are of the assets that were eligible, in universe order."""
    at = "" if bar is None else f" and bar = {bar}"
    rows = engine.rows(
        "select variant, bar, arrow_cast(as_of, 'Int64') as as_of, run_id, map_keys(weights) as assets from portfolios "
        f"where universe = {text(universe)}{at} order by bar desc limit 1"
    ).to_pylist()
    if rows:
        return rows[0]
    own = f"from portfolios where universe = {text(universe)}"
    (there,) = engine.rows(f"select min(bar) as first, max(bar) as last {own}").to_pylist()
    raise NotThere(f"{universe} has no portfolios of bar {bar}: it has those of {there['first']} to {there['last']}")


def _settings(engine: Engine, run_id: str, universe: str) -> dict:
    """The universe's settings in the run that made a row."""
    rows = engine.rows(
        f"select configuration from runs where run_id = {text(run_id)} and universe = {text(universe)}"
    ).to_pylist()
    if not rows:
        raise NotThere(f"{engine.url} has no record of run {run_id}: give --window and --estimator of another bar")
    universes = json.loads(rows[0]["configuration"])["universes"]
    return universes.get(universe) or universes["default"]
