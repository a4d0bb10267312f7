"""The job `resampled_frontier.py` on a real cluster: bands with the bits of one process, and what they mean."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import silverbullet as sb
from engine import FIRST, Engine, running_engine
from jobs import closes
from pyspark.sql import SparkSession
from silverbullet.jobs.resampled_frontier import Settings, resample
from silverbullet.jobs.spread import Pinned
from silverbullet.spark import OptionError
from silverbullet.spark.engine import Address

ASSETS = ["XRP", "BTC", "ETH", "SOL"]
BARS, WINDOW = 70, 60
SETTINGS = Settings(bootstraps=150, bootstrap="stationary:7", points=12, shrinkage=None, seed=5)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a full window."""
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS, WINDOW) as one:
        yield one


@pytest.fixture(scope="module")
def prices(engine: Engine) -> np.ndarray:
    """The window's closes."""
    return closes(engine, ASSETS, FIRST + BARS, WINDOW + 1)


@pytest.fixture(scope="module")
def wanted(prices: np.ndarray) -> sb.ResampledFrontier:
    """The same bootstraps in one process, without Spark, shrunk as Ledoit and Wolf's estimator shrinks the window."""
    table = dict(zip(ASSETS, prices.T, strict=True))
    intensity = sb.Moments.from_prices(table, estimator="ledoit-wolf").intensity
    assert intensity is not None and 0.0 < intensity < 1.0
    options = {"bootstrap": "stationary:7", "points": 12, "shrinkage": intensity, "seed": 5}
    return sb.resampled_frontier(table, bootstraps=150, **options)


@pytest.mark.parametrize("tasks", [1, 2, 8, 64])
def test_any_number_of_tasks_gives_the_bits_of_one_process(
    spark: SparkSession, engine: Engine, wanted: sb.ResampledFrontier, tasks: int
) -> None:
    found = resample(spark, Pinned.newest(Address(engine.url)), SETTINGS, tasks)
    assert found.found == wanted
    assert len(found.done.results) == tasks


def test_points_are_worth_what_numpy_says(prices: np.ndarray, wanted: sb.ResampledFrontier) -> None:
    returns = prices[1:] / prices[:-1] - 1.0
    intensity = sb.Moments.from_prices(prices, estimator="ledoit-wolf").intensity
    sample = np.cov(returns.T)
    covariance = (1.0 - intensity) * sample + intensity * np.trace(sample) / len(ASSETS) * np.eye(len(ASSETS))
    np.testing.assert_allclose(wanted.weights.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(wanted.mean, wanted.weights @ returns.mean(axis=0), rtol=1e-9)
    risks = np.sqrt(np.einsum("pi,ij,pj->p", wanted.weights, covariance, wanted.weights))
    np.testing.assert_allclose(wanted.risk, risks, rtol=1e-9)
    assert (wanted.mean_low <= wanted.mean).all() and (wanted.mean <= wanted.mean_high).all()
    assert (wanted.mean_low < wanted.mean_high).all()


def test_the_last_rank_is_the_asset_that_a_bootstrap_by_numpy_finds_best(
    spark: SparkSession, engine: Engine, prices: np.ndarray
) -> None:
    """At the largest mean all is in one asset: its average weight is how often it has the largest mean."""
    count = 4_000
    settings = replace(SETTINGS, bootstraps=count, bootstrap="plain", points=2)
    found = resample(spark, Pinned.newest(Address(engine.url)), settings, 3).found
    returns = prices[1:] / prices[:-1] - 1.0
    drawn = np.random.default_rng(1).integers(0, WINDOW, (count, WINDOW))
    best = returns[drawn].mean(axis=1).argmax(axis=1)
    often = np.bincount(best, minlength=len(ASSETS)) / count
    assert 0.0 < often.max() < 1.0
    np.testing.assert_allclose(found.weights[-1], often, atol=4.0 * np.sqrt(2.0 * 0.25 / count))
    means = returns.mean(axis=0)[best]
    np.testing.assert_allclose([found.mean_low[-1], found.mean_high[-1]], np.quantile(means, [0.05, 0.95]), rtol=1e-9)


def test_what_cannot_be_resampled_is_told_before_anything_is_drawn(spark: SparkSession, engine: Engine) -> None:
    address = Address(engine.url)
    with pytest.raises(OptionError, match="weights its window exponentially.*--estimator sample"):
        resample(spark, Pinned.newest(address, estimator="exponential:30"), SETTINGS, 1)
    with pytest.raises(OptionError, match=r"GB for the driver, where 1g is allowed: take fewer --bootstraps"):
        resample(spark, Pinned.newest(address), replace(SETTINGS, bootstraps=10**7), 1)
    with pytest.raises(sb.InputError, match="it must be plain, block:LENGTH or stationary:MEAN-LENGTH"):
        resample(spark, Pinned.newest(address), replace(SETTINGS, bootstrap="blocks"), 1)
    pinned = replace(Pinned.newest(address), kernel="0.0.9+0123")
    with pytest.raises(Exception, match=r"(?s)the kernel of this executor is .*, the driver's is 0.0.9\+0123"):
        resample(spark, pinned, SETTINGS, 2)
