"""What the tests of the program share: where it runs, and prices for it."""

import math
import os
from collections.abc import Iterable
from pathlib import Path


def binary() -> Path:
    """The program under test; SILVERBULLET_BIN names it."""
    path = Path(os.environ.get("SILVERBULLET_BIN", ""))
    assert path.is_file(), "SILVERBULLET_BIN names no program; run `make test-tables`, or build one first"
    return path


def environment() -> dict[str, str]:
    """The environment without settings of the person who runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SILVERBULLET_")}


def write_prices(path: Path, assets: Iterable[str], bars: int) -> None:
    """Closes of so many minutes, in which every asset moves in its own way."""
    with path.open("w") as file:
        file.write("timestamp,asset,price\n")
        for bar in range(bars):
            for number, asset in enumerate(assets):
                wave = math.sin(bar * (0.7 + 0.3 * number)) + math.cos(bar * 1.3)
                price = 100.0 * (number + 1) * math.exp(1e-4 * bar + 2e-3 * wave)
                file.write(f"{1_747_008_000 + 60 * bar},{asset},{price!r}\n")
