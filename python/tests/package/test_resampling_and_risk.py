"""Bootstraps by parts and measures of risk: the same bits in any order of parts, and numpy's answers."""

import pickle
import random

import numpy as np
import pandas
import pyarrow
import pytest
import silverbullet as sb


@pytest.fixture(scope="module")
def run(prices: pandas.DataFrame) -> sb.Resampler:
    """A run of 60 bootstraps."""
    return sb.Resampler(prices, bootstrap="block:6", bootstraps=60, points=8, seed=3, upper=0.5)


def test_parts_in_any_order_come_to_the_bits_of_the_whole(run: sb.Resampler, prices: pandas.DataFrame) -> None:
    parts = [run.part(first, 7) for first in range(0, 60, 7)]
    assert [part.bootstraps for part in parts] == [7] * 8 + [4]
    random.Random(1).shuffle(parts)
    merged = sb.ResamplePart.merge_all(pickle.loads(pickle.dumps(part)) for part in parts)
    whole = run.part(0, 60)
    assert merged == whole and merged.to_bytes() == whole.to_bytes()
    again = sb.resampled_frontier(prices, bootstrap="block:6", bootstraps=60, points=8, seed=3, upper=0.5)
    assert run.finish(merged) == again
    other = sb.resampled_frontier(prices, bootstrap="block:6", bootstraps=60, points=8, seed=4, upper=0.5)
    assert other != again
    assert len(again) == 8 and again.assets == tuple(prices.columns)
    assert again.weights.max() <= 0.5 + 1e-12


def test_every_bar_once_is_the_frontier_itself(prices: pandas.DataFrame) -> None:
    bars = len(prices) - 1
    found = sb.resampled_frontier(prices, bootstrap=f"block:{bars}", bootstraps=3, points=9)
    wanted = sb.efficient_frontier(sb.Moments.from_prices(prices), points=9)
    np.testing.assert_allclose(found.weights, wanted.weights, atol=1e-10)
    np.testing.assert_allclose(found.risk, wanted.risk, rtol=1e-10)
    assert found.mean_low.tobytes() == found.mean_high.tobytes()


def test_parts_of_other_runs_and_damaged_ones_are_refused(run: sb.Resampler, prices: pandas.DataFrame) -> None:
    part = run.part(0, 5)
    other = sb.Resampler(prices, bootstrap="block:6", bootstraps=60, points=8, seed=4, upper=0.5)
    with pytest.raises(sb.InputError, match="must come from the same window and options"):
        part.merge(other.part(5, 5))
    with pytest.raises(sb.InputError, match="must come from the same window and options"):
        other.finish(part)
    data = part.to_bytes()
    with pytest.raises(sb.InputError, match="these bytes are not one"):
        sb.ResamplePart.from_bytes(data[:-3])
    with pytest.raises(sb.InputError, match="they begin otherwise"):
        sb.ResamplePart.from_bytes(b"x" + data)
    version = sb.kernel_version().encode()
    with pytest.raises(sb.KernelMismatchError, match="install the same package"):
        sb.ResamplePart.from_bytes(data.replace(version, b"0" * len(version), 1))
    with pytest.raises(sb.InputError, match="there is none; at least one"):
        sb.ResamplePart.merge_all([])
    with pytest.raises(sb.InputError, match="it must be plain, block:LENGTH or stationary:MEAN-LENGTH"):
        sb.Resampler(prices, bootstrap="block")
    with pytest.raises(sb.InputError, match="pass either prices or returns"):
        sb.Resampler()


def test_returns_are_those_of_the_prices(prices: pandas.DataFrame) -> None:
    closes = prices.to_numpy()
    returns = closes[1:] / closes[:-1] - 1.0
    assert sb.simple_returns(prices).tobytes() == returns.tobytes()
    given, own = (sb.Resampler(**what, bootstraps=4, points=3) for what in ({"returns": returns}, {"prices": prices}))
    assert given.part(0, 4) == own.part(0, 4)
    weights = np.array([0.1, 0.2, 0.3, 0.4, 0.0])
    np.testing.assert_allclose(sb.portfolio_returns(returns, weights), returns @ weights, rtol=1e-9, atol=1e-17)


def test_measures_of_risk_are_numpys() -> None:
    returns = np.random.default_rng(2).normal(1e-3, 1e-2, 1_000)
    losses = np.sort(-returns)
    assert sb.value_at_risk(returns, 0.95) == losses[949]
    assert sb.value_at_risk(returns, 0.9995) == losses[-1]
    np.testing.assert_allclose(sb.conditional_value_at_risk(returns, 0.95), losses[950:].mean(), rtol=1e-12)
    path = np.concatenate([[0.0], np.cumsum(returns)])
    np.testing.assert_allclose(sb.max_drawdown(returns), (np.maximum.accumulate(path) - path).max(), rtol=1e-12)
    np.testing.assert_allclose(sb.semivariance(returns), (np.minimum(returns, 0.0) ** 2).mean(), rtol=1e-12)
    with pytest.raises(sb.InputError, match="level: 1 is not allowed"):
        sb.value_at_risk(returns, 1.0)
    with pytest.raises(sb.InputError, match="returns: NaN in row 1 is not a finite number"):
        sb.max_drawdown([0.1, float("nan")])


def test_baselines_are_their_rules(moments: sb.Moments) -> None:
    assert sb.baseline("equal-weight", moments).weights.tolist() == [0.2] * 5
    inverse = 1.0 / moments.volatility
    np.testing.assert_allclose(sb.baseline("inverse-volatility", moments).weights, inverse / inverse.sum(), rtol=1e-13)
    tree = sb.baseline("hierarchical-risk-parity", moments)
    assert tree.method == "baseline" and tree.weights.min() > 0.0 and abs(tree.weights.sum() - 1.0) < 1e-12
    with pytest.raises(sb.InputError, match="there are equal-weight, inverse-volatility and hierarchical"):
        sb.baseline("momentum", moments)  # type: ignore[arg-type]


def test_columns_that_begin_at_any_byte_are_read(prices: pandas.DataFrame) -> None:
    """As batches do that came over a network."""
    closes = prices.to_numpy()[:, 0]
    buffer = pyarrow.py_buffer(b"\0" * 4 + closes.tobytes()).slice(4)
    column = pyarrow.Array.from_buffers(pyarrow.float64(), len(closes), [None, buffer])
    table = pyarrow.table({"BTC": column})
    assert not table["BTC"].chunk(0).to_numpy().flags.aligned
    assert sb.simple_returns(table)[:, 0].tolist() == (closes[1:] / closes[:-1] - 1.0).tolist()
    with pytest.raises(sb.InputError, match="not aligned.* would have to be copied"):
        sb.Moments.from_prices(table, copy=False)
