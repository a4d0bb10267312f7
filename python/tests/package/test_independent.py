"""Exact answers and moments against what numpy and scipy find in other ways."""

import numpy as np
import pandas
import pytest
import scipy.optimize
import silverbullet as sb
from package import random_moments


def least_risk(moments: sb.Moments, mean: float | None = None, upper: float = 1.0) -> np.ndarray:
    """The long-only weights of the least variance, with at least this mean, by sequential quadratic programming."""
    count, unit = len(moments.assets), 1 / np.trace(moments.covariance)
    constraints = [{"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(count)}]
    if mean is not None:
        size = 1 / np.abs(moments.mean).max()
        constraints.append(
            {"type": "ineq", "fun": lambda w: size * (moments.mean @ w - mean), "jac": lambda w: size * moments.mean}
        )
    found = scipy.optimize.minimize(
        lambda w: unit * (w @ moments.covariance @ w),
        np.full(count, 1 / count),
        jac=lambda w: 2 * unit * (moments.covariance @ w),
        bounds=[(0, upper)] * count,
        constraints=constraints,
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-15},
    )
    assert found.success, found.message
    return found.x


@pytest.mark.parametrize("assets", [2, 5, 20])
def test_min_variance_is_what_scipy_finds(assets: int) -> None:
    moments = random_moments(assets, seed=assets)
    for upper in (1.0, 2 / assets):
        found = sb.min_variance(moments, upper=upper)
        expected = least_risk(moments, upper=upper)
        risk = np.sqrt(expected @ moments.covariance @ expected)
        assert found.label == "ok" and found.gap == 0 and abs(found.weights.sum() - 1) < 1e-12
        assert found.risk == pytest.approx(risk, rel=1e-6) and found.risk <= risk * (1 + 1e-12)


@pytest.mark.parametrize("assets", [5, 20])
def test_every_point_of_the_frontier_has_the_least_risk_at_its_mean(assets: int) -> None:
    moments = random_moments(assets, seed=10 + assets)
    frontier = sb.efficient_frontier(moments, points=9)
    assert len(frontier) == 9 and (np.diff(frontier.mean) > 0).all() and (np.diff(frontier.risk) > 0).all()
    assert frontier.mean[-1] == pytest.approx(moments.mean.max(), rel=1e-12)
    for risk, mean, weights in frontier:
        assert mean == pytest.approx(moments.mean @ weights, rel=1e-12)
        expected = least_risk(moments, mean)
        assert risk == pytest.approx(np.sqrt(expected @ moments.covariance @ expected), rel=1e-6)


def test_tangency_and_least_risk_in_closed_form_where_no_bound_binds() -> None:
    random = np.random.default_rng(4)
    root = random.normal(size=(6, 6))
    covariance = np.eye(6) + 0.02 * root @ root.T
    rate, mean = 0.1, random.uniform(0.8, 1.2, 6)
    tangency = np.linalg.solve(covariance, mean - rate)
    least = np.linalg.solve(covariance, np.ones(6))
    assert (tangency > 0).all() and (least > 0).all(), "the bounds must not bind for this"
    found = sb.max_sharpe(mean, covariance, risk_free=rate)
    np.testing.assert_allclose(found.weights, tangency / tangency.sum(), rtol=1e-10)
    ratio = np.sqrt((mean - rate) @ np.linalg.solve(covariance, mean - rate))
    assert found.sharpe == pytest.approx(ratio, rel=1e-12)
    np.testing.assert_allclose(sb.min_variance(mean, covariance).weights, least / least.sum(), rtol=1e-10)


def test_moments_are_those_of_numpy(prices: pandas.DataFrame) -> None:
    returns = prices.pct_change().dropna().to_numpy()
    moments = sb.Moments.from_prices(prices)
    np.testing.assert_allclose(moments.mean, returns.mean(axis=0), rtol=0, atol=1e-12 * returns.std())
    np.testing.assert_allclose(moments.covariance, np.cov(returns.T), rtol=1e-12)
    np.testing.assert_allclose(moments.volatility, returns.std(axis=0, ddof=1), rtol=1e-12)
    assert moments.condition_number == pytest.approx(np.linalg.cond(moments.covariance), rel=1e-9)
    newest = sb.Moments.from_prices(prices, window=60)
    assert newest.observations == 60
    np.testing.assert_allclose(newest.covariance, np.cov(returns[-60:].T), rtol=1e-12)
    assert sb.Moments.from_returns(returns, assets=prices.columns) == sb.Moments.from_prices(prices)


def test_shrinkage_is_that_of_ledoit_and_wolf(prices: pandas.DataFrame) -> None:
    returns = prices.pct_change().dropna().to_numpy()
    centred = returns - returns.mean(axis=0)
    count, assets = centred.shape
    sample = centred.T @ centred / count
    target = np.trace(sample) / assets
    distance = np.sum((sample - target * np.eye(assets)) ** 2)
    error = sum(np.sum((np.outer(row, row) - sample) ** 2) for row in centred) / count**2
    intensity = min(error, distance) / distance
    moments = sb.Moments.from_prices(prices, estimator="ledoit-wolf")
    assert moments.intensity == pytest.approx(intensity, rel=1e-9) and 0 < intensity < 1
    np.testing.assert_allclose(
        moments.covariance, (1 - intensity) * sample + intensity * target * np.eye(assets), rtol=1e-9, atol=1e-15
    )
    # It is what stands in for a singular covariance, whatever the estimator.
    assert sb.Moments.from_prices(prices).shrunk.tobytes() == moments.covariance.tobytes()


def test_exponential_weights_halve_in_a_half_life(prices: pandas.DataFrame) -> None:
    returns = prices.pct_change().dropna().to_numpy()
    weights = 0.5 ** (np.arange(len(returns))[::-1] / 60.0)
    moments = sb.Moments.from_prices(prices, estimator="exponential", half_life=60)
    np.testing.assert_allclose(moments.mean, np.average(returns, axis=0, weights=weights), rtol=0, atol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(returns.T, aweights=weights), rtol=1e-11)


def test_where_nothing_pays_the_answer_is_labelled(moments: sb.Moments) -> None:
    found = sb.max_sharpe(moments, risk_free=1.0)
    assert found.label == "fallback: no positive excess mean" and found.gap is None
    assert found.weights.tolist() == sb.min_variance(moments).weights.tolist()
    singular = sb.min_variance([0.1, 0.1], [[1.0, 1.0], [1.0, 1.0]], lower=-1)
    assert singular.label == "ok" and singular.risk == pytest.approx(1.0)
    riskless = sb.min_variance([0.1, 0.2], [[0.0, 0.0], [0.0, 1.0]])
    assert riskless.label == "fallback: singular" and riskless.gap is None
