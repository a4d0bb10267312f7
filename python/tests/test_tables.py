"""The stored tables are Delta tables like any other: every reader gets the figures the program itself gives."""

from pathlib import Path

import duckdb
import polars
import pyarrow
import pytest
from deltalake import DeltaTable

from conftest import ASSETS, BARS

SUMMARY = "select objective, method, count(*) as n, avg(gap) as gap, avg(mean) as mean from portfolios group by 1, 2"
ORDER = ["bar", "objective", "method"]


@pytest.fixture(scope="session")
def expected(sql) -> list[dict]:
    rows = sql("select bar, objective, method, mean, risk, sharpe, gap, as_of, weights from portfolios order by 1, 2, 3")
    # Two objectives, exactly and by Monte Carlo, for every bar with a full window of returns.
    assert len(rows) == 4 * (BARS - 30)
    return rows


def table(data: Path, name: str) -> DeltaTable:
    return DeltaTable(data / "tables" / name)


def assert_same(rows: list[dict], expected: list[dict]) -> None:
    """Compares bit for bit: what the readers give are the same 64-bit numbers."""
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        for column in ("bar", "objective", "method", "mean", "risk", "sharpe", "gap"):
            assert row[column] == wanted[column], (column, row, wanted)
        # A map is a dictionary to polars, and a list of pairs to Arrow and pandas.
        weights = row["weights"]
        pairs = list(weights.items()) if isinstance(weights, dict) else [tuple(entry) for entry in weights]
        assert pairs == list(wanted["weights"].items())
        assert [asset for asset, _ in pairs] == list(ASSETS)


def test_polars(data: Path, sql, expected: list[dict]) -> None:
    frame = polars.from_arrow(table(data, "portfolios").to_pyarrow_table()).sort(ORDER)
    assert_same(frame.to_dicts(), expected)
    scanned = polars.scan_delta(str(data / "tables" / "bars")).group_by("asset").agg(polars.col("close").sum())
    wanted = {row["asset"]: row["close"] for row in sql("select asset, sum(close) as close from bars group by 1")}
    found = dict(scanned.collect().iter_rows())
    assert found.keys() == wanted.keys()
    for asset, close in wanted.items():
        assert found[asset] == pytest.approx(close, rel=1e-12)


def test_duckdb(data: Path, sql, expected: list[dict]) -> None:
    portfolios = table(data, "portfolios").to_pyarrow_dataset()
    connection = duckdb.connect()
    connection.register("portfolios", portfolios)
    rows = connection.sql("select * from portfolios order by bar, objective, method").to_arrow_table().to_pylist()
    assert_same(rows, expected)
    summary = connection.sql(SUMMARY + " order by 1, 2").fetchall()
    wanted = [tuple(row.values()) for row in sql(SUMMARY + " order by 1, 2")]
    assert len(wanted) == 4
    for found, row in zip(summary, wanted, strict=True):
        assert found[:3] == row[:3]
        assert found[3:] == pytest.approx(row[3:], rel=1e-12)


def test_pandas(data: Path, expected: list[dict]) -> None:
    frame = table(data, "portfolios").to_pandas().sort_values(ORDER)
    assert str(frame["as_of"].dtype) == "datetime64[us, UTC]"
    assert_same(frame.to_dict("records"), expected)


def test_types_are_those_of_the_contract(data: Path) -> None:
    schema = table(data, "portfolios").to_pyarrow_dataset().schema
    assert schema.field("as_of").type == pyarrow.timestamp("us", "UTC")
    assert pyarrow.types.is_map(schema.field("weights").type)
    assert schema.field("bar").type == pyarrow.int64()
