"""Mean and covariance of the assets' returns, with their names."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from . import _kernel
from ._errors import InputError
from ._inputs import Array, columns, each, matrix, named, vector

_FORMAT = b"silverbullet.moments"


class Moments:
    """Mean vector and covariance of the simple returns of N assets, per bar. It does not change.

    >>> import silverbullet as sb
    >>> moments = sb.Moments([0.02, 0.01], [[0.04, 0.0], [0.0, 0.01]], ["BTC", "ETH"])
    >>> moments.assets
    ('BTC', 'ETH')
    """

    #: Mean simple return of each asset, per bar.
    mean: Array
    #: Covariance of the simple returns, per bar; N × N.
    covariance: Array
    #: Names, in the order of every array here.
    assets: tuple[str, ...]
    #: Returns they were estimated from; None where that is not known.
    observations: int | None
    #: ``sample``, ``ledoit-wolf``, ``exponential:<half-life>``, or ``given``.
    estimator: str
    #: The covariance to fall back on where `covariance` is singular; None for the kernel's own stand-in.
    shrunk: Array | None
    #: Shrinkage intensity of ``ledoit-wolf``, between 0 and 1.
    intensity: float | None

    def __init__(
        self,
        mean: Any,
        covariance: Any,
        assets: Iterable[str] | None = None,
        *,
        observations: int | None = None,
        estimator: str = "given",
        shrunk: Any = None,
        intensity: float | None = None,
    ) -> None:
        """From what was estimated elsewhere.

        Names come from `assets`, or else from what `mean` or `covariance` carry (pandas, polars, pyarrow, a dict); a
        covariance with the same names in another order is put into that of the means.

        :raises InputError: shapes or names that do not fit, numbers that are not finite, a covariance that is not
            symmetric or not positive semi-definite
        """
        mean_names, means = vector("mean", mean)
        names, square = matrix("covariance", covariance)
        if assets is None and mean_names and names and mean_names != names:
            square, names = _reordered(square, names, mean_names), mean_names
        self.assets = named(assets or mean_names or names, len(means))
        if len(set(self.assets)) < len(self.assets):
            raise InputError("assets: a name is there twice; give each asset a name of its own")
        if observations is not None and observations < 1:
            raise InputError(f"observations: {observations} is not allowed; at least 1, or None if not known")
        self.mean, self.covariance = _constant(means), _constant(square)
        self.observations, self.estimator, self.intensity = observations, estimator, intensity
        self.shrunk = None if shrunk is None else _constant(matrix("shrunk", shrunk)[1])
        # Whatever is wrong with the numbers is said here and not at the first question.
        _ = self._long_only

    @classmethod
    def from_prices(
        cls,
        prices: Any,
        *,
        estimator: str = "sample",
        half_life: float | None = None,
        window: int | None = None,
        assets: Iterable[str] | None = None,
        copy: bool | None = None,
    ) -> Moments:
        """From closes of bars, one row a bar (oldest first) and one column an asset.

        :param prices: a numpy array, a DataFrame of pandas or polars, a Table of pyarrow, anything else with the Arrow
            PyCapsule interface, or a dict of columns. A column of time is looked at for its order alone.
        :param estimator: ``sample`` (divisor T − 1), ``ledoit-wolf``, or ``exponential`` with a `half_life` in bars
        :param window: the newest returns to use; all by default
        :param copy: False refuses prices that cannot be read where they lie (see the guide)
        :raises InputError: prices that are missing, not positive or not finite; fewer than three rows
        """
        return cls._estimated("prices", prices, estimator, half_life, window, assets, copy)

    @classmethod
    def from_returns(
        cls,
        returns: Any,
        *,
        estimator: str = "sample",
        half_life: float | None = None,
        window: int | None = None,
        assets: Iterable[str] | None = None,
        copy: bool | None = None,
    ) -> Moments:
        """From simple returns of bars; otherwise as `from_prices`."""
        return cls._estimated("returns", returns, estimator, half_life, window, assets, copy)

    @classmethod
    def _estimated(
        cls,
        what: str,
        table: Any,
        estimator: str,
        half_life: float | None,
        window: int | None,
        assets: Iterable[str] | None,
        copy: bool | None,
    ) -> Moments:
        found = columns(what, table, assets, copy)
        are_prices = what == "prices"
        arrays = found.arrays
        if window is not None:
            if window < 2:
                raise InputError(f"window: {window} returns are not enough; at least 2 are needed")
            rows = window + are_prices
            if (have := min(len(array) for array in arrays)) < rows:
                raise InputError(f"window: {window} returns take {rows} rows of {what}, there are {have}")
            arrays = [array[-rows:] for array in arrays]
        if half_life is not None:
            estimator = f"{estimator}:{half_life!r}"
        estimated = _kernel.estimate(arrays, list(found.assets), estimator, are_prices)
        return cls(
            estimated["mean"],
            estimated["covariance"],
            found.assets,
            observations=estimated["observations"],
            estimator=estimated["estimator"],
            shrunk=estimated["shrunk"],
            intensity=estimated["intensity"],
        )

    @property
    def volatility(self) -> Array:
        """Standard deviation of each asset's return, per bar."""
        return np.sqrt(np.diagonal(self.covariance))

    @property
    def condition_number(self) -> float | None:
        """Largest eigenvalue of the covariance over its smallest; None where it is singular."""
        return self._long_only.condition_number()

    @cached_property
    def _long_only(self) -> _kernel.Problem:
        return self._problem(None, None, 0.0)

    def _problem(self, lower: Any, upper: Any, risk_free: float) -> _kernel.Problem:
        """The kernel's problem with these bounds."""
        return _kernel.Problem(
            self.mean,
            self.covariance,
            list(self.assets),
            shrunk=self.shrunk,
            observations=self.observations,
            lower=None if lower is None else each("lower", lower, self.assets, 0.0),
            upper=None if upper is None else each("upper", upper, self.assets, 1.0),
            risk_free=float(risk_free),
        )

    def to_arrow(self) -> pa.Table:
        """One row an asset: its name, mean and row of the covariance; what else there is stands in the metadata."""
        order = len(self.assets)

        def rows(square: Array) -> pa.Array:
            return pa.FixedSizeListArray.from_arrays(pa.array(square.reshape(-1)), order)

        arrays = {"asset": pa.array(self.assets), "mean": pa.array(self.mean), "covariance": rows(self.covariance)}
        if self.shrunk is not None:
            arrays["shrunk"] = rows(self.shrunk)
        about = {_FORMAT: b"1", b"estimator": self.estimator.encode()}
        if self.observations is not None:
            about[b"observations"] = str(self.observations).encode()
        if self.intensity is not None:
            about[b"intensity"] = self.intensity.hex().encode()
        return pa.table(arrays).replace_schema_metadata(about)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Moments:
        """What `to_arrow` made, to the same bits."""
        about = table.schema.metadata or {}
        if about.get(_FORMAT) != b"1":
            raise InputError("moments: this table is not one that Moments.to_arrow made")

        def square(name: str) -> Array:
            entries: Array = table[name].combine_chunks().flatten().to_numpy()
            return entries.reshape(table.num_rows, table.num_rows)

        return cls(
            table["mean"].to_numpy(),
            square("covariance"),
            table["asset"].to_pylist(),
            observations=int(about[b"observations"]) if b"observations" in about else None,
            estimator=about[b"estimator"].decode(),
            shrunk=square("shrunk") if "shrunk" in table.column_names else None,
            intensity=float.fromhex(about[b"intensity"].decode()) if b"intensity" in about else None,
        )

    def to_bytes(self) -> bytes:
        """As an Arrow stream, to ship to executors."""
        table = self.to_arrow()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]

    @classmethod
    def from_bytes(cls, data: bytes) -> Moments:
        """What `to_bytes` made, to the same bits."""
        try:
            table = pa.ipc.open_stream(data).read_all()
        except pa.ArrowInvalid as error:
            raise InputError(f"moments: these bytes are not what Moments.to_bytes made ({error})") from error
        return cls.from_arrow(table)

    def __reduce__(self) -> tuple[Any, ...]:
        return Moments.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moments) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash((self.assets, self.mean.tobytes()))

    def __repr__(self) -> str:
        count = "" if self.observations is None else f", observations={self.observations}"
        return f"Moments(assets={self.assets!r}, estimator={self.estimator!r}{count})"


def _constant(array: Array) -> Array:
    """A copy that nobody can change."""
    kept = np.array(array, dtype=np.float64, order="C")
    kept.flags.writeable = False
    return kept


def _reordered(square: Array, names: tuple[str, ...], wanted: tuple[str, ...]) -> Array:
    if sorted(names) != sorted(wanted):
        only = sorted(set(names) ^ set(wanted))
        raise InputError(f"covariance: mean and covariance are not of the same assets: {only[0]!r} is in one of them only")
    order = [names.index(name) for name in wanted]
    return square[np.ix_(order, order)]


def moments_of(mean: Any, covariance: Any) -> Moments:
    """Moments as they are, or of a mean and a covariance."""
    if isinstance(mean, Moments):
        if covariance is not None:
            raise InputError("covariance: the moments have one already; leave it out")
        return mean
    if covariance is None:
        raise InputError("covariance: it is missing; pass mean and covariance, or a silverbullet.Moments")
    return Moments(mean, covariance)
