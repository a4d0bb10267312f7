"""Numbers as people have them (numpy, pandas, polars, pyarrow, anything with the Arrow PyCapsule interface, plain lists
and dictionaries) as numpy arrays of doubles, and the names of the assets with them.

What lies in memory as doubles is not copied: a numpy array of any stride, a column of pandas, and an Arrow column of one
chunk without nulls are read in place. Anything else (integers, single precision, several chunks, nullable types) is
converted, which copies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ._errors import InputError

Array = npt.NDArray[np.float64]


class Columns(NamedTuple):
    """One array an asset, oldest row first, and which of them had to be copied."""

    assets: tuple[str, ...]
    arrays: list[Array]
    copied: list[str]


def is_from(library: str, value: object) -> bool:
    """Whether it is an object of a library, which need not be installed."""
    return any(base.__module__.split(".")[0] == library for base in type(value).__mro__)


def is_arrow(value: object) -> bool:
    """Whether it gives itself away through the Arrow PyCapsule interface."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")


def columns(what: str, value: Any, assets: Iterable[str] | None, copy: bool | None) -> Columns:
    """The columns of a table of bars by assets."""
    if is_from("polars", value) and hasattr(value, "collect"):
        raise InputError(f"{what}: a polars LazyFrame has no rows yet; call .collect() on it first")
    if is_from("pandas", value):
        found = _of_pandas(what, value)
    elif is_arrow(value):
        found = _of_arrow(what, _table(what, value))
    elif isinstance(value, Mapping):
        parts = [_column(what, str(name), np.asarray(column)) for name, column in value.items()]
        found = Columns(tuple(map(str, value)), [part[0] for part in parts], [part[1] for part in parts if part[1]])
    else:
        found = _of_numpy(what, value)
    names = found.assets if assets is None else named(assets, len(found.arrays))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{what}: asset {twice!r} is there twice; give each column a name of its own")
    if not names:
        raise InputError(f"{what}: there is no column of an asset; at least one is needed")
    if copy is False and found.copied:
        raise InputError(
            f"{what}: {found.copied[0]} would have to be copied, which copy=False forbids; "
            "pass float64, in one chunk and without nulls, or leave copy out"
        )
    return Columns(names, found.arrays, found.copied)


def named(assets: Iterable[str] | None, count: int) -> tuple[str, ...]:
    """The names given, or asset0, asset1, … where there are none."""
    names = tuple(f"asset{number}" for number in range(count)) if assets is None else tuple(map(str, assets))
    if len(names) != count:
        raise InputError(f"assets: {len(names)} names for {count} assets; give one for each")
    return names


def _of_numpy(what: str, value: Any) -> Columns:
    given = value if isinstance(value, np.ndarray) else np.asarray(value)
    if given.ndim != 2:
        raise InputError(
            f"{what}: an array of {given.ndim} dimensions; it needs 2, one row a bar and one column an asset"
            " (array.reshape(-1, 1) for a single asset)"
        )
    array, copied = _column(what, "the array", given)
    return Columns(
        named(None, array.shape[1]),
        [array[:, column] for column in range(array.shape[1])],
        [copied] if copied and isinstance(value, np.ndarray) else [],
    )


def _column(what: str, name: str, given: npt.NDArray[Any]) -> tuple[Array, str]:
    """As doubles; and what was copied for it, in words."""
    if given.dtype == np.float64 and given.dtype.isnative and given.flags.aligned:
        return given, ""
    if given.dtype.kind not in "fiu":
        raise InputError(f"{what}: {name} holds {given.dtype}, not numbers; leave it out or convert it to float64")
    return given.astype(np.float64), f"{name} ({given.dtype})"


def _of_pandas(what: str, value: Any) -> Columns:
    frame = value.to_frame() if value.ndim == 1 else value
    if _is_time(frame.index) and not frame.index.is_monotonic_increasing:
        raise InputError(f"{what}: the index goes back in time; call .sort_index() first")
    names, arrays, copied = [], [], []
    for position, label in enumerate(frame.columns):
        column, name = frame.iloc[:, position], str(label)
        if column.dtype.kind == "M":
            if not column.is_monotonic_increasing:
                raise InputError(f"{what}: column {name!r} goes back in time; sort the rows by it first")
            continue
        if isinstance(column.dtype, np.dtype):
            array, copy = _column(what, repr(name), column.to_numpy(copy=False))
        elif getattr(column.dtype, "kind", "O") in "fiu":
            array, copy = column.to_numpy(dtype=np.float64, na_value=np.nan), f"{name!r} ({column.dtype})"
        else:
            raise InputError(f"{what}: column {name!r} holds {column.dtype}; {_WIDE}")
        names.append(name)
        arrays.append(array)
        copied += [copy] if copy else []
    return Columns(tuple(names), arrays, copied)


_WIDE = (
    "a table has one column of numbers an asset, and at most a column of time: leave other columns out, and pivot a "
    "long table (asset, price) first"
)


