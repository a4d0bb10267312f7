"""What others answer to the same questions, each called as its documentation says.

Every function takes an `Input` and returns a value to compare with ours: the Sharpe ratio, the risk, the number of
corner portfolios. Building the solver is part of the time, as it is for ours; estimating the moments is not, except
where a library (skfolio) only takes returns.
"""

import warnings
from dataclasses import dataclass

import clarabel
import numpy as np
import pandas as pd
import scipy.sparse as sparse
from pypfopt import CLA, EfficientFrontier
from skfolio import RiskMeasure
from skfolio.optimization import MeanRisk, ObjectiveFunction

warnings.filterwarnings("ignore")

# Portfolios in one of NumPy's reused blocks.
BLOCK = 1 << 14
POINTS = 50


@dataclass(frozen=True)
class Input:
    """Returns (bars by assets), their mean, and their covariance with divisor bars - 1."""

    returns: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    @property
    def assets(self) -> int:
        return len(self.mean)

    def sharpe(self, weights: np.ndarray) -> float:
        return float(weights @ self.mean / self.risk(weights))

    def risk(self, weights: np.ndarray) -> float:
        return float(np.sqrt(weights @ self.covariance @ weights))


class NumpyDraw:
    """Draws and evaluates in single precision, in blocks that are used again; the faster of two ways to sum up."""

    blocks = 8

    def __init__(self, data: Input, einsum: bool) -> None:
        self.random = np.random.Generator(np.random.SFC64(1))
        self.mean = data.mean.astype(np.float32)
        self.covariance = np.ascontiguousarray(data.covariance, np.float32)
        self.drawn = np.empty((BLOCK, data.assets), np.float32)
        self.product = np.empty_like(self.drawn)
        self.ones = np.ones(data.assets, np.float32)
        self.einsum = einsum

    def __call__(self) -> float:
        best = -np.inf
        x, y = self.drawn, self.product
        for _ in range(self.blocks):
            self.random.standard_exponential(dtype=np.float32, out=x)
            np.matmul(x, self.covariance, out=y)
            if self.einsum:
                variance = np.einsum("ij,ij->i", y, x)
            else:
                variance = np.multiply(y, x, out=y).sum(1)
            # Cheaper than dividing every weight by the sum of its row.
            total = x @ self.ones
            mean = x @ self.mean / total
            risk = np.sqrt(variance) / total
            best = max(best, float((mean / risk).max()))
        return best

    @property
    def portfolios(self) -> int:
        return self.blocks * BLOCK


def clarabel_max_sharpe(data: Input) -> float:
    """min yᵀΣy over y ≥ 0, μ·y = 1; the weights are y over its sum. Units as ours: variances near one."""
    return data.sharpe(_clarabel(data, data.mean / np.abs(data.mean).max()))


def clarabel_min_variance(data: Input) -> float:
    """min wᵀΣw over w ≥ 0, Σw = 1."""
    return data.risk(_clarabel(data, np.ones(data.assets)))


def _clarabel(data: Input, row: np.ndarray) -> np.ndarray:
    n = data.assets
    quadratic = sparse.csc_matrix(np.triu(data.covariance / data.covariance.diagonal().max()))
    constraints = sparse.vstack([sparse.csc_matrix(row), -sparse.identity(n, format="csc")], format="csc")
    right = np.concatenate([[1.0], np.zeros(n)])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(n)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    answer = clarabel.DefaultSolver(quadratic, np.zeros(n), constraints, right, cones, settings).solve()
    y = np.maximum(np.array(answer.x), 0.0)
    return y / y.sum()


def pypfopt_max_sharpe(data: Input) -> float:
    return data.sharpe(_weights(EfficientFrontier(data.mean, data.covariance).max_sharpe(risk_free_rate=0.0)))


def pypfopt_min_variance(data: Input) -> float:
    return data.risk(_weights(EfficientFrontier(data.mean, data.covariance).min_volatility()))


def pypfopt_critical_line(data: Input) -> float:
    line = CLA(data.mean, data.covariance)
    line.max_sharpe()
    return float(len(line.w))


def _weights(named: dict) -> np.ndarray:
    return np.array(list(named.values()))


def skfolio_max_sharpe(data: Input) -> float:
    model = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.VARIANCE)
    return data.sharpe(model.fit(pd.DataFrame(data.returns)).weights_)


def skfolio_min_variance(data: Input) -> float:
    return data.risk(MeanRisk(risk_measure=RiskMeasure.VARIANCE).fit(pd.DataFrame(data.returns)).weights_)


def skfolio_resample(data: Input, bootstraps: int) -> float:
    """One frontier of 50 points for each bootstrap of the bars; the weights averaged at each rank."""
    random = np.random.default_rng(7)
    bars = len(data.returns)
    total = np.zeros((POINTS, data.assets))
    for _ in range(bootstraps):
        sample = pd.DataFrame(data.returns[random.integers(0, bars, bars)])
        total += MeanRisk(risk_measure=RiskMeasure.VARIANCE, efficient_frontier_size=POINTS).fit(sample).weights_
    return max(data.sharpe(weights) for weights in total / bootstraps)


def pypfopt_resample(data: Input, bootstraps: int) -> float:
    """The same with PyPortfolioOpt: a target return for each point, the solver's set-up kept for all 50."""
    random = np.random.default_rng(7)
    bars = len(data.returns)
    total = np.zeros((POINTS, data.assets))
    for _ in range(bootstraps):
        sample = data.returns[random.integers(0, bars, bars)]
        mean, covariance = sample.mean(0), np.cov(sample.T)
        least = _weights(EfficientFrontier(mean, covariance).min_volatility()) @ mean
        # Its default solver gives up at some of the points.
        frontier = EfficientFrontier(mean, covariance, solver="CLARABEL")
        # The library refuses the largest mean itself: its solver finds that to a few digits only.
        most = least + (mean.max() - least) * (1 - 1e-4)
        for rank, target in enumerate(np.linspace(least, most, POINTS)):
            total[rank] += _weights(frontier.efficient_return(target))
    return max(data.sharpe(weights) for weights in total / bootstraps)
