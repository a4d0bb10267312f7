"""Risk of portfolios under scenarios: value at risk, the mean of the losses beyond it, and drawdown.

Scenario sets are the newest bars as they were (`historic`), paths bootstrapped from the window (`bootstrap`), and moves
of prices that somebody names (`stress`). Path p of a seed is the same wherever it is drawn, so the answer has the same
bits with any number of tasks, and in one process (`measure`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import TYPE_CHECKING

import numpy as np
import pyarrow

from silverbullet.jobs.results import Run, Tables, of_bar, typed
from silverbullet.jobs.scenarios import Holding, Stress, holdings, stress
from silverbullet.jobs.spread import Done, Pinned, Say, cut, require_fits, spread
from silverbullet.jobs.strategies import Array
from silverbullet.jobs.window import find
from silverbullet.spark.engine import Address, Engine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

@dataclass(frozen=True)
class Plan:
    """What is measured. Goes to the tasks."""

    pinned: Pinned
    holdings: tuple[Holding, ...]
    #: Returns of each historic set.
    historic: tuple[int, ...]
    #: Returns that bootstraps draw from.
    window: int
    bootstraps: tuple[str, ...]
    paths: int
    #: Bars of each path.
    horizon: int
    stresses: tuple[Stress, ...]
    levels: tuple[float, ...]
    seed: int

    def settings(self) -> dict[str, object]:
        """For the record of the run."""
        return {
            "portfolios": [f"{one.name}/{one.method}" for one in self.holdings],
            "historic": self.historic,
            "bootstraps": self.bootstraps,
            "drawn_from": self.window,
            "paths": self.paths,
            "horizon": self.horizon,
            "stresses": [one.name for one in self.stresses],
            "levels": self.levels,
        }


@dataclass(frozen=True)
class Outcomes:
    """What portfolios came to under the scenarios of a set: two arrays of scenarios by portfolios."""

    name: str
    #: Bars of each scenario.
    horizon: int
    returns: Array
    #: Largest drawdown along each path; of historic bars there is one path.
    drawdowns: Array


def plan(
    address: Address,
    portfolios: Sequence[str],
    *,
    bootstraps: Sequence[str],
    paths: int,
    horizon: int | None = None,
    historic: Sequence[int] = (),
    stresses: Sequence[str] = (),
    levels: Sequence[float] = (0.95,),
    seed: int = 0,
    universe: str | None = None,
    bar: int | None = None,
    length: int | None = None,
) -> Plan:
    """Pins the bars of the longest set. Sets and paths are as long as the window where nothing is said."""
    engine = address.engine()
    own = find(engine, universe, bar, length)
    sets = tuple(dict.fromkeys(historic)) or (own.length,)
    window = replace(own, length=max(own.length, *sets))
    return Plan(
        pinned=Pinned.of(address, window),
        holdings=holdings(engine, window, portfolios),
        historic=sets,
        window=own.length,
        bootstraps=tuple(dict.fromkeys(bootstraps)),
        paths=paths,
        horizon=horizon or own.length,
        stresses=tuple(stress(one, window) for one in dict.fromkeys(stresses)),
        levels=tuple(dict.fromkeys(levels)),
        seed=seed,
    )


def run(spark: SparkSession, planned: Plan, tasks: int, say: Say = lambda _: None) -> tuple[list[Outcomes], Done]:
    """Has paths drawn by tasks; the other sets take no time."""
    paths = planned.paths * len(planned.bootstraps)
    what = f"{paths:,} paths of {len(planned.holdings)} portfolios"
    require_fits(spark, 16 * paths * len(planned.holdings), what, "take fewer --paths")
    parts = cut(paths, tasks)

    def work(prices: pyarrow.Table, part: int) -> bytes:
        return drawn(planned, prices, *parts[part]).tobytes()

    done = spread(spark, planned.pinned, len(parts), work, say)
    return outcomes(planned, planned.pinned.prices(), np.frombuffer(b"".join(done.results))), done


def measure(planned: Plan) -> list[Outcomes]:
    """The same in this process, without Spark."""
    prices = planned.pinned.prices()
    return outcomes(planned, prices, drawn(planned, prices, 0, planned.paths * len(planned.bootstraps)))


def drawn(planned: Plan, prices: pyarrow.Table, first: int, count: int) -> Array:
    """Paths by their number, bootstrap after bootstrap: returns and drawdowns of every portfolio, a row a path."""
    import silverbullet as sb

    weights = np.array([one.weights for one in planned.holdings])
    history = prices.slice(prices.num_rows - planned.window - 1).combine_chunks()
    found = [np.empty((0, 2 * len(weights)))]
    while count:
        scheme, path = divmod(first, planned.paths)
        here = min(count, planned.paths - path)
        source = sb.Paths(history, bootstrap=planned.bootstraps[scheme])
        found.append(np.hstack(source.outcomes(weights, path, here, planned.horizon, seed=planned.seed)))
        first, count = first + here, count - here
    return np.vstack(found)


def outcomes(planned: Plan, prices: pyarrow.Table, table: Array) -> list[Outcomes]:
    """All sets, in the order in which they were asked for: historic ones, bootstraps, stresses."""
    import silverbullet as sb

    weights = [np.array(one.weights) for one in planned.holdings]
    returns = sb.simple_returns(prices)
    found = []
    for length in planned.historic:
        columns = np.column_stack([sb.portfolio_returns(returns[-length:], own) for own in weights])
        falls = np.array([[sb.max_drawdown(column) for column in columns.T]])
        found.append(Outcomes(f"historic:{length}", 1, columns, falls))
    for name, rows in zip(planned.bootstraps, table.reshape(len(planned.bootstraps), planned.paths, -1), strict=True):
        totals, falls = np.hsplit(rows, 2)
        found.append(Outcomes(name, planned.horizon, totals, falls))
    for one in planned.stresses:
        moved = np.array([[sb.portfolio_returns(np.array([one.moves]), own)[0] for own in weights]])
        found.append(Outcomes(f"stress:{one.name}", 1, moved, np.maximum(-moved, 0.0)))
    return found


#: A row says how a portfolio fares under a set of scenarios at a level. Losses are positive.
RISKS = pyarrow.schema(
    [
        pyarrow.field("universe", pyarrow.string(), False),
        pyarrow.field("variant", pyarrow.string(), False),
        pyarrow.field("bar", pyarrow.int64(), False),
        pyarrow.field("as_of", pyarrow.timestamp("us", "UTC"), False),
        pyarrow.field("run_id", pyarrow.string(), False),
        pyarrow.field("objective", pyarrow.string(), False),
        pyarrow.field("method", pyarrow.string(), False),
        pyarrow.field("scenarios", pyarrow.string(), False),
        pyarrow.field("horizon", pyarrow.int64(), False),
        pyarrow.field("count", pyarrow.int64(), False),
        pyarrow.field("level", pyarrow.float64(), False),
        pyarrow.field("mean", pyarrow.float64(), False),
        pyarrow.field("value_at_risk", pyarrow.float64(), False),
        pyarrow.field("conditional_value_at_risk", pyarrow.float64(), False),
        pyarrow.field("drawdown", pyarrow.float64(), False),
        pyarrow.field("conditional_drawdown", pyarrow.float64(), False),
    ]
)


def tables(engine: Engine, run: Run, planned: Plan, found: list[Outcomes]) -> Tables:
    """A row for each portfolio, set and level; and the run."""
    rows = list(_rows(run, planned, found))
    own = typed(engine, {"runs": [run.row(planned.pinned.window.closes(), len(rows))]})
    return {"risks": pyarrow.Table.from_pylist(rows, RISKS), **own}


def _rows(run: Run, planned: Plan, found: list[Outcomes]) -> Iterator[dict[str, object]]:
    for at, holding in enumerate(planned.holdings):
        belongs = of_bar(planned.pinned.window, run, holding.method) | {"objective": holding.name}
        for one in found:
            returns, falls = one.returns[:, at], one.drawdowns[:, at]
            for level in planned.levels:
                yield belongs | {"scenarios": one.name, "horizon": one.horizon} | told(returns, falls, level)


def told(returns: Array, falls: Array, level: float) -> dict[str, object]:
    """The measures of one portfolio: `drawdown` is the mean over paths, `conditional_drawdown` that of the worst."""
    import silverbullet as sb

    return {
        "count": len(returns),
        "level": level,
        "mean": fsum(returns) / len(returns),
        "value_at_risk": sb.value_at_risk(returns, level),
        "conditional_value_at_risk": sb.conditional_value_at_risk(returns, level),
        "drawdown": fsum(falls) / len(falls),
        "conditional_drawdown": sb.conditional_value_at_risk(-falls, level),
    }
