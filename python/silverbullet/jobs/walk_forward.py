"""Walk-forward back-tests over stored bars: a grid of windows, estimators and objectives, with what trading takes.

Weights at a bar follow from the closes of a window that ends there, so tasks compute them for any part of the grid.
What they come to is added up by the driver, bar after bar: a strategy trades at the close of a bar, pays, and holds
until it trades again. So the answer has the same bits with any number of tasks, and in one process (`walk`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

import numpy as np
import pyarrow

from silverbullet.jobs.results import Run, Tables, typed
from silverbullet.jobs.spread import Done, Pinned, Say, cut, require_fits, spread
from silverbullet.jobs.strategies import Array, Strategy
from silverbullet.jobs.window import Window, WindowError, find, unbroken
from silverbullet.spark.engine import Address, Engine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Plan:
    """What is tested. Goes to the tasks."""

    #: All closes: those of the longest window before the first trade, and those walked over.
    pinned: Pinned
    strategies: tuple[Strategy, ...]
    #: Bars walked over.
    steps: int
    #: Bars from one trade to the next.
    every: int
    #: Of what is bought and sold, as a fraction.
    fee: float

    @property
    def trades(self) -> int:
        """How often each strategy trades."""
        return -(-self.steps // self.every)

    def settings(self) -> dict[str, object]:
        """For the record of the run."""
        names = [strategy.name for strategy in self.strategies]
        return {"strategies": names, "bars": self.steps, "every": self.every, "fee": self.fee}


@dataclass(frozen=True)
class Walk:
    """A strategy's way, one entry a bar."""

    strategy: Strategy
    #: Simple return after costs.
    returns: Array
    #: Half of what was bought and sold at the bar's begin, as a share of the capital; 0 where nothing was.
    turnover: Array
    cost: Array
    #: Weights while the bar lasted, as they were at its begin.
    weights: Array
    #: Trades for which the question had no proper answer.
    fallbacks: int

    @property
    def wealth(self) -> Array:
        """What one unit has grown to."""
        return np.cumprod(1.0 + self.returns, dtype=np.float64)

    @property
    def drawdown(self) -> Array:
        """Loss since the highest point, the start included."""
        wealth = self.wealth
        highest = np.maximum(np.maximum.accumulate(wealth), 1.0)
        return np.subtract(1.0, wealth / highest, dtype=np.float64)


def plan(
    address: Address,
    strategies: tuple[Strategy, ...],
    *,
    universe: str | None = None,
    bar: int | None = None,
    steps: int | None = None,
    every: int = 1,
    fee: float = 0.0,
) -> Plan:
    """Pins the bars: so many before the last one, or all that are stored without a gap."""
    engine = address.engine()
    newest = find(engine, universe, bar, length=1)
    longest = max(strategy.window for strategy in strategies)
    there = newest.bar - unbroken(engine, newest)
    if steps is None:
        steps = there - longest
    if steps < 1 or steps + longest > there:
        raise WindowError(
            f"{newest.universe} has {there} returns of its {len(newest.assets)} assets without a gap up to bar "
            f"{newest.bar}; the longest window takes {longest}, and --bars {max(steps, 1)}: take "
            "shorter --windows or fewer --bars"
        )
    window = find(engine, newest.universe, newest.bar, length=longest + steps)
    return Plan(Pinned.of(address, window), strategies, steps, every, fee)


def run(spark: SparkSession, planned: Plan, tasks: int, say: Say = lambda _: None) -> tuple[list[Walk], Done]:
    """Has the weights computed by tasks, and adds up what they come to."""
    trades, assets = planned.trades * len(planned.strategies), len(planned.pinned.window.assets)
    what = f"{trades:,} trades of {assets} assets"
    require_fits(spark, 8 * trades * (assets + 1), what, "take fewer strategies or --bars")
    parts = cut(trades, tasks)

    def work(prices: pyarrow.Table, part: int) -> bytes:
        return decided(planned, prices, *parts[part]).tobytes()

    done = spread(spark, planned.pinned, len(parts), work, say)
    table = np.frombuffer(b"".join(done.results))
    return walks(planned, planned.pinned.prices(), table), done


def walk(planned: Plan) -> list[Walk]:
    """The same in this process, without Spark."""
    prices = planned.pinned.prices()
    return walks(planned, prices, decided(planned, prices, 0, planned.trades * len(planned.strategies)))


