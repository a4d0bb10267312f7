"""Portfolios from mean and covariance: exact optima, efficient frontiers and Monte Carlo, by the kernel of the live
optimiser. The same moments and seed give the same bits as in the program, on any machine, in any number of parts.

>>> import silverbullet as sb
>>> moments = sb.Moments([0.02, 0.01], [[0.04, 0.0], [0.0, 0.01]], ["BTC", "ETH"])
>>> round(sb.min_variance(moments).by_asset["BTC"], 12)
0.2
"""

from ._client import Connection, connect
from ._constraints import Constraints
from ._errors import (
    AccessDeniedError,
    CassandraError,
    ConnectionFailedError,
    InfeasibleError,
    InputError,
    KernelMismatchError,
    MissingDependencyError,
    QueryError,
    SilverBulletError,
    TablesError,
)
from ._kernel import KERNEL_VERSION as _KERNEL_VERSION
from ._kernel import VERSION as __version__
from ._moments import Moments
from ._optimise import efficient_frontier, max_sharpe, min_variance, monte_carlo, optimize
from ._portfolio import Frontier, Portfolio
from ._sketch import BLOCK, MonteCarlo, Sketch, partitions

__all__ = [
    "BLOCK",
    "AccessDeniedError",
    "CassandraError",
    "Connection",
    "ConnectionFailedError",
    "Constraints",
    "Frontier",
    "InfeasibleError",
    "InputError",
    "KernelMismatchError",
    "MissingDependencyError",
    "Moments",
    "MonteCarlo",
    "Portfolio",
    "QueryError",
    "SilverBulletError",
    "Sketch",
    "TablesError",
    "__version__",
    "connect",
    "efficient_frontier",
    "kernel_version",
    "max_sharpe",
    "min_variance",
    "monte_carlo",
    "optimize",
    "partitions",
]


def kernel_version() -> str:
    """The version of the package with a digest of the kernel's sources. Two processes in which it is the same compute
    the same bits."""
    return _KERNEL_VERSION
