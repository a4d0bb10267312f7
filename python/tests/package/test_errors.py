"""What is wrong is said: which argument, what was found, what would be right, by the asset's name."""

import re
from datetime import datetime

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
import silverbullet as sb

PRICES = pandas.DataFrame({"BTC": [100.0, 101, 99, 103], "ETH": [10.0, 11, 10, 12]})
TIMES = pandas.date_range("2024-01-01", periods=4)
MEAN, COVARIANCE = [0.01, 0.02], [[0.04, 0.01], [0.01, 0.09]]


def changed(row: int, value: object) -> pandas.DataFrame:
    frame = PRICES.astype(object)
    frame.iloc[row, 1] = value
    return frame.astype(float)


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        (changed(2, np.nan), "prices: NaN of ETH in row 2 is not a positive finite number; fill or drop such rows first"),
        (changed(1, -1), "prices: -1 of ETH in row 1 is not a positive finite number"),
        (changed(3, 0), "prices: 0 of ETH in row 3"),
        (changed(3, np.inf), "prices: inf of ETH in row 3"),
        (polars.DataFrame({"BTC": [1.0, None, 2.0]}), "prices: BTC has no value in row 1; fill or drop such rows first"),
        (polars.LazyFrame({"BTC": [1.0]}), "prices: a polars LazyFrame has no rows yet; call .collect() on it first"),
        (PRICES.assign(venue="x"), "prices: column 'venue' holds"),
        (pa.table({"BTC": [1.0, 2.0], "venue": ["a", "b"]}), "prices: column 'venue' holds string; a table has one column of numbers an asset"),
        (pa.table({"BTC": [1.0, 2.0], "up": [True, False]}), "prices: column 'up' holds bool"),
        (PRICES[:2], "returns: at least 2 are needed (3 prices), got 1; take a longer history"),
        (PRICES[:0], "returns: at least 2 are needed (3 prices), got 0"),
        (np.ones(5), "prices: an array of 1 dimensions; it needs 2, one row a bar and one column an asset"),
        (np.array([["a", "b"]]), "prices: the array holds <U1, not numbers"),
        ({"BTC": [1.0, 2, 3], "ETH": [1.0, 2]}, "BTC has 3 rows but ETH has 2; every asset needs as many"),
        (pandas.DataFrame(np.ones((4, 2)), columns=["A", "A"]), "prices: asset 'A' is there twice"),
        (pandas.DataFrame(index=range(4)), "prices: there is no column of an asset"),
        (PRICES.set_index(TIMES[::-1]), "prices: the index goes back in time; call .sort_index() first"),
        (PRICES.assign(at=TIMES[::-1]), "prices: column 'at' goes back in time"),
        (polars.DataFrame({"at": [datetime(2024, 1, 2), datetime(2024, 1, 1)], "BTC": [1.0, 2.0]}), "prices: column 'at' goes back in time"),
        ("prices.csv", "prices: an array of 0 dimensions"),
        (None, "prices: an array of 0 dimensions"),
    ],
)
def test_prices(prices: object, says: str) -> None:
    with pytest.raises(sb.InputError, match=re.escape(says)) as raised:
        sb.Moments.from_prices(prices)
    assert isinstance(raised.value, ValueError) and isinstance(raised.value, sb.SilverBulletError)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"estimator": "magic"}, "`magic` is none of `sample`, `ledoit-wolf` and `exponential`"),
        ({"estimator": "exponential"}, "`exponential` is none of"),
        ({"estimator": "exponential", "half_life": 0}, "half-life: 0 bars is not allowed"),
        ({"window": 1}, "window: 1 returns are not enough"),
        ({"window": 9}, "window: 9 returns take 10 rows of prices, there are 4"),
        ({"assets": ["BTC"]}, "assets: 1 names for 2 assets"),
        ({"assets": ["BTC", "BTC"]}, "asset 'BTC' is there twice"),
    ],
)
def test_how_moments_are_estimated(options: dict, says: str) -> None:
    with pytest.raises(sb.InputError, match=re.escape(says)):
        sb.Moments.from_prices(PRICES, **options)


@pytest.mark.parametrize(
    ("mean", "covariance", "says"),
    [
        (MEAN, None, "covariance: it is missing; pass mean and covariance, or a silverbullet.Moments"),
        (MEAN, [[1.0]], "covariance: 1 × 1 entries for 2 assets; it must have 2 × 2"),
        ([], np.ones((0, 0)), "mean: at least one is needed"),
        ([0.01, np.nan], COVARIANCE, "mean: NaN of asset1 is not a finite number"),
        (pandas.Series([0.01, np.inf], ["A", "B"]), COVARIANCE, "mean: inf of B is not a finite number"),
        (MEAN, [[1, np.nan], [np.nan, 1]], "covariance: NaN of asset0 and asset1 is not a finite number"),
        (MEAN, [[1, 0.5], [0.4, 1]], "covariance: that of asset0 and asset1 is 5e-1 but that of asset1 and asset0 is 4e-1"),
        (MEAN, [[1, 2], [2, 1]], "it must be positive semi-definite; estimate it from one common window"),
        (["x", "y"], COVARIANCE, "mean: list is not an array of numbers"),
        ([[0.01, 0.02]], COVARIANCE, "mean: an array of 2 dimensions; it needs 1"),
        (MEAN, [1.0, 2.0], "covariance: an array of 1 dimensions; it needs 2"),
    ],
)
def test_means_and_covariances(mean: object, covariance: object, says: str) -> None:
    with pytest.raises(sb.InputError, match=re.escape(says)):
        sb.min_variance(mean, covariance)


