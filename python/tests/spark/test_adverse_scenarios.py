"""The job `scenario_risk.py` on a real cluster: losses as numpy counts them, with the bits of one process."""

from collections.abc import Iterator

import numpy as np
import pytest
import silverbullet as sb
from engine import FIRST, Engine, running_engine
from jobs import closes
from pyspark.sql import SparkSession
from silverbullet.jobs import scenario_risk
from silverbullet.jobs.scenario_risk import Outcomes, told
from silverbullet.spark import OptionError
from silverbullet.spark.engine import Address

ASSETS = ["XRP", "BTC", "ETH", "SOL"]
BARS, WINDOW = 70, 40
PATHS, HORIZON = 300, 25
ASKED = {
    "bootstraps": ["stationary:6", "block:5"], "paths": PATHS, "horizon": HORIZON, "historic": [30, 60],
    "stresses": ["BTC=-0.3,XRP=0.1", "*=-0.2,SOL=0"], "levels": [0.9, 0.95], "seed": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with portfolios."""
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS, WINDOW) as one:
        yield one


@pytest.fixture(scope="module")
def planned(engine: Engine) -> scenario_risk.Plan:
    """The engine's newest portfolios and equal weights under all kinds of scenarios."""
    return scenario_risk.plan(Address(engine.url), ["engine", "equal-weight"], **ASKED)


@pytest.fixture(scope="module")
def alone(planned: scenario_risk.Plan) -> list[Outcomes]:
    """The same in one process."""
    return scenario_risk.measure(planned)


@pytest.mark.parametrize("tasks", [1, 2, 8, 64])
def test_any_number_of_tasks_gives_the_bits_of_one_process(
    spark: SparkSession, planned: scenario_risk.Plan, alone: list[Outcomes], tasks: int
) -> None:
    found, done = scenario_risk.run(spark, planned, tasks)
    assert len(done.results) == tasks
    for one, other in zip(found, alone, strict=True):
        assert (one.name, one.horizon) == (other.name, other.horizon)
        assert one.returns.tobytes() == other.returns.tobytes()
        assert one.drawdowns.tobytes() == other.drawdowns.tobytes()


def test_portfolios_are_the_newest_of_the_engine_and_equal_weights(
    engine: Engine, planned: scenario_risk.Plan
) -> None:
    rows = engine.rows(f"select objective, method, weights from portfolios where bar = {FIRST + BARS}").to_pylist()
    wanted = {(row["objective"], row["method"]): tuple(dict(row["weights"]).values()) for row in rows}
    assert len(wanted) >= 2
    wanted["equal-weight", "baseline"] = (0.25, 0.25, 0.25, 0.25)
    assert {(one.name, one.method): one.weights for one in planned.holdings} == wanted


def fall(path: np.ndarray) -> float:
    """The largest drawdown of a running sum, by the slow way."""
    sums = np.concatenate([[0.0], np.cumsum(path)])
    return max(sums[: at + 1].max() - sums[at] for at in range(len(sums)))


def test_scenarios_are_what_numpy_says(engine: Engine, planned: scenario_risk.Plan, alone: list[Outcomes]) -> None:
    prices = closes(engine, ASSETS, FIRST + BARS, 61)
    returns = prices[1:] / prices[:-1] - 1.0
    weights = np.array([one.weights for one in planned.holdings])
    names = ["historic:30", "historic:60", "stationary:6", "block:5", "stress:BTC=-0.3,XRP=0.1", "stress:*=-0.2,SOL=0"]
    assert [one.name for one in alone] == names
    for one, length in zip(alone[:2], (30, 60), strict=True):
        np.testing.assert_allclose(one.returns, returns[-length:] @ weights.T, rtol=1e-9, atol=1e-16)
        np.testing.assert_allclose(one.drawdowns[0], [fall(column) for column in one.returns.T], rtol=1e-9, atol=1e-15)
    for one, moves in zip(alone[4:], ([0.1, -0.3, 0.0, 0.0], [-0.2, -0.2, -0.2, 0.0]), strict=True):
        np.testing.assert_allclose(one.returns[0], weights @ moves, rtol=1e-12, atol=1e-16)
    window = returns[-WINDOW:]
    for one, scheme in zip(alone[2:4], ("stationary:6", "block:5"), strict=True):
        source = sb.Paths(prices[-WINDOW - 1 :], bootstrap=scheme)
        starts = []
        for number in range(PATHS):
            path = source.path(number, HORIZON, seed=3)
            # Each row is a bar of the window, and most follow the one before.
            bars = [int(np.flatnonzero((window == row).all(axis=1))[0]) for row in path]
            starts.append(bars[0])
            follows = [later == (bar + 1) % WINDOW for bar, later in zip(bars, bars[1:], strict=False)]
            assert scheme != "block:5" or all(follows[at] for at in range(HORIZON - 1) if (at + 1) % 5)
            np.testing.assert_allclose(one.returns[number], path.sum(axis=0) @ weights.T, rtol=1e-7, atol=1e-14)
            falls = [fall(path @ own) for own in weights]
            np.testing.assert_allclose(one.drawdowns[number], falls, rtol=1e-7, atol=1e-14)
        # Paths begin anywhere in the window.
        assert len(set(starts)) > WINDOW * 0.9


def test_measures_are_those_of_their_definitions(alone: list[Outcomes]) -> None:
    for one in alone:
        for at in range(one.returns.shape[1]):
            for level in (0.9, 0.95, 0.5):
                found = told(one.returns[:, at], one.drawdowns[:, at], level)
                losses = np.sort(-one.returns[:, at])
                enough = int(np.ceil(level * len(losses) - 1e-9))
                assert found["value_at_risk"] == losses[max(enough, 1) - 1]
                # The least value of what CVaR is the minimum of lies at a loss (Rockafellar & Uryasev 2002).
                beyond = np.maximum(losses[:, None] - losses, 0.0).sum(axis=0) / ((1.0 - level) * len(losses))
                least = (losses + beyond).min()
                np.testing.assert_allclose(found["conditional_value_at_risk"], least, rtol=1e-9, atol=1e-15)
                np.testing.assert_allclose(found["drawdown"], one.drawdowns[:, at].mean(), rtol=1e-12)
                assert found["conditional_drawdown"] >= found["drawdown"] - 1e-15


def test_what_is_wrong_is_told(engine: Engine) -> None:
    for more, message in [
        ({"stresses": ["DOGE=-0.1"]}, "there is no asset 'DOGE'; there are XRP, BTC"),
        ({"stresses": ["BTC"]}, "'BTC' must be ASSET=MOVE"),
        ({"stresses": ["BTC=-1.5"]}, "a price moves by -1"),
    ]:
        with pytest.raises(OptionError, match=message):
            scenario_risk.plan(Address(engine.url), ["engine"], **{**ASKED, **more})
    with pytest.raises(OptionError, match="--portfolios mine: there are engine and equal-weight"):
        scenario_risk.plan(Address(engine.url), ["mine"], **ASKED)
