"""A file, csv_producer.py, Kafka, the engine, Flight, two Spark workers, the kernel, Cassandra, SQL and Flight SQL.

What comes out is compared with what numpy and scipy make of the file, and with the kernel in this process."""

import re
import struct

import numpy as np
import pandas
import pytest
import scipy.optimize
from stack import MINUTE, PORTFOLIOS, SEED, UNIVERSE, WINDOW, Stack, closes

import silverbullet as sb  # after stack, which says where the package is


@pytest.fixture(scope="module")
def prices() -> pandas.DataFrame:
    """Closes of all bars that are final: of the last minute nobody knows yet that no price will come."""
    return closes().iloc[:-1]


@pytest.fixture(scope="module")
def bar(prices: pandas.DataFrame) -> int:
    """Number of the newest of them."""
    return int(prices.index[-1].timestamp()) // MINUTE


@pytest.fixture(scope="module")
def shrunk(prices: pandas.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance after Ledoit and Wolf of the newest window, by numpy from the file."""
    returns = prices.iloc[-WINDOW - 1 :].pct_change().dropna().to_numpy()
    centred = returns - returns.mean(axis=0)
    count, assets = centred.shape
    sample = centred.T @ centred / count
    target = np.trace(sample) / assets
    distance = np.sum((sample - target * np.eye(assets)) ** 2)
    error = sum(np.sum((np.outer(row, row) - sample) ** 2) for row in centred) / count**2
    intensity = min(error, distance) / distance
    assert 0 < intensity < 1
    return returns.mean(axis=0), (1 - intensity) * sample + intensity * target * np.eye(assets)


def least_risk(mean: np.ndarray, covariance: np.ndarray, wanted: float | None = None) -> float:
    """The least risk of a long-only portfolio, with at least this mean, by sequential quadratic programming."""
    unit, size, count = 1 / np.trace(covariance), 1 / np.abs(mean).max(), len(mean)
    constraints = [{"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(count)}]
    if wanted is not None:
        constraints.append({"type": "ineq", "fun": lambda w: size * (mean @ w - wanted), "jac": lambda w: size * mean})
    found = scipy.optimize.minimize(
        lambda w: unit * (w @ covariance @ w),
        np.full(count, 1 / count),
        jac=lambda w: 2 * unit * (covariance @ w),
        bounds=[(0, 1)] * count,
        constraints=constraints,
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-15},
    )
    assert found.success, found.message
    return float(np.sqrt(found.x @ covariance @ found.x))


@pytest.fixture(scope="module")
def variant(stack: Stack, account: str) -> str:
    """That of the job's rows."""
    (row,) = stack.sql("select variant, seed, rows_out from cassandra.runs where kind = 'frontier'")
    assert row["seed"] == SEED and row["rows_out"] > 10
    return row["variant"]


def drawn(variant: str, table: str = "frontiers") -> str:
    """The query for what the job has kept."""
    return f"select * from cassandra.{table} where universe = '{UNIVERSE}' and variant = '{variant}'"


def exact(variant: str, table: str) -> str:
    """The query for the engine's exact rows of the same universe."""
    return f"select * from cassandra.{table} where universe = '{UNIVERSE}' and variant = '{variant.partition('-')[0]}'"


def bits(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def test_the_bars_in_cassandra_are_those_of_the_file(stack: Stack, variant: str, prices: pandas.DataFrame) -> None:
    rows = pandas.DataFrame(stack.sql(f"{exact(variant, 'bars')} order by bar, asset"))
    kept = rows.pivot(index="bar", columns="asset", values="close")
    assert list(kept.columns) == list(prices.columns)
    assert kept.index.tolist() == [int(time.timestamp()) // MINUTE for time in prices.index]
    assert kept.to_numpy().tobytes() == prices.to_numpy().tobytes()


def test_the_engines_exact_portfolios_are_those_of_scipy(
    stack: Stack, variant: str, bar: int, shrunk: tuple[np.ndarray, np.ndarray]
) -> None:
    mean, covariance = shrunk
    rows = stack.sql(f"{exact(variant, 'portfolios')} and bar = {bar} and method = 'exact'")
    found = {row["objective"]: row for row in rows}
    assert found["min-variance"]["risk"] == pytest.approx(least_risk(mean, covariance), rel=1e-6)
    best = found["max-sharpe"]
    assert best["risk"] == pytest.approx(least_risk(mean, covariance, best["mean"]), rel=1e-6)
    # A little more or less mean has a lower ratio: it is the tangency portfolio.
    for step in (0.98, 1.02):
        assert step * best["mean"] / least_risk(mean, covariance, step * best["mean"]) < best["sharpe"]


def test_what_spark_drew_is_on_the_exact_frontier_or_a_little_inside(
    stack: Stack, variant: str, bar: int, prices: pandas.DataFrame, shrunk: tuple[np.ndarray, np.ndarray]
) -> None:
    mean, covariance = shrunk
    rows = stack.sql(f"{drawn(variant)} order by point")
    assert len(rows) > 30 and {(row["bar"], row["method"]) for row in rows} == {(bar, "monte-carlo")}
    above = []
    for row in rows[::6]:
        weights = np.array([row["weights"].get(asset, 0.0) for asset in prices.columns])
        assert (weights >= 0).all() and weights.sum() == pytest.approx(1, abs=1e-12)
        assert row["mean"] == pytest.approx(mean @ weights, rel=1e-9, abs=1e-15)
        assert row["risk"] == pytest.approx(np.sqrt(weights @ covariance @ weights), rel=1e-9)
        above.append(row["risk"] / least_risk(mean, covariance, row["mean"]) - 1)
    assert min(above) > -1e-6 and max(above) < 0.02, above


def test_it_has_the_bits_of_one_process_by_sql_and_by_flight_sql(
    stack: Stack, variant: str, prices: pandas.DataFrame
) -> None:
    moments = sb.Moments.from_prices(prices.iloc[-WINDOW - 1 :], estimator="ledoit-wolf")
    alone = sb.monte_carlo(moments, portfolios=PORTFOLIOS, first=0, seed=SEED).finish()
    by_sql = stack.sql(f"{drawn(variant)} order by point")
    by_flight = stack.flight_sql(f"{drawn(variant)} order by point")
    for name, values in (("risk", alone.frontier.risk.tolist()), ("mean", alone.frontier.mean.tolist())):
        assert bits([row[name] for row in by_sql]) == bits(values)
        assert bits(by_flight[name].to_pylist()) == bits(values)
    weights = [dict(row) for row in by_flight["weights"].to_pylist()]
    assert weights == [row["weights"] for row in by_sql]
    kept = [shares[asset] for shares in weights for asset in prices.columns]
    assert bits(kept) == bits(alone.frontier.weights.ravel().tolist())
    best = {row["objective"]: row for row in stack.sql(drawn(variant, "portfolios"))}
    assert best.keys() == {one.objective for one in alone.portfolios}
    for one in alone.portfolios:
        assert best[one.objective]["weights"] == one.by_asset
        assert bits([best[one.objective]["risk"]]) == bits([one.risk])


def test_both_workers_had_an_executor(stack: Stack, account: str) -> None:
    jobs = sorted((stack.project / "target" / "spark" / f"data-{stack.spark}").glob("worker-*/app-*/*/stderr"))
    assert {job.relative_to(job.parents[3]).parts[0] for job in jobs} == {"worker-1", "worker-2"}
    assert re.search(rf"{PORTFOLIOS:,} portfolios of 16 assets of {UNIVERSE}, {WINDOW} returns .* in 2 tasks", account)


def test_each_step_is_told(stack: Stack, account: str) -> None:
    steps = re.findall(r"^(\d/5) ", account, re.MULTILINE)
    assert steps == ["1/5", "2/5", "3/5", "4/5", "5/5"], account
    assert "delivered 7680, failed 0, bad rows 0" in account
    # Point, mean, exact risk, drawn risk, percent above.
    rows = re.findall(r"^ *│ +\d+ ┆(?:[^┆]+┆){3} +(\S+) +│$", account.partition("5/5")[2], re.MULTILINE)
    distances = [float(percent) for percent in rows]
    assert len(distances) > 3 and all(-1e-4 < percent < 1 for percent in distances), account
    assert any(percent > 0 for percent in distances), account
