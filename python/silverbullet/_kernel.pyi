"""The native module: numbers as numpy arrays of doubles, per bar. See the package's own modules for what they mean."""

from typing import TypedDict, final

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]

__all__ = ["BLOCK", "KERNEL_VERSION", "VERSION", "Problem", "Sketch", "estimate"]

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
