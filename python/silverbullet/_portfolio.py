"""Answers: a portfolio, and a frontier of them. Everything is per bar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ._errors import InputError
from ._inputs import Array

if TYPE_CHECKING:
    import pandas
    import polars

_WEIGHTS = pa.map_(pa.string(), pa.field("value", pa.float64(), nullable=False))


def same(left: object, right: object) -> bool:
    """Whether two values, arrays or not, have the same bits."""
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return left.shape == right.shape and left.tobytes() == right.tobytes()
    return bool(left == right)


class _ByBits:
    """Equality field by field, of arrays by their bits."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(same(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))  # type: ignore[arg-type]

    def __hash__(self) -> int:
        return hash(tuple(value for field in fields(self) if not isinstance(value := getattr(self, field.name), np.ndarray)))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Portfolio(_ByBits):
    """One answer: weights, and what they are worth under the moments asked with."""

    #: What it was chosen for, such as ``max-sharpe``.
    objective: str
    #: ``exact`` or ``monte-carlo``.
    method: str
    #: ``ok``, or ``fallback: <reason>`` where the question had no proper answer.
    label: str
    #: Names, in the order of the weights.
    assets: tuple[str, ...]
    #: One weight an asset, summing to one.
    weights: Array
    #: Expected simple return per bar.
    mean: float
    #: Standard deviation of the return per bar.
    risk: float
    #: (mean − risk-free) / risk, per bar; None where there is no risk.
    sharpe: float | None
    #: Relative distance from the exact optimum (0 for exact answers); None where there is none to measure from.
    gap: float | None

    @property
    def by_asset(self) -> dict[str, float]:
        """The weights by name."""
        return dict(zip(self.assets, self.weights.tolist(), strict=True))

    def to_pandas(self) -> pandas.Series:
        """The weights as a Series with the names as index."""
        import pandas

        return pandas.Series(self.weights, index=list(self.assets), name=self.objective)

    def to_dict(self) -> dict[str, Any]:
        """Objective, method, mean, risk, sharpe, gap, label and weights by name: what the program prints as JSON."""
        names = ("objective", "method", "mean", "risk", "sharpe", "gap", "label")
        return {name: getattr(self, name) for name in names} | {"weights": self.by_asset}


@dataclass(frozen=True, eq=False)
class Frontier(_ByBits):
    """Efficient portfolios by rising mean, the least risk first.

    It has the Arrow PyCapsule interface: ``pyarrow.table(frontier)`` and ``polars.DataFrame(frontier)`` take it as it is.
    """

    #: ``ok``, or why it is the frontier of another covariance.
    label: str
    #: Names, in the order of the weights' columns.
    assets: tuple[str, ...]
    #: Standard deviation of each point.
    risk: Array
    #: Expected return of each point.
    mean: Array
    #: One row a point, one column an asset.
    weights: Array

    def __len__(self) -> int:
        return len(self.risk)

    def __iter__(self) -> Iterator[tuple[float, float, Array]]:
        """Risk, mean and weights, point by point."""
        return zip(self.risk.tolist(), self.mean.tolist(), self.weights, strict=True)

    def to_arrow(self) -> pa.Table:
        """Columns risk, mean and weights (a map from asset to weight), as the program's tables have them."""
        points, count = self.weights.shape
        offsets = pa.array(np.arange(0, (points + 1) * count, count, dtype=np.int32))
        names = pa.array(self.assets * points, pa.string())
        weights = pa.MapArray.from_arrays(offsets, names, pa.array(self.weights.reshape(-1)), type=_WEIGHTS)
        columns = [pa.array(self.risk), pa.array(self.mean), weights]
        kinds = [("risk", pa.float64()), ("mean", pa.float64()), ("weights", _WEIGHTS)]
        schema = pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds], {"label": self.label})
        return pa.Table.from_arrays(columns, schema=schema)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_pandas(self) -> pandas.DataFrame:
        """Columns risk and mean, and one an asset with its weight."""
        import pandas

        return pandas.DataFrame({"risk": self.risk, "mean": self.mean} | self._columns())

    def to_polars(self) -> polars.DataFrame:
        """Columns risk and mean, and one an asset with its weight."""
        import polars

        return polars.DataFrame({"risk": self.risk, "mean": self.mean} | self._columns())

    def _columns(self) -> dict[str, Array]:
        if clash := {"risk", "mean"} & set(self.assets):
            raise InputError(f"assets: {clash.pop()!r} is a column of the frontier too; use to_arrow, or rename the asset")
        return {name: self.weights[:, column] for column, name in enumerate(self.assets)}
