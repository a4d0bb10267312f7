"""The job `walk_forward.py` on a real cluster: the bits of a plain loop in one process, and the money of a ledger."""

from collections.abc import Iterator

import numpy as np
import pytest
import silverbullet as sb
from engine import FIRST, Engine, running_engine
from jobs import closes
from pyspark.sql import SparkSession
from silverbullet.jobs import walk_forward
from silverbullet.jobs.strategies import grid
from silverbullet.jobs.walk_forward import Walk, summary
from silverbullet.jobs.window import WindowError
from silverbullet.spark import OptionError
from silverbullet.spark.engine import Address

ASSETS = ["XRP", "BTC", "ETH", "SOL"]
BARS, WINDOW, STEPS, EVERY = 90, 20, 50, 4
FEE = 0.001
GRID = grid(
    ["max-sharpe", "min-cvar:0.9", "utility:5", "target-return:0.5", "equal-weight", "inverse-volatility"],
    ["sample", "exponential:8"],
    [15, 30],
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with more bars than its window."""
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS, WINDOW) as one:
        yield one


@pytest.fixture(scope="module")
def planned(engine: Engine) -> walk_forward.Plan:
    """The grid over the newest bars."""
    return walk_forward.plan(Address(engine.url), GRID, steps=STEPS, every=EVERY, fee=FEE)


@pytest.fixture(scope="module")
def alone(planned: walk_forward.Plan) -> list[Walk]:
    """The same in one process."""
    return walk_forward.walk(planned)


@pytest.fixture(scope="module")
def prices(engine: Engine) -> np.ndarray:
    """The closes of all bars of the longest window and the walk."""
    return closes(engine, ASSETS, FIRST + BARS, STEPS + 30 + 1)


def decided(prices: np.ndarray, objective: str, exponential: bool, window: int, step: int) -> np.ndarray:
    """The weights at a step, by the package alone."""
    end = len(prices) - STEPS + step
    own = dict(zip(ASSETS, prices[end - window - 1 : end].T, strict=True))
    kind = {"estimator": "exponential", "half_life": 8.0} if exponential else {"estimator": "sample"}
    moments = sb.Moments.from_prices(own, **kind)
    returns = prices[end - window : end] / prices[end - window - 1 : end - 1] - 1.0
    answers = {
        "max-sharpe": lambda: sb.max_sharpe(moments).weights,
        "min-cvar:0.9": lambda: sb.optimize("min-cvar", moments, cvar_level=0.9, returns=returns).weights,
        "utility:5": lambda: sb.optimize("utility", moments, risk_aversion=5.0).weights,
        # No portfolio reaches half of its value in a bar: the least risk stands in.
        "target-return:0.5": lambda: sb.min_variance(moments).weights,
        "equal-weight": lambda: np.full(len(ASSETS), 1.0 / len(ASSETS)),
        "inverse-volatility": lambda: 1.0 / moments.volatility / (1.0 / moments.volatility).sum(),
    }
    return answers[objective]()


@pytest.mark.parametrize("tasks", [1, 2, 8, 64])
def test_any_number_of_tasks_gives_the_bits_of_one_process(
    spark: SparkSession, planned: walk_forward.Plan, alone: list[Walk], tasks: int
) -> None:
    found, done = walk_forward.run(spark, planned, tasks)
    assert len(done.results) == tasks and len(found) == len(GRID)
    for one, other in zip(found, alone, strict=True):
        assert one.strategy == other.strategy and one.fallbacks == other.fallbacks
        for name in ("returns", "turnover", "cost", "weights"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), (one.strategy.name, name)


def test_weights_are_those_of_the_window_before_and_money_is_that_of_a_ledger(
    alone: list[Walk], prices: np.ndarray
) -> None:
    """Shares of each asset are bought and sold for money; nothing of the job's own arithmetic is used."""
    names = {one.strategy.name: one for one in alone}
    assert len(names) == len(GRID) == 24
    for one in alone:
        objective, estimator, window = one.strategy.name.split("/")
        units, money, spent, before = np.zeros(len(ASSETS)), 1.0, 0.0, 1.0
        for step in range(STEPS):
            at = prices[len(prices) - STEPS + step - 1]
            if step % EVERY == 0:
                wanted = decided(prices, objective, estimator != "sample", int(window), step)
                rounded = objective in ("equal-weight", "inverse-volatility")
                np.testing.assert_allclose(one.weights[step], wanted, rtol=1e-13 if rounded else 0, err_msg=str(one))
                worth = units @ at if step else money
                traded = np.abs(wanted * worth - units * at).sum()
                np.testing.assert_allclose(one.turnover[step], traded / worth / 2.0, rtol=1e-9, atol=1e-12)
                spent = FEE * traded
                units = wanted * (worth - spent) / at
            else:
                assert one.turnover[step] == one.cost[step] == 0.0
                np.testing.assert_allclose(one.weights[step], units * at / (units @ at), rtol=1e-10, atol=1e-14)
            after = units @ prices[len(prices) - STEPS + step]
            np.testing.assert_allclose(one.returns[step], after / before - 1.0, rtol=1e-9, atol=1e-13)
            np.testing.assert_allclose(one.wealth[step], after, rtol=1e-11)
            before = after
    assert {one.fallbacks for one in alone if "target-return" in one.strategy.name} == {-(-STEPS // EVERY)}


def test_the_summary_is_what_numpy_says(alone: list[Walk]) -> None:
    for one in alone:
        told = summary(one, 1e-5)
        wealth = np.concatenate([[1.0], np.cumprod(1.0 + one.returns)])
        falls = [1.0 - wealth[at] / wealth[: at + 1].max() for at in range(len(wealth))]
        np.testing.assert_allclose(told["drawdown"], max(falls), rtol=1e-12)
        np.testing.assert_allclose(told["sharpe"], (one.returns.mean() - 1e-5) / one.returns.std(ddof=1), rtol=1e-9)
        np.testing.assert_allclose(told["cumulative"], wealth[-1] - 1.0, rtol=1e-9)
        np.testing.assert_allclose(told["cost"], one.cost.sum(), rtol=1e-12)
        np.testing.assert_allclose(told["turnover"], one.turnover[one.turnover > 0].mean(), rtol=1e-12)


def test_what_cannot_be_walked_is_told(engine: Engine) -> None:
    address = Address(engine.url)
    with pytest.raises(WindowError, match=f"has {BARS - 1} returns .* the longest window takes 80, and --bars 20"):
        walk_forward.plan(address, grid(["max-sharpe"], ["sample"], [80]), steps=20)
    whole = walk_forward.plan(address, grid(["max-sharpe"], ["sample"], [80]))
    assert whole.steps == BARS - 1 - 80
    for objectives, estimators, message in [
        (["max-sharp"], ["sample"], "--objectives max-sharp: there are max-sharpe, min-variance"),
        (["utility"], ["sample"], "utility needs its risk aversion: utility:NUMBER"),
        (["max-sharpe:3"], ["sample"], "max-sharpe takes no number"),
        (["max-sharpe"], ["exponential"], "exponential:HALF-LIFE takes a number of bars"),
        (["utility:x"], ["sample"], "'x' is no number"),
    ]:
        with pytest.raises(OptionError, match=message):
            grid(objectives, estimators, [20])
