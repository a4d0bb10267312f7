"""What the engine stores for a final bar, computed again from its bars: the exact frontier and the exact portfolios.

The engine's rule is followed: an asset takes part with a close in each bar of the window and the one before, a tick in
at least half of them, and no stale price at the last close. A universe whose bounds its eligible assets cannot meet has
no portfolio at that bar. Commands at run time (other bounds, a pause) are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow

from silverbullet.jobs.spread import PATIENCE
from silverbullet.spark.engine import Address
from silverbullet.spark.filters import text
from silverbullet.spark.plan import Query, shares
from silverbullet.spark.shares import read

if TYPE_CHECKING:
    import silverbullet as sb

Array = npt.NDArray[np.float64]
#: Rows by the table that they belong to.
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Universe:
    """What decides a universe's rows, beside its bars. Goes to the tasks."""

    universe: str
    variant: str
    assets: tuple[str, ...]
    length: int
    estimator: str
    half_life: float
    risk_free: float
    #: Least and most weight by asset.
    lower: dict[str, float]
    upper: dict[str, float]

    @classmethod
    def of(cls, universe: str, variant: str, settings: dict[str, Any]) -> Universe:
        """The settings of a universe as the record of a run has them."""
        usual = (settings["lower"], settings["upper"])
        bounds = {asset: settings["bounds"].get(asset, usual) for asset in settings["assets"]}
        return cls(
            universe=universe,
            variant=variant,
            assets=tuple(settings["assets"]),
            length=settings["window"],
            estimator=settings["estimator"],
            half_life=float(settings["half_life"]),
            risk_free=settings["risk_free"],
            lower={asset: float(both[0]) for asset, both in bounds.items()},
            upper={asset: float(both[1]) for asset, both in bounds.items()},
        )

    def settings(self) -> dict[str, object]:
        """For the record of the run."""
        return {"length": self.length, "estimator": self.estimator, "assets": self.assets}

    def moments(self, closes: dict[str, Array]) -> sb.Moments:
        """As the engine forms them."""
        import silverbullet as sb

        half_life = self.half_life if self.estimator == "exponential" else None
        return sb.Moments.from_prices(closes, estimator=self.estimator, half_life=half_life)


@dataclass(frozen=True)
class Stretch:
    """Bars of a universe, one after the other: the share of a task."""

    universe: Universe
    first: int
    last: int


@dataclass(frozen=True)
class Facts:
    """Closes, times, ticks and staleness of a stretch and of the window before it: bars by assets, NaN where none."""

    #: Number of the first bar.
    begin: int
    closes: Array
    ticked: npt.NDArray[np.bool_]
    stale: npt.NDArray[np.bool_]
    #: When each bar closed, in microseconds since 1970.
    as_of: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, universe: Universe, begin: int, last: int) -> Facts:
        """Of so many bars, not known yet."""
        shape = (last - begin + 1, len(universe.assets))
        nothing = np.zeros(shape, np.bool_)
        return cls(begin, np.full(shape, np.nan), nothing, ~nothing, np.zeros(shape[0], np.int64))

    @classmethod
    def fetched(cls, address: Address, stretch: Stretch) -> Facts:
        """Those that the engine has."""
        universe = stretch.universe
        facts = cls.empty(universe, stretch.first - universe.length, stretch.last)
        of = f"where universe = {text(universe.universe)} and variant = {text(universe.variant)}"
        span = f"bar >= {facts.begin} and bar <= {stretch.last} order by bar, asset"
        places = {asset: place for place, asset in enumerate(universe.assets)}

        def rows(name: str, columns: str) -> tuple[pyarrow.Table, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
            found = _read(address, f"select asset, bar, {columns} from {name} {of} and {span}")
            assets = np.array([places[asset] for asset in found["asset"].to_pylist()], int)
            return found, (found["bar"].to_numpy() - facts.begin, assets)

        bars, at = rows("bars", "close, ticks, arrow_cast(close_time, 'Int64') as as_of")
        facts.closes[at], facts.ticked[at] = bars["close"].to_numpy(), bars["ticks"].to_numpy() > 0
        facts.as_of[at[0]] = bars["as_of"].to_numpy()
        known, at = rows("assets", "stale")
        facts.stale[at] = np.array(known["stale"].to_pylist(), bool)
        return facts

    def time(self, bar: int) -> int:
        """When a bar closed, in microseconds since 1970."""
        return int(self.as_of[bar - self.begin])

    def eligible(self, bar: int, length: int) -> list[int]:
        """Positions of the assets that take part at a bar."""
        end = bar - self.begin + 1
        closes, ticked = self.closes[end - length - 1 : end], self.ticked[end - length : end]
        there = np.isfinite(closes).all(axis=0) & (2 * ticked.sum(axis=0) >= length) & ~self.stale[end - 1]
        return [int(place) for place in np.flatnonzero(there)]

    def window(self, bar: int, length: int, place: int) -> Array:
        """The closes of an asset up to a bar."""
        end = bar - self.begin + 1
        return self.closes[end - length - 1 : end, place]


def _read(address: Address, sql: str) -> pyarrow.Table:
    (share,) = shares(address, Query(sql, False), 1, True)
    batches = list(read(share, PATIENCE))
    return pyarrow.Table.from_batches(batches) if batches else address.engine().schema(sql).empty_table()


def rows_of(facts: Facts, stretch: Stretch) -> Rows:
    """The rows of `frontiers` and `portfolios` of each bar, without what belongs to the run."""
    universe = stretch.universe
    found: Rows = {"frontiers": [], "portfolios": []}
    for bar in range(stretch.first, stretch.last + 1):
        places = facts.eligible(bar, universe.length)
        closes = {universe.assets[place]: facts.window(bar, universe.length, place) for place in places}
        if closes:
            for name, rows in zip(found, _of_bar(universe, closes), strict=True):
                found[name].extend({"bar": bar, "as_of": facts.time(bar), **row} for row in rows)
    return found


def _of_bar(universe: Universe, closes: dict[str, Array]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    import silverbullet as sb

    moments = universe.moments(closes)
    lower = {asset: universe.lower[asset] for asset in closes}
    upper = {asset: universe.upper[asset] for asset in closes}
    rate = universe.risk_free
    try:
        frontier = sb.efficient_frontier(moments, lower=lower, upper=upper)
        best = sb.max_sharpe(moments, risk_free=rate, lower=lower, upper=upper)
        least = sb.min_variance(moments, risk_free=rate, lower=lower, upper=upper)
    except sb.InfeasibleError:
        return [], []
    return list(_points(frontier)), list(_portfolios((best, least)))


def _points(frontier: sb.Frontier) -> Iterator[dict[str, Any]]:
    for point, (risk, mean, weights) in enumerate(frontier):
        named = list(zip(frontier.assets, weights.tolist(), strict=True))
        yield {"point": point, "risk": risk, "mean": mean, "mean_low": None, "mean_high": None, "weights": named}


def _portfolios(found: Sequence[sb.Portfolio]) -> Iterator[dict[str, Any]]:
    for one in found:
        columns = ("objective", "mean", "risk", "sharpe", "gap", "label")
        own = {name: getattr(one, name) for name in columns}
        yield {**own, "turnover": None, "weights": list(one.by_asset.items())}
