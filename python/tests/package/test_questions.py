"""Objectives and constraints beyond those of the exact solvers: what is found keeps them, and nothing beats the optimum."""

import numpy as np
import pandas
import pytest
import silverbullet as sb

OBJECTIVES = {
    "max-sharpe": {},
    "min-variance": {},
    "utility": {"risk_aversion": 20.0},
    "target-risk": {"target_risk": 0.011},
    "target-return": {"target_return": 5e-4},
    "min-cvar": {"cvar_level": 0.9},
    "min-drawdown": {},
    "max-diversification": {},
    "risk-parity": {},
}


@pytest.fixture(scope="module")
def returns(prices: pandas.DataFrame) -> pandas.DataFrame:
    """Simple returns, a column an asset."""
    return prices.pct_change().dropna()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_search_comes_near_the_optimum_of_every_objective(moments: sb.Moments, returns: pandas.DataFrame, objective: str) -> None:
    options = dict(OBJECTIVES[objective], returns=returns if objective in ("min-cvar", "min-drawdown") else None)
    exact = sb.optimize(objective, moments, **options)
    assert (exact.objective, exact.method, exact.label, exact.gap) == (objective, "exact", "ok", 0)
    assert abs(exact.weights.sum() - 1) < 1e-9 and exact.weights.min() > -1e-12
    found = sb.optimize(objective, moments, method="monte-carlo", seed=1, **options)
    assert found.method == "monte-carlo" and -1e-9 <= found.gap < 1e-3
    assert found == sb.optimize(objective, moments, method="monte-carlo", seed=1, **options)


def test_what_the_objectives_measure(moments: sb.Moments, returns: pandas.DataFrame) -> None:
    shares = sb.optimize("risk-parity", moments)
    contribution = shares.weights * (moments.covariance @ shares.weights) / shares.risk**2
    np.testing.assert_allclose(contribution, 0.2, rtol=1e-6)
    tail = sb.optimize("min-cvar", moments, returns=returns, cvar_level=0.9)
    turned = returns[returns.columns[::-1]]
    assert tail == sb.optimize("min-cvar", moments, returns=turned, cvar_level=0.9), "columns are taken by name"

    def cvar(weights: np.ndarray) -> float:
        losses = np.sort(-(returns.to_numpy() @ weights))[::-1]
        mass = 0.1 * len(losses)
        whole = int(mass)
        return (losses[:whole].sum() + (mass - whole) * losses[whole]) / mass

    random = np.random.default_rng(0)
    drawn = [cvar(weights) for weights in random.dirichlet(np.ones(5), 2000)]
    assert cvar(tail.weights) <= min(drawn) + 1e-12
    target = sb.optimize("target-risk", moments, target_risk=0.011)
    assert target.risk == pytest.approx(0.011, rel=1e-9)


def test_constraints_are_kept(moments: sb.Moments) -> None:
    free = sb.max_sharpe(moments)
    asked = {"groups": {"hard": (["ALDER", "ELM"], 0.2, 0.4)}, "max_assets": 3, "min_position": 0.05}
    for found in (sb.max_sharpe(moments, **asked), sb.monte_carlo(moments, seed=2, **asked).best):
        held = found.weights[found.weights != 0]
        assert len(held) <= 3 and held.min() >= 0.05 - 1e-9
        assert 0.2 - 1e-9 <= found.by_asset["ALDER"] + found.by_asset["ELM"] <= 0.4 + 1e-9
        assert found.sharpe <= free.sharpe
    held = dict.fromkeys(moments.assets, 0.2)
    moved = sb.max_sharpe(moments, holdings=held, turnover_limit=0.3)
    assert np.abs(moved.weights - 0.2).sum() == pytest.approx(0.3)
    charged = sb.max_sharpe(moments, holdings=held, fee=0.001, holding_bars=10)
    cost = 1e-4 * np.abs(charged.weights - 0.2).sum()
    assert charged.mean == pytest.approx(moments.mean @ charged.weights - cost, rel=1e-9)
    assert np.abs(charged.weights - 0.2).sum() < np.abs(free.weights - 0.2).sum()


def test_a_frontier_under_constraints_lies_within_the_free_one(moments: sb.Moments) -> None:
    group = {"groups": {"hard": (["ALDER", "ELM"], 0.0, 0.3)}}
    exact = sb.efficient_frontier(moments, points=5, **group)
    searched = sb.monte_carlo(moments, **group).frontier
    assert len(exact) == 5 and len(searched) == 20
    for frontier in (exact, searched):
        hard = [moments.assets.index(name) for name in ("ALDER", "ELM")]
        assert (frontier.weights[:, hard].sum(axis=1) <= 0.3 + 1e-9).all()
        for risk, mean, _ in frontier:
            free = sb.optimize("target-return", moments, target_return=mean * (1 - 1e-9))
            assert free.risk <= risk * (1 + 1e-9)
    assert searched.risk[0] == pytest.approx(exact.risk[0], rel=1e-6)
