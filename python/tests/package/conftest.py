"""What the tests of the Python package share: example prices, moments of them, and what the crates answer on them."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest
import silverbullet as sb
from package import started
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


@pytest.fixture(scope="session")
def served(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a run on the simulator that has bars answers SQL."""
    run, address = started(program, tmp_path_factory.mktemp("served"))
    try:
        with sb.connect(address) as connection:
            deadline = time.monotonic() + 60
            while connection.sql("select count(distinct bar) as n from bars")["n"][0].as_py() < 10:
                assert time.monotonic() < deadline, "no bars after a minute"
                time.sleep(0.2)
        yield address
    finally:
        run.terminate()
        assert run.wait(30) in (0, 130)