def decided(planned: Plan, prices: pyarrow.Table, first: int, count: int) -> Array:
    """Weights of trades by their number, strategy after strategy: one row a trade, then whether it was a fallback."""
    columns = {name: prices[name].combine_chunks().to_numpy(zero_copy_only=True) for name in prices.column_names}
    settings = planned.pinned.window
    rows = np.empty((count, len(columns) + 1))
    for row, number in enumerate(range(first, first + count)):
        strategy = planned.strategies[number // planned.trades]
        end = settings.length - planned.steps + number % planned.trades * planned.every + 1
        window = {name: column[end - strategy.window - 1 : end] for name, column in columns.items()}
        rows[row, :-1], is_proper = strategy.weights(window, settings)
        rows[row, -1] = not is_proper
    return rows


def walks(planned: Plan, prices: pyarrow.Table, table: Array) -> list[Walk]:
    """Adds up, strategy by strategy."""
    import silverbullet as sb

    returns = sb.simple_returns(prices)[-planned.steps :]
    rows = table.reshape(len(planned.strategies), planned.trades, -1)
    return [account(planned, one, returns, own) for one, own in zip(planned.strategies, rows, strict=True)]


def account(planned: Plan, strategy: Strategy, returns: Array, rows: Array) -> Walk:
    """A strategy's way: at a trade it pays for what it buys and sells, and in between weights move with prices.

    Sums are rounded once (`fsum`), so that their bits depend on no machine.
    """
    steps, assets = returns.shape
    net, turnover, cost = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    weights = np.empty((steps, assets))
    held = np.zeros(assets)
    for step in range(steps):
        if step % planned.every == 0:
            wanted = rows[step // planned.every, :-1]
            traded = fsum(np.abs(wanted - held))
            turnover[step], cost[step] = traded / 2.0, planned.fee * traded
            held = wanted
        gross = fsum(held * returns[step])
        net[step] = (1.0 - cost[step]) * (1.0 + gross) - 1.0
        weights[step] = held
        held = held * (1.0 + returns[step]) / (1.0 + gross)
    return Walk(strategy, net, turnover, cost, weights, int(rows[:, -1].sum()))


#: What is said of each strategy, beside its steps. Per bar, as everything is.
SUMMARY = pyarrow.schema(
    [
        pyarrow.field("run_id", pyarrow.string(), False),
        pyarrow.field("strategy", pyarrow.string(), False),
        pyarrow.field("bars", pyarrow.int64(), False),
        pyarrow.field("cumulative", pyarrow.float64(), False),
        pyarrow.field("mean", pyarrow.float64(), False),
        pyarrow.field("risk", pyarrow.float64()),
        pyarrow.field("sharpe", pyarrow.float64()),
        pyarrow.field("drawdown", pyarrow.float64(), False),
        pyarrow.field("turnover", pyarrow.float64(), False),
        pyarrow.field("cost", pyarrow.float64(), False),
        pyarrow.field("fallbacks", pyarrow.int64(), False),
    ]
)


def summary(one: Walk, risk_free: float) -> dict[str, object]:
    """Growth, mean, risk (divisor: bars − 1), Sharpe ratio, largest drawdown, mean turnover of a trade and costs."""
    bars = len(one.returns)
    mean = fsum(one.returns) / bars
    risk = (fsum((one.returns - mean) ** 2) / (bars - 1)) ** 0.5 if bars > 1 else None
    return {
        "strategy": one.strategy.name,
        "bars": bars,
        "cumulative": float(one.wealth[-1] - 1.0),
        "mean": mean,
        "risk": risk,
        "sharpe": (mean - risk_free) / risk if risk else None,
        "drawdown": float(one.drawdown.max()),
        "turnover": fsum(one.turnover) / max(1, int(np.count_nonzero(one.turnover))),
        "cost": fsum(one.cost),
        "fallbacks": one.fallbacks,
    }


def tables(engine: Engine, run: Run, planned: Plan, found: list[Walk]) -> Tables:
    """Every step of every strategy, what is said of each, and the run."""
    window = planned.pinned.window
    steps = [step for one in found for step in _steps(run, window, one)]
    told = [{"run_id": run.run_id, **summary(one, window.risk_free)} for one in found]
    own = typed(engine, {"backtests": steps, "runs": [run.row(window.closes(), len(steps))]})
    return {**own, "strategies": pyarrow.Table.from_pylist(told, SUMMARY)}


def _steps(run: Run, window: Window, one: Walk) -> Iterator[dict[str, object]]:
    interval = window.as_of // window.bar
    first = window.bar - len(one.returns) + 1
    columns = (one.returns, one.wealth - 1.0, one.drawdown, one.turnover, one.cost)
    names = ("return", "cumulative", "drawdown", "turnover", "cost")
    for step, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        yield {
            "run_id": run.run_id,
            "as_of": (first + step) * interval,
            "strategy": one.strategy.name,
            **dict(zip(names, values, strict=True)),
            "weights": list(zip(window.assets, one.weights[step].tolist(), strict=True)),
        }
