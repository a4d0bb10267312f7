"""What the tests of the stored tables share: the program, and a folder of results it has stored."""

import json
import subprocess
from pathlib import Path

import pytest
from program import binary, environment, write_prices

ASSETS = ("BTC", "ETH", "SOL", "XRP")
BARS = 90


@pytest.fixture(scope="session")
def program() -> Path:
    """The program under test."""
    return binary()


@pytest.fixture(scope="session")
def data(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of a run over ninety minutes of four assets, stored in one go."""
    folder = tmp_path_factory.mktemp("stored")
    prices = folder / "prices.csv"
    write_prices(prices, ASSETS, BARS)
    run = [program, "run", "--source", f"csv:{prices}", "--speed", "max", "--no-http", "--format", "json"]
    subprocess.run(
        [*run, "--window", "30", "--samples", "2000", "--data", folder / "data"],
        check=True,
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=120,
    )
    return folder / "data"


@pytest.fixture(scope="session")
def sql(program: Path, data: Path):
    """Asks the program itself; gives a list of row objects."""

    def ask(query: str) -> list[dict]:
        answer = subprocess.run(
            [program, "sql", query, "--data", data, "--format", "json"],
            check=True,
            env=environment(),
            capture_output=True,
            timeout=120,
        )
        return json.loads(answer.stdout)

    return ask


@pytest.fixture(scope="session")
def stepped_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that moves a process's time of day."""
    library = tmp_path_factory.mktemp("clock") / "stepped_clock.so"
    source = Path(__file__).parent / "stepped_clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library
