"""What a job found as rows of the engine's tables, and where they go."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet

from silverbullet.jobs import kept
from silverbullet.jobs.window import Window
from silverbullet.spark.engine import Engine
from silverbullet.spark.errors import OptionError

if TYPE_CHECKING:
    import silverbullet as sb

#: Rows by the table that they belong to.
Tables = dict[str, pyarrow.Table]


class Run:
    """The record of a job, as the engine keeps one of each of its starts."""

    def __init__(self, kind: str, window: Window, seed: int, settings: Mapping[str, object], source: str) -> None:
        self.run_id = str(uuid.uuid4())
        self._kind, self._window, self._seed, self._source = kind, window, seed, source
        self._settings = {**settings, "window": window.settings()}
        self._started = datetime.now(timezone.utc)

    def row(self, rows_in: int, rows_out: int) -> dict[str, object]:
        """Its row, now that it has ended."""
        import silverbullet as sb

        return {
            "run_id": self.run_id,
            "kind": self._kind,
            "universe": self._window.universe,
            "variant": self._window.variant,
            "configuration": json.dumps(self._settings),
            "seed": self._seed,
            "version": sb.kernel_version(),
            "source": self._source,
            "started": self._started,
            "ended": datetime.now(timezone.utc),
            "rows_in": rows_in,
            "rows_out": rows_out,
        }


def tables(engine: Engine, run: Run, window: Window, found: sb.MonteCarlo) -> Tables:
    """Portfolios, frontier and run with exactly the columns that the engine's tables have."""
    of_bar = {
        "universe": window.universe,
        "variant": window.variant,
        "bar": window.bar,
        "as_of": window.as_of,
        "run_id": run.run_id,
        "method": "monte-carlo",
    }
    portfolios = [
        of_bar
        | {name: getattr(one, name) for name in ("objective", "mean", "risk", "sharpe", "gap", "label")}
        | {"turnover": None, "weights": list(one.by_asset.items())}
        for one in found.portfolios
    ]
    frontier = [
        of_bar
        | {"point": point, "risk": risk, "mean": mean, "mean_low": None, "mean_high": None}
        | {"weights": list(zip(window.assets, weights.tolist(), strict=True))}
        for point, (risk, mean, weights) in enumerate(found.frontier)
    ]
    rows_in = (window.length + 1) * len(window.assets)
    rows = {
        "portfolios": portfolios,
        "frontiers": frontier,
        "runs": [run.row(rows_in, len(portfolios) + len(frontier))],
    }
    return {
        name: pyarrow.Table.from_pylist(values, engine.schema(f"select * from {name}")) for name, values in rows.items()
    }


def check_place(place: str | None) -> None:
    """A place that results cannot go to is told before there are any."""
    if place is not None and kept.is_meant(place):
        kept.check(place)
    elif place is not None and Path(place).suffix not in (".json", ""):
        raise OptionError(
            f"--output {place}: name a file that ends with .json, a folder, for a Parquet file a table, or "
            "cassandra://HOST:PORT/KEYSPACE"
        )


def write(place: str | None, found: Tables) -> None:
    """To Cassandra, a JSON file, a folder of Parquet files, or to standard output as JSON."""
    if place is None:
        json.dump(_plain(found), sys.stdout, indent=1)
        print()
    elif kept.is_meant(place):
        kept.write(place, found)
    elif Path(place).suffix == ".json":
        Path(place).write_text(json.dumps(_plain(found), indent=1) + "\n", encoding="utf-8")
    else:
        run_id = found["runs"]["run_id"][0].as_py()
        for name, rows in found.items():
            folder = Path(place) / name
            folder.mkdir(parents=True, exist_ok=True)
            # A file that is there is whole.
            part = folder / f".{run_id}.parquet"
            pyarrow.parquet.write_table(rows, part)
            part.rename(folder / f"{run_id}.parquet")


def _plain(found: Tables) -> dict[str, list[dict[str, Any]]]:
    """The rows as JSON has them."""
    return {name: [_of_json(row) for row in rows.to_pylist()] for name, rows in found.items()}


def _of_json(row: dict[str, Any]) -> dict[str, Any]:
    for name, value in row.items():
        if isinstance(value, datetime):
            row[name] = value.isoformat()
        elif name == "weights":
            row[name] = dict(value)
    return row
