"""The package answers what the crates answer, bit for bit, in whatever parts a run is drawn."""

import functools
import random

import numpy as np
import pandas
import pytest
import silverbullet as sb

#: Not a whole number of blocks.
PORTFOLIOS = 66 * sb.BLOCK - 1000


def assert_same_portfolio(found: sb.Portfolio, expected: dict) -> None:
    """As the crates printed it."""
    for name in ("objective", "label", "mean", "risk", "sharpe"):
        assert getattr(found, name) == expected[name], name
    assert found.weights.tolist() == expected["weights"]


def assert_same_points(found: sb.Frontier, expected: list) -> None:
    """As the crates printed them."""
    assert [[risk, mean, weights.tolist()] for risk, mean, weights in found] == expected


@pytest.mark.parametrize("number", range(3))
def test_moments_and_answers_are_those_of_the_crates(prices: pandas.DataFrame, crates: dict, number: int) -> None:
    expected, rate = crates["answers"][number], crates["risk_free"]
    name, _, half_life = expected["estimator"].partition(":")
    moments = sb.Moments.from_prices(prices, estimator=name, half_life=float(half_life) if half_life else None)
    assert moments.estimator == expected["estimator"]
    assert moments.observations == expected["observations"] == 399
    assert moments.mean.tolist() == expected["mean"]
    assert moments.covariance.reshape(-1).tolist() == expected["covariance"]
    assert moments.condition_number == expected["condition_number"]
    assert_same_portfolio(sb.max_sharpe(moments, risk_free=rate), expected["exact"][0])
    # With a rate its Sharpe ratio is another; the package's takes none.
    least = sb.min_variance(moments)
    assert least.weights.tolist() == expected["exact"][1]["weights"] and least.risk == expected["exact"][1]["risk"]
    assert_same_points(sb.efficient_frontier(moments), expected["corners"])
    assert_same_points(sb.efficient_frontier(moments, points=20, lower=0.02, upper=0.4), expected["twenty"])
    assert len(expected["searches"]) == 6
    for search in expected["searches"]:
        bounds = {"lower": 0.02, "upper": 0.4} if search["capped"] else {}
        found = sb.monte_carlo(
            moments, samples=crates["samples"], seed=crates["seed"], sampler=search["sampler"], risk_free=rate, **bounds
        )
        assert found.samples == crates["samples"]
        assert len(found.portfolios) == len(search["portfolios"]) == 2
        for one, other in zip(found.portfolios, search["portfolios"], strict=True):
            assert_same_portfolio(one, other)
        assert_same_points(found.frontier, search["frontier"])


@pytest.fixture(scope="module")
def whole(moments: sb.Moments) -> sb.Sketch:
    """A run drawn in one go."""
    return sb.monte_carlo(moments, portfolios=PORTFOLIOS, seed=7)


@pytest.mark.parametrize("parts", [1, 2, 8, 64])
def test_partitions_merge_to_the_same_bits_in_any_order(moments: sb.Moments, whole: sb.Sketch, parts: int) -> None:
    cut = sb.partitions(PORTFOLIOS, parts)
    assert len(cut) == parts and sum(count for _, count in cut) == PORTFOLIOS
    random.Random(parts).shuffle(cut)
    sketches = [sb.monte_carlo(moments, portfolios=count, seed=7, first=first) for first, count in cut]
    merged = functools.reduce(sb.Sketch.merge, sketches)
    assert merged.to_bytes() == whole.to_bytes()
    assert merged.ranges == [(0, PORTFOLIOS)] and merged.portfolios == PORTFOLIOS
    # Grouped otherwise.
    middle = len(sketches) // 2
    halves = [part for part in (sketches[:middle], sketches[middle:]) if part]
    assert sb.Sketch.merge_all(map(sb.Sketch.merge_all, halves)) == whole
    assert merged.finish() == sb.monte_carlo(moments, samples=PORTFOLIOS, seed=7)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(moments: sb.Moments, whole: sb.Sketch, threads: int) -> None:
    assert sb.monte_carlo(moments, portfolios=PORTFOLIOS, seed=7, threads=threads) == whole


def test_another_seed_stream_or_sampler_is_another_run(moments: sb.Moments) -> None:
    runs = [{}, {"seed": 1}, {"stream": 1}, {"sampler": "uniform"}, {"risk_free": 1e-4}, {"upper": 0.5}]
    sketches = [sb.monte_carlo(moments, portfolios=sb.BLOCK, **run) for run in runs]
    assert len({sketch.to_bytes() for sketch in sketches}) == len(runs)
    for other, what in zip(sketches[1:], ["seed", "stream", "sampler", "moments, bounds", "moments, bounds"], strict=True):
        with pytest.raises(sb.InputError, match=rf"different runs, in {what}"):
            sketches[0].merge(other)
    renamed = sb.Moments(moments.mean, moments.covariance, "ABCDE", observations=399, shrunk=moments.shrunk)
    with pytest.raises(sb.InputError, match="different runs, in assets"):
        sketches[0].merge(sb.monte_carlo(renamed, portfolios=sb.BLOCK, first=sb.BLOCK))


def test_a_part_counts_once(moments: sb.Moments) -> None:
    parts = [sb.monte_carlo(moments, portfolios=2 * sb.BLOCK, first=first * sb.BLOCK) for first in (0, 1, 2)]
    with pytest.raises(sb.InputError, match="portfolios 65536 to 131071 are in both; merge each part of a run once"):
        parts[0].merge(parts[1])
    with pytest.raises(sb.InputError, match="portfolios 0 to 131071 are in both"):
        parts[0].merge(parts[0])
    assert parts[0].merge(parts[2]).ranges == [(0, 4 * sb.BLOCK)]


def test_a_part_begins_where_a_block_does(moments: sb.Moments) -> None:
    with pytest.raises(sb.InputError, match=r"first: portfolio 1000 does not begin a block of 65536; take 0 or 65536"):
        sb.monte_carlo(moments, portfolios=10, first=1000)


def test_the_larger_sample_begins_with_the_smaller(moments: sb.Moments) -> None:
    raw = [sb.monte_carlo(moments, samples=count, refine=False).best.sharpe for count in (100, 10_000, 1_000_000)]
    assert raw == sorted(raw) and raw[0] < raw[2]


def test_what_a_run_finds_is_near_the_optimum_and_never_better(moments: sb.Moments) -> None:
    found = sb.monte_carlo(moments, samples=20_000)
    for portfolio in found.portfolios:
        assert portfolio.method == "monte-carlo" and 0 <= portfolio.gap < 1e-6
    assert found.best.objective == "max-sharpe" and found.portfolio("min-variance").risk <= found.best.risk
    exact = sb.max_sharpe(moments)
    assert found.best.sharpe <= exact.sharpe * (1 + 1e-12) and np.allclose(found.best.weights, exact.weights, atol=1e-3)
