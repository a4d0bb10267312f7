"""The questions: Monte Carlo, the exact optima and the exact frontier. Everything is per bar."""

from __future__ import annotations

from typing import Any, Literal, overload

from ._errors import InputError
from ._moments import Moments, moments_of
from ._portfolio import Frontier, Portfolio
from ._sketch import BLOCK, MonteCarlo, Sketch

Sampler = Literal["auto", "uniform", "face-edge-vertex"]


@overload
def monte_carlo(
    mean: Any,
    covariance: Any = None,
    samples: int | None = None,
    *,
    seed: int = 0,
    sampler: Sampler = "auto",
    refine: bool = True,
    threads: int | None = None,
    risk_free: float = 0.0,
    lower: Any = None,
    upper: Any = None,
    stream: int = 0,
) -> MonteCarlo: ...
@overload
def monte_carlo(
    mean: Any,
    covariance: Any = None,
    *,
    portfolios: int,
    first: int = 0,
    seed: int = 0,
    sampler: Sampler = "auto",
    threads: int | None = None,
    risk_free: float = 0.0,
    lower: Any = None,
    upper: Any = None,
    stream: int = 0,
) -> Sketch: ...
def monte_carlo(
    mean: Any,
    covariance: Any = None,
    samples: int | None = None,
    seed: int = 0,
    sampler: Sampler = "auto",
    refine: bool = True,
    threads: int | None = None,
    risk_free: float = 0.0,
    *,
    portfolios: int | None = None,
    first: int | None = None,
    lower: Any = None,
    upper: Any = None,
    stream: int = 0,
) -> MonteCarlo | Sketch:
    """Draws portfolios and keeps the best."""
    moments = moments_of(mean, covariance)
    problem = moments.problem(lower, upper, risk_free)
    if portfolios is None:
        count = BLOCK if samples is None else samples
        return Sketch(problem.sample(count, 0, seed, stream, sampler, threads)).finish(refine)
    return Sketch(problem.sample(portfolios, first or 0, seed, stream, sampler, threads))


def efficient_frontier(
    mean: Any, covariance: Any = None, points: int | None = None, *, lower: Any = None, upper: Any = None
) -> Frontier:
    """The exact efficient frontier, from the least risk to the largest mean."""
    moments = moments_of(mean, covariance)
    return Frontier(assets=moments.assets, **moments.problem(lower, upper, 0.0).frontier(points))


def max_sharpe(
    mean: Any, covariance: Any = None, risk_free: float = 0.0, *, lower: Any = None, upper: Any = None
) -> Portfolio:
    """The exact portfolio with the largest Sharpe ratio."""
    moments = moments_of(mean, covariance)
    return Portfolio(assets=moments.assets, **moments.problem(lower, upper, risk_free).solve("max-sharpe"))


def min_variance(mean: Any, covariance: Any = None, *, lower: Any = None, upper: Any = None) -> Portfolio:
    """The exact portfolio with the least risk."""
    moments = moments_of(mean, covariance)
    return Portfolio(assets=moments.assets, **moments.problem(lower, upper, 0.0).solve("min-variance"))
