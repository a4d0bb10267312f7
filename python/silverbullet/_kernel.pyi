"""The native module: numbers as numpy arrays of doubles, per bar. See the package's own modules for what they mean."""

from typing import TypedDict, final

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]

__all__ = [
    "BLOCK",
    "KERNEL_VERSION",
    "VERSION",
    "ArrowBatch",
    "Cassandra",
    "CassandraRead",
    "CassandraWrite",
    "Paths",
    "Problem",
    "ResamplePart",
    "Resampler",
    "Sketch",
    "baseline",
    "cassandra_columns",
    "cassandra_keys",
    "cassandra_ranges",
    "cassandra_tables",
    "conditional_value_at_risk",
    "estimate",
    "max_drawdown",
    "portfolio_returns",
    "semivariance",
    "simple_returns",
    "value_at_risk",
]

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

class _Found(_Finished):
    evaluations: int
    certified: bool

class _Resampled(TypedDict):
    label: str
    bootstraps: int
    fallbacks: int
    risk: _Array
    mean: _Array
    mean_low: _Array
    mean_high: _Array
    risk_low: _Array
    risk_high: _Array
    weights: _Array
    weights_low: _Array
    weights_high: _Array

class _Aim(TypedDict):
    objective: str
    risk_aversion: float | None
    target_risk: float | None
    target_return: float | None
    cvar_level: float | None
    returns: _Array | None

class _Limits(TypedDict):
    gross_limit: float | None
    groups: list[tuple[str, list[int], float, float]]
    max_assets: int | None
    min_position: float | None
    holdings: list[float] | None
    turnover_limit: float | None
    fee: tuple[float, float] | None

class _Draw(TypedDict):
    seed: int
    stream: int
    sampler: str

def estimate(columns: list[_Array], assets: list[str], estimator: str, are_prices: bool) -> _Moments: ...
def simple_returns(columns: list[_Array], assets: list[str]) -> _Array: ...
def portfolio_returns(returns: _Array, weights: _Array) -> _Array: ...
def value_at_risk(returns: _Array, level: float) -> float: ...
def conditional_value_at_risk(returns: _Array, level: float) -> float: ...
def max_drawdown(returns: _Array) -> float: ...
def semivariance(returns: _Array, threshold: float) -> float: ...
def baseline(problem: Problem, name: str) -> _Portfolio: ...

@final
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
    def solve(self, aim: _Aim, limits: _Limits) -> _Portfolio | None: ...
    def search(self, aim: _Aim, limits: _Limits, samples: int, seed: int) -> _Portfolio: ...
    def frontier(self, points: int | None = None) -> _Frontier: ...
    def constrained_frontier(
        self, limits: _Limits, points: int, samples: int | None = None, seed: int = 0
    ) -> _Frontier: ...
    def search_within(self, seconds: float | None, evaluations: int, draw: _Draw) -> _Found: ...
    def sample(self, portfolios: int, first: int, draw: _Draw, threads: int | None) -> Sketch: ...

@final
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
    def __eq__(self, other: object, /) -> bool: ...

@final
class Resampler:
    def __new__(
        cls,
        returns: _Array,
        assets: list[str],
        *,
        bootstrap: str,
        bootstraps: int,
        points: int,
        seed: int,
        shrinkage: float = 0.0,
        lower: _Array | None = None,
        upper: _Array | None = None,
    ) -> Resampler: ...
    def part(self, first: int, bootstraps: int) -> ResamplePart: ...
    def finish(self, part: ResamplePart) -> _Resampled: ...

@final
class ResamplePart:
    @property
    def bootstraps(self) -> int: ...
    @staticmethod
    def merge_all(parts: list[ResamplePart]) -> ResamplePart: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(bytes: bytes) -> ResamplePart: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Paths:
    def __new__(cls, returns: _Array, assets: list[str], bootstrap: str) -> Paths: ...
    def path(self, seed: int, number: int, bars: int) -> _Array: ...
    def outcomes(
        self, portfolios: _Array, seed: int, first: int, paths: int, bars: int
    ) -> tuple[_Array, _Array]: ...

def cassandra_tables() -> list[str]: ...
def cassandra_columns(table: str) -> ArrowBatch: ...
def cassandra_keys(table: str) -> tuple[list[str], list[str]]: ...
def cassandra_ranges(count: int) -> list[tuple[int, int]]: ...

@final
class ArrowBatch:
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

@final
class CassandraWrite:
    def put(self, rows: object, *, whole: bool = False) -> None: ...
    def finish(self) -> dict[str, int]: ...

@final
class CassandraRead:
    def next(self) -> ArrowBatch | None: ...

@final
class Cassandra:
    def __new__(cls, settings: str) -> Cassandra: ...
    def init(self) -> list[str]: ...
    def check(self) -> None: ...
    def write(self, table: str) -> CassandraWrite: ...
    def read(
        self,
        table: str,
        scope: str,
        variant: str,
        *,
        first: int | None = None,
        last: int | None = None,
        limit: int | None = None,
        columns: list[str] | None = None,
    ) -> CassandraRead: ...
    def scan(
        self, table: str, ranges: list[tuple[int, int]], *, columns: list[str] | None = None
    ) -> CassandraRead: ...
    def newest(self, table: str, universe: str, variant: str | None = None) -> ArrowBatch: ...
    def variants(self, table: str, universe: str) -> list[str]: ...
    def parts(
        self,
        table: str,
        scope: str,
        variant: str,
        count: int,
        *,
        first: int | None = None,
        last: int | None = None,
    ) -> list[tuple[int | None, int | None]]: ...