def _is_time(index: Any) -> bool:
    return getattr(index.dtype, "kind", "") == "M"


def _table(what: str, value: Any) -> Any:
    """Any Arrow object as a pyarrow table, which shares its memory."""
    try:
        if isinstance(value, pa.RecordBatch):
            return pa.Table.from_batches([value])
        return pa.table(value)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{what}: {type(value).__name__} is not a table of columns ({error})") from error


def _of_arrow(what: str, table: Any) -> Columns:
    names, arrays, copied = [], [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_temporal(column.type):
            if column.null_count or not _ascends(column):
                raise InputError(f"{what}: column {name!r} goes back in time or has nulls; sort the rows by it first")
            continue
        array, copy = _of_arrow_column(what, name, column)
        names.append(name)
        arrays.append(array)
        copied += [copy] if copy else []
    return Columns(tuple(names), arrays, copied)


def _ascends(column: Any) -> bool:
    values = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    later = values.combine_chunks().to_numpy(zero_copy_only=False)
    return bool((later[1:] >= later[:-1]).all())


def _of_arrow_column(what: str, name: str, column: Any) -> tuple[Array, str]:
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise InputError(f"{what}: column {name!r} holds {kind}; {_WIDE}")
    if column.null_count:
        row = pc.index(column.is_null(), True).as_py()
        raise InputError(f"{what}: {name} has no value in row {row}; fill or drop such rows first")
    if kind == pa.float64() and column.num_chunks == 1:
        array = column.chunk(0).to_numpy(zero_copy_only=True)
        # Batches that came over a network begin at any byte, which the native module must not read in place.
        return (array, "") if array.flags.aligned else (array.copy(), f"{name!r} (not aligned)")
    reason = f"{name!r} ({kind}, {column.num_chunks} chunks)"
    return column.cast(pa.float64()).to_numpy(), reason


def vector(what: str, value: Any) -> tuple[tuple[str, ...] | None, Array]:
    """One number an asset, and the names where it has some."""
    names: tuple[str, ...] | None = None
    if isinstance(value, Mapping):
        names, value = tuple(map(str, value)), list(value.values())
    elif is_from("pandas", value) and value.ndim == 1:
        if getattr(value.index.dtype, "kind", "O") not in "iu":
            names = tuple(map(str, value.index))
        value = value.to_numpy(dtype=np.float64, na_value=np.nan)
    elif hasattr(value, "column_names") or hasattr(value, "columns"):
        found = columns(what, value, None, None)
        if any(len(array) != 1 for array in found.arrays):
            raise InputError(f"{what}: a table needs one row for it, and one column an asset")
        names, value = found.assets, [array[0] for array in found.arrays]
    elif isinstance(value, pa.Array | pa.ChunkedArray):
        value = value.to_numpy(zero_copy_only=False) if isinstance(value, pa.Array) else value.to_numpy()
    return names, _numbers(what, value, 1)


def matrix(what: str, value: Any) -> tuple[tuple[str, ...] | None, Array]:
    """A square matrix, and the names where it has some; rows are put into the order of the columns."""
    if is_from("pandas", value):
        labels = [str(label) for label in value.columns]
        rows = [str(label) for label in value.index]
        if sorted(rows) == sorted(labels) and rows != labels:
            value = value.iloc[[rows.index(label) for label in labels]]
        elif rows != labels and getattr(value.index.dtype, "kind", "O") not in "iu":
            raise InputError(f"{what}: its rows are {_listed(rows)} but its columns {_listed(labels)}; name both alike")
        names = None if getattr(value.columns.dtype, "kind", "O") in "iu" else tuple(labels)
        return names, _numbers(what, value.to_numpy(dtype=np.float64, na_value=np.nan), 2)
    if is_arrow(value) and not isinstance(value, np.ndarray):
        found = columns(what, value, None, None)
        return found.assets, np.column_stack(found.arrays)
    return None, _numbers(what, value, 2)


def _numbers(what: str, value: Any, dimensions: int) -> Array:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {type(value).__name__} is not an array of numbers ({error})") from error
    if array.ndim != dimensions:
        shape = "one number an asset" if dimensions == 1 else "one row and one column an asset"
        raise InputError(f"{what}: an array of {array.ndim} dimensions; it needs {dimensions}: {shape}")
    return array


def each(what: str, value: Any, assets: Sequence[str], default: float) -> Array:
    """One number for each asset: a single one for all, an array in their order, or by name with a default."""
    if isinstance(value, int | float):
        return np.full(len(assets), float(value))
    names, numbers = vector(what, value)
    if names is None:
        if len(numbers) != len(assets):
            raise InputError(f"{what}: {len(numbers)} numbers for {len(assets)} assets; give one for each")
        return numbers
    given = dict(zip(names, numbers.tolist(), strict=True))
    if unknown := [name for name in given if name not in assets]:
        raise InputError(f"{what}: no asset is called {unknown[0]!r}; there are {_listed(assets)}")
    return np.array([given.get(asset, default) for asset in assets])


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


