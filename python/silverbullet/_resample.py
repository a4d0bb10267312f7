"""The resampled frontier: how far the efficient frontier depends on the sample (Michaud, Efficient Asset Management,
1998).

Each of B bootstraps of a window has moments and a frontier of its own, with points equally spaced in mean. Points of
equal rank belong together: their average is the resampled portfolio, their 5th and 95th percentiles are its band. Means
and risks are under the moments of the whole window. Everything is per bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _kernel
from ._errors import InputError
from ._inputs import Array, columns, each
from ._portfolio import _ByBits


@dataclass(frozen=True, eq=False)
class ResampledFrontier(_ByBits):
    """One point a rank: the portfolios of the least risk first, those of the largest mean last."""

    #: ``ok``, or why the frontier of the window itself is that of another covariance.
    label: str
    #: Names, in the order of the weights' columns.
    assets: tuple[str, ...]
    #: Bootstraps that were averaged.
    bootstraps: int
    #: Those among them whose frontier was a stand-in, such as that of a shrunk covariance for a singular one.
    fallbacks: int
    #: Standard deviation and mean of the average portfolios.
    risk: Array
    mean: Array
    #: Bands of mean and risk of the portfolios of a rank.
    mean_low: Array
    mean_high: Array
    risk_low: Array
    risk_high: Array
    #: Average weights and their bands: one row a point, one column an asset.
    weights: Array
    weights_low: Array
    weights_high: Array

    def __len__(self) -> int:
        return len(self.risk)


class ResamplePart:
    """The frontiers of some of a run's bootstraps. Parts merge in any order and grouping to the same bits."""

    __slots__ = ("_native",)

    def __init__(self, native: _kernel.ResamplePart) -> None:
        self._native = native

    @property
    def bootstraps(self) -> int:
        """Bootstraps it holds."""
        return self._native.bootstraps

    def merge(self, other: ResamplePart) -> ResamplePart:
        """The bootstraps of both parts; neither is changed. Those that both hold count once.

        :raises InputError: parts of different runs
        """
        return self.merge_all([self, other])

    @staticmethod
    def merge_all(parts: Iterable[ResamplePart]) -> ResamplePart:
        """The bootstraps of any number of parts, at least one."""
        return ResamplePart(_kernel.ResamplePart.merge_all([part._native for part in parts]))

    def to_bytes(self) -> bytes:
        """Everything of it; the same bytes for the same bootstraps of the same run, however they were merged."""
        return self._native.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> ResamplePart:
        """What `to_bytes` made.

        :raises KernelMismatchError: it was drawn by another kernel
        :raises InputError: it is not a part, or damaged
        """
        return cls(_kernel.ResamplePart.from_bytes(data))

    def __reduce__(self) -> tuple[Any, ...]:
        return ResamplePart.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResamplePart) and self._native == other._native

    def __hash__(self) -> int:
        return hash(self.bootstraps)

    def __repr__(self) -> str:
        return f"ResamplePart(bootstraps={self.bootstraps})"


class Resampler:
    """A resampling run. Bootstrap b of a seed is the same wherever it is drawn."""

    def __init__(
        self,
        prices: Any = None,
        *,
        returns: Any = None,
        bootstrap: str = "plain",
        bootstraps: int = 1_000,
        points: int = 50,
        seed: int = 0,
        shrinkage: float = 0.0,
        lower: Any = None,
        upper: Any = None,
    ) -> None:
        """
        :param prices: closes of the window's bars, as `Moments.from_prices` takes them
        :param returns: instead: their simple returns
        :param bootstrap: ``plain`` (bar by bar), ``block:LENGTH`` (circular blocks) or ``stationary:MEAN-LENGTH``
        :param points: of each frontier
        :param shrinkage: intensity, from 0 to 1, with which every covariance is shrunk towards its scaled identity
        :param lower: see `Constraints`
        :param upper: see `Constraints`
        :raises InputError: an argument that nothing can be computed from
        """
        if (prices is None) == (returns is None):
            raise InputError("prices: pass either prices or returns")
        found = columns("prices", prices, None, None) if returns is None else columns("returns", returns, None, None)
        self.assets = found.assets
        if returns is None:
            matrix = _kernel.simple_returns(found.arrays, list(self.assets))
        else:
            matrix = np.column_stack(found.arrays)
        self._native = _kernel.Resampler(
            matrix,
            list(self.assets),
            bootstrap=bootstrap,
            bootstraps=bootstraps,
            points=points,
            seed=seed,
            shrinkage=float(shrinkage),
            lower=None if lower is None else each("lower", lower, self.assets, 0.0),
            upper=None if upper is None else each("upper", upper, self.assets, 1.0),
        )

    def part(self, first: int, bootstraps: int) -> ResamplePart:
        """Draws so many bootstraps of the run, from number `first` on."""
        return ResamplePart(self._native.part(first, bootstraps))

    def finish(self, part: ResamplePart) -> ResampledFrontier:
        """Averages and bands over the bootstraps of a part: of the whole run, once all parts are merged.

        :raises InputError: a part of another run, or without a bootstrap
        """
        return ResampledFrontier(assets=self.assets, **self._native.finish(part._native))


def resampled_frontier(prices: Any = None, *, bootstraps: int = 1_000, **options: Any) -> ResampledFrontier:
    """The resampled frontier of a window in one go; see `Resampler` for the options."""
    run = Resampler(prices, bootstraps=bootstraps, **options)
    return run.finish(run.part(0, bootstraps))