M = sb.Moments(MEAN, COVARIANCE, ["BTC", "ETH"])


@pytest.mark.parametrize(
    ("question", "kind", "says"),
    [
        (lambda: sb.max_sharpe(M, COVARIANCE), sb.InputError, "covariance: the moments have one already"),
        (lambda: sb.max_sharpe(M, upper=0.4), sb.InfeasibleError, "the upper bounds sum to 0.8, so no weights within them sum to 1"),
        (lambda: sb.max_sharpe(M, upper={"SOL": 1}), sb.InputError, "upper: no asset is called 'SOL'; there are BTC, ETH"),
        (lambda: sb.max_sharpe(M, upper=[1.0]), sb.InputError, "upper: 1 numbers for 2 assets"),
        (lambda: sb.max_sharpe(M, lower={"ETH": 0.5}, upper={"ETH": 0.1}), sb.InputError, "bounds of ETH: lower 0.5 is above upper 0.1"),
        (lambda: sb.max_sharpe(M, groups={"g": (["BTC"], 0, 0.3), "h": (["ETH"], 0, 0.3)}), sb.InfeasibleError, 'raise the upper limit of group "g"'),
        (lambda: sb.max_sharpe(M, groups={"g": (["SOL"], 0, 1)}), sb.InputError, "groups: 'g' has 'SOL', but there are BTC, ETH"),
        (lambda: sb.max_sharpe(M, groups={"g": ["BTC"]}), sb.InputError, "groups: 'g' must be (assets, least, largest)"),
        (lambda: sb.max_sharpe(M, turnover_limit=0.1), sb.InputError, "holdings: turnover_limit and fee are counted from them"),
        (lambda: sb.max_sharpe(M, holding_bars=5), sb.InputError, "holding_bars: there is no fee to spread"),
        (lambda: sb.max_sharpe(M, limit=1), TypeError, "'limit' is no keyword of this; constraints are lower, upper"),
        (lambda: sb.optimize("best", M), sb.InputError, 'unknown objective "best"; expected one of max-sharpe'),
        (lambda: sb.optimize("utility", M), sb.InputError, "risk_aversion: utility needs it"),
        (lambda: sb.optimize("min-cvar", M), sb.InputError, "returns: min-cvar needs it"),
        (lambda: sb.optimize("min-cvar", M, returns=np.ones((3, 3))), sb.InputError, "returns: 3 columns for 2 assets"),
        (lambda: sb.optimize("target-return", M, target_return=1), sb.InfeasibleError, "lower the target return to"),
        (lambda: sb.optimize("max-sharpe", M, method="guess"), sb.InputError, "method: 'guess' is not one"),
        (lambda: sb.monte_carlo(M, samples=0), sb.InputError, "samples: 0 is not allowed; at least 1"),
        (lambda: sb.monte_carlo(M, samples=1.5), sb.InputError, "samples: 1.5 is not a whole number"),
        (lambda: sb.monte_carlo(M, seed=-1), sb.InputError, "seed: -1 is not allowed"),
        (lambda: sb.monte_carlo(M, threads=0), sb.InputError, "threads: 0 is not allowed"),
        (lambda: sb.monte_carlo(M, time_budget=-1), sb.InputError, "time_budget: -1 is not allowed"),
        (lambda: sb.monte_carlo(M, samples=9, time_budget=1), sb.InputError, "time_budget: samples says already how long to search"),
        (lambda: sb.monte_carlo(M, time_budget=1, refine=False), sb.InputError, "refine: a search within a budget refines"),
        (lambda: sb.monte_carlo(M, sampler="sobol"), sb.InputError, "expected auto, uniform or face-edge-vertex"),
        (lambda: sb.monte_carlo(M, portfolios=9, max_assets=1), sb.InputError, "portfolios: constraints beyond bounds are searched in one go"),
        (lambda: sb.monte_carlo(M).portfolio("utility"), sb.InputError, "objective: 'utility' was not searched for"),
        (lambda: sb.partitions(0, 1), sb.InputError, "partitions: 0 portfolios in 1 parts is not allowed"),
        (lambda: sb.Sketch.merge_all([]), sb.InputError, "sketches: there is none"),
        (lambda: sb.Moments(MEAN, COVARIANCE, observations=0), sb.InputError, "observations: 0 is not allowed"),
    ],
)
def test_questions(question, kind: type, says: str) -> None:
    with pytest.raises(kind, match=re.escape(says)) as raised:
        question()
    assert kind is not sb.InputError or type(raised.value) is kind
