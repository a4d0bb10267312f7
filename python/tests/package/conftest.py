"""What the tests of the Python package share: example prices, moments of them, and what the crates answer on them."""

import json
import os
import subprocess
from pathlib import Path

import pandas
import pytest
import silverbullet as sb
from service import PROJECT


@pytest.fixture(scope="session")
def prices() -> pandas.DataFrame:
    """Daily closes of five assets, one column each, by time."""
    long = pandas.read_csv(PROJECT / "docs" / "examples" / "prices.csv", parse_dates=["timestamp"])
    wide = long.pivot(index="timestamp", columns="asset", values="price")
    assert wide.shape == (400, 5)
    return wide


@pytest.fixture(scope="session")
def moments(prices: pandas.DataFrame) -> sb.Moments:
    """Their sample moments."""
    return sb.Moments.from_prices(prices)


@pytest.fixture(scope="session")
def crates(prices: pandas.DataFrame) -> dict:
    """What the crates themselves answer on these prices: a program in Rust prints it."""
    program = Path(os.environ.get("SILVERBULLET_ANSWERS", ""))
    assert program.is_file(), "SILVERBULLET_ANSWERS names no program; run `make test-python`"
    table = ",".join(prices.columns) + "\n" + "".join(",".join(map(repr, row)) + "\n" for row in prices.to_numpy().tolist())
    printed = subprocess.run([program], input=table, capture_output=True, text=True, check=True, timeout=120).stdout
    return json.loads(printed)


