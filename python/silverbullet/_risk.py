"""Risk of series of returns, over scenarios and along bootstrapped paths; and portfolios that optimise nothing.

A loss is a positive number. The path of a portfolio that is rebalanced to its weights at each bar is the running sum of
its simple returns, not compounded, so that its drawdown is convex in the weights (Chekhlov, Uryasev & Zabarankin 2005).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from . import _kernel
from ._inputs import Array, columns
from ._moments import moments_of
from ._portfolio import Portfolio


def value_at_risk(returns: Any, level: float = 0.95) -> float:
    """The least loss that is not exceeded in a share of `level` of the returns; negative where that is a gain."""
    return _kernel.value_at_risk(_series(returns), level)


def conditional_value_at_risk(returns: Any, level: float = 0.95) -> float:
    """The mean of the worst 1 − `level` of the losses, a scenario across the boundary counted in part (Rockafellar &
    Uryasev 2002)."""
    return _kernel.conditional_value_at_risk(_series(returns), level)


def max_drawdown(returns: Any) -> float:
    """The largest fall of the running sum of the returns from its highest point before, the start included."""
    return _kernel.max_drawdown(_series(returns))


def semivariance(returns: Any, threshold: float = 0.0) -> float:
    """Mean square of what falls short of `threshold`, over all returns (Markowitz 1959)."""
    return _kernel.semivariance(_series(returns), float(threshold))


def simple_returns(prices: Any) -> Array:
    """Simple returns p_t / p_(t−1) − 1 of closes, bars by assets: one row less than there are closes."""
    found = columns("prices", prices, None, None)
    return _kernel.simple_returns(found.arrays, list(found.assets))


def portfolio_returns(returns: Any, weights: Any) -> Array:
    """The simple return, in each bar, of a portfolio that is rebalanced to `weights` at each."""
    return _kernel.portfolio_returns(_matrix(returns), _series(weights))


class Paths:
    """Paths of returns bootstrapped from history. Path p of a seed is the same wherever it is drawn, and depends on no
    other one."""

    def __init__(self, prices: Any, *, bootstrap: str = "plain") -> None:
        """
        :param prices: closes of bars, as `Moments.from_prices` takes them
        :param bootstrap: ``plain`` (bar by bar), ``block:LENGTH`` (circular blocks) or ``stationary:MEAN-LENGTH``
        """
        found = columns("prices", prices, None, None)
        self.assets = found.assets
        names = list(self.assets)
        self._native = _kernel.Paths(_kernel.simple_returns(found.arrays, names), names, bootstrap)

    def path(self, number: int, bars: int, *, seed: int = 0) -> Array:
        """The simple returns of a path, bars by assets."""
        return self._native.path(seed, number, bars)

    def outcomes(self, portfolios: Any, first: int, paths: int, bars: int, *, seed: int = 0) -> tuple[Array, Array]:
        """What portfolios come to along so many paths, from number `first` on: sum of the returns and largest drawdown,
        two arrays of paths by portfolios.

        :param portfolios: one row of weights a portfolio
        """
        return self._native.outcomes(_matrix(portfolios), seed, first, paths, bars)


def baseline(
    name: Literal["equal-weight", "inverse-volatility", "hierarchical-risk-parity"], mean: Any, covariance: Any = None
) -> Portfolio:
    """A portfolio that optimises nothing, to hold others against; bounds do not count.

    :param mean: `Moments`, or mean returns per bar
    """
    moments = moments_of(mean, covariance)
    return Portfolio(assets=moments.assets, **_kernel.baseline(moments._problem(None, None, 0.0), name))


def _series(values: Any) -> Array:
    return np.ascontiguousarray(values, dtype=np.float64)


def _matrix(values: Any) -> Array:
    return np.atleast_2d(np.ascontiguousarray(values, dtype=np.float64))
