"""The native module: numbers as numpy arrays of doubles, per bar. See the package's own modules for what they mean."""

from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]

BLOCK: int
KERNEL_VERSION: str
VERSION: str

class _Portfolio(TypedDict):
    objective: str
    method: str
    label: str
    mean: float
    risk: float
    sharpe: float | None
    gap: float | None
    weights: _Array

class _Frontier(TypedDict):
    label: str
    risk: _Array
    mean: _Array
    weights: _Array

class _Moments(TypedDict):
    mean: _Array
    covariance: _Array
    shrunk: _Array
    observations: int
    estimator: str
    intensity: float | None

class _Finished(TypedDict):
    portfolios: list[_Portfolio]
    frontier: _Frontier
    samples: int

def estimate(columns: list[_Array], assets: list[str], estimator: str, are_prices: bool) -> _Moments: ...

class Problem:
    def __new__(
        cls,
        mean: _Array,
        covariance: _Array,
        assets: list[str],
        *,
        shrunk: _Array | None = None,
        observations: int | None = None,
        lower: _Array | None = None,
        upper: _Array | None = None,
        risk_free: float = 0.0,
    ) -> Problem: ...
    def condition_number(self) -> float | None: ...
    def solve(self, objective: Literal["max-sharpe", "min-variance"]) -> _Portfolio: ...
    def frontier(self, points: int | None = None) -> _Frontier: ...
    def sample(
        self, portfolios: int, first: int, seed: int, stream: int, sampler: str, threads: int | None
    ) -> Sketch: ...

class Sketch:
    @property
    def portfolios(self) -> int: ...
    @property
    def ranges(self) -> list[tuple[int, int]]: ...
    @property
    def assets(self) -> list[str]: ...
    @property
    def seed(self) -> int: ...
    @property
    def stream(self) -> int: ...
    @property
    def sampler(self) -> str: ...
    def merge(self, other: Sketch) -> Sketch: ...
    def finish(self, refine: bool) -> _Finished: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(bytes: bytes) -> Sketch: ...
    def __eq__(self, other: object) -> bool: ...
