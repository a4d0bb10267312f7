"""Prices, means and covariances as people have them: every kind gives the same bits, and what can be is read in place."""

import tracemalloc

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
import silverbullet as sb
from silverbullet._inputs import columns


class Capsule:
    """Something that knows the Arrow PyCapsule interface and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def without_time(table: pa.Table) -> pa.Table:
    return table.drop_columns(["timestamp"])


KINDS = {
    "pandas": lambda frame: frame,
    "pandas, a column of time": lambda frame: frame.reset_index(),
    "pandas, arrow-backed": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "pandas, columns by Fortran's order": lambda frame: pandas.DataFrame(np.asfortranarray(frame), columns=frame.columns),
    "polars": lambda frame: polars.from_pandas(frame.reset_index()),
    "pyarrow table": lambda frame: pa.Table.from_pandas(frame),
    "pyarrow record batch": lambda frame: pa.RecordBatch.from_pandas(frame),
    "pyarrow, many chunks": lambda frame: pa.concat_tables(
        [pa.Table.from_pandas(frame[:150], preserve_index=False), pa.Table.from_pandas(frame[150:], preserve_index=False)]
    ),
    "capsule": lambda frame: Capsule(pa.Table.from_pandas(frame)),
    "dict of arrays": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "dict of lists": lambda frame: {name: frame[name].tolist() for name in frame},
}


@pytest.mark.parametrize("kind", KINDS)
def test_named_prices_of_every_kind(prices: pandas.DataFrame, moments: sb.Moments, kind: str) -> None:
    found = sb.Moments.from_prices(KINDS[kind](prices))
    assert found.assets == tuple(prices.columns)
    assert found == moments


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("step", [1, -1, 2])
def test_arrays_of_every_layout(prices: pandas.DataFrame, order: str, step: int) -> None:
    array = np.array(prices, order=order)[::step]
    found = sb.Moments.from_prices(array, copy=False)
    assert found.assets == ("asset0", "asset1", "asset2", "asset3", "asset4")
    assert found == sb.Moments.from_prices(np.ascontiguousarray(array).tolist())
    assert sb.Moments.from_prices(array, assets=prices.columns).assets == tuple(prices.columns)


def test_doubles_are_read_where_they_lie(prices: pandas.DataFrame) -> None:
    array = np.array(prices)
    table, frame = pa.table(dict(prices)), polars.from_pandas(prices)
    lies = {
        "numpy": (array, lambda column: array[:, column]),
        "pandas": (prices, lambda column: prices.iloc[:, column].to_numpy(copy=False)),
        "pyarrow": (table, lambda column: table.column(column).chunk(0).to_numpy()),
        "polars": (frame, lambda column: frame[:, column].to_numpy(allow_copy=False)),
        "capsule": (Capsule(table), lambda column: table.column(column).chunk(0).to_numpy()),
    }
    for name, (value, column) in lies.items():
        found = columns("prices", value, None, False)
        assert len(found.arrays) == 5 and found.copied == [], name
        for number, read in enumerate(found.arrays):
            assert np.shares_memory(read, column(number)), f"{name}: column {number} was copied"


def test_the_native_module_copies_no_prices() -> None:
    walk = np.exp(np.cumsum(np.random.default_rng(1).normal(0, 1e-3, (500_000, 4)), axis=0))
    sb.Moments.from_prices(walk[:10])
    tracemalloc.start()
    try:
        # numpy tells tracemalloc what it allocates.
        sb.Moments.from_prices(walk)
        assert tracemalloc.get_traced_memory()[1] < walk.nbytes / 100
        tracemalloc.reset_peak()
        sb.Moments.from_prices(walk.astype(np.float32))
        assert tracemalloc.get_traced_memory()[1] > walk.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (np.array([[1, 2], [2, 3], [3, 5]]), r"the array \(int64\)"),
        (np.array([[1, 2], [2, 3], [3, 5]], dtype=np.float32), r"the array \(float32\)"),
        (pandas.DataFrame({"A": [1.0, 2, 3], "B": [1, 2, 4]}), r"'B' \(int64\)"),
        (polars.DataFrame({"A": [1.0, 2, 3], "B": [1, 2, 4]}), r"'B' \(int64, 1 chunks\)"),
        (pa.table({"A": pa.chunked_array([[1.0], [2.0, 3.0]])}), r"'A' \(double, 2 chunks\)"),
    ],
)
def test_what_has_to_be_copied_is_said_where_it_must_not(value: object, what: str) -> None:
    assert sb.Moments.from_prices(value).observations == 2
    with pytest.raises(sb.InputError, match=rf"prices: {what} would have to be copied, which copy=False forbids"):
        sb.Moments.from_prices(value, copy=False)


def test_single_precision_and_integers_are_converted(prices: pandas.DataFrame) -> None:
    single = prices.astype(np.float32)
    assert sb.Moments.from_prices(single) == sb.Moments.from_prices(single.astype(np.float64))
    cents = (prices * 100).round().astype(np.int64)
    assert sb.Moments.from_prices(cents) == sb.Moments.from_prices(cents.astype(np.float64))


MEANS = {
    "list": lambda mean, names: mean.tolist(),
    "numpy": lambda mean, names: mean,
    "dict": lambda mean, names: dict(zip(names, mean.tolist(), strict=True)),
    "pandas": lambda mean, names: pandas.Series(mean, index=names),
    "polars": lambda mean, names: polars.DataFrame([mean.tolist()], schema=list(names), orient="row"),
    "pyarrow array": lambda mean, names: pa.array(mean),
    "pyarrow": lambda mean, names: pa.table({name: [value] for name, value in zip(names, mean.tolist(), strict=True)}),
}
COVARIANCES = {
    "list": lambda square, names: square.tolist(),
    "numpy": lambda square, names: np.asfortranarray(square),
    "pandas": lambda square, names: pandas.DataFrame(square, index=names, columns=names),
    "polars": lambda square, names: polars.DataFrame(square, schema=list(names)),
    "pyarrow": lambda square, names: pa.table({name: square[:, column] for column, name in enumerate(names)}),
}


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_means_and_covariances_of_every_kind(moments: sb.Moments, mean: str, covariance: str) -> None:
    means = MEANS[mean](moments.mean, moments.assets)
    square = COVARIANCES[covariance](moments.covariance, moments.assets)
    found = sb.min_variance(means, square)
    named = mean in ("dict", "pandas", "polars", "pyarrow") or covariance in ("pandas", "polars", "pyarrow")
    assert found.assets == (moments.assets if named else tuple(f"asset{number}" for number in range(5)))
    assert found.weights.tobytes() == sb.min_variance(moments).weights.tobytes()


def test_names_put_the_covariance_into_the_order_of_the_means(moments: sb.Moments) -> None:
    mean = pandas.Series(moments.mean, index=list(moments.assets))
    square = pandas.DataFrame(moments.covariance, index=moments.assets, columns=moments.assets)
    turned = square.iloc[::-1, ::-1]
    assert sb.max_sharpe(mean, turned) == sb.max_sharpe(mean, square)
    # Rows in another order than the columns.
    assert sb.max_sharpe(mean, square.iloc[::-1]) == sb.max_sharpe(mean, square)
    with pytest.raises(sb.InputError, match="not of the same assets: 'ALDER' is in one of them only"):
        sb.max_sharpe(mean.rename({"ALDER": "OAK"}), square)


def test_names_come_out_with_the_answers(moments: sb.Moments) -> None:
    best, frontier = sb.max_sharpe(moments), sb.efficient_frontier(moments, points=3)
    assert list(best.by_asset) == list(best.to_pandas().index) == list(moments.assets)
    assert best.to_dict()["weights"] == best.by_asset
    table = frontier.to_arrow()
    assert table.schema.metadata == {b"label": b"ok"}
    assert table["weights"][2].as_py() == list(zip(moments.assets, frontier.weights[2].tolist(), strict=True))
    assert polars.DataFrame(frontier).columns == ["risk", "mean", "weights"]
    assert pa.table(frontier).equals(table)
    for frame in (frontier.to_pandas(), frontier.to_polars()):
        assert list(frame.columns) == ["risk", "mean", *moments.assets]
        assert frame["ELM"].to_numpy().tolist() == frontier.weights[:, moments.assets.index("ELM")].tolist()


def test_bounds_by_name_and_for_all(moments: sb.Moments) -> None:
    capped = sb.max_sharpe(moments, upper={"ELM": 0.1}, lower=0.01)
    assert capped.by_asset["ELM"] <= 0.1 and capped.weights.min() >= 0.01 - 1e-15
    assert sb.max_sharpe(moments, upper=polars.DataFrame({"ELM": [0.1]})) == sb.max_sharpe(moments, upper=pandas.Series({"ELM": 0.1}))
    short = sb.max_sharpe(moments, lower=-0.5, upper=np.full(5, 1.5))
    assert short.weights.min() < 0 and np.abs(short.weights).sum() > 1.05
    limited = sb.max_sharpe(moments, lower=-0.5, upper=np.full(5, 1.5), gross_limit=1.05)
    assert np.abs(limited.weights).sum() == pytest.approx(1.05) and limited.sharpe < short.sharpe
