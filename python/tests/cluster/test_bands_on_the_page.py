"""A resampled frontier that Spark has kept in Cassandra is on the engine's page, in a real browser."""

import json
import subprocess
from pathlib import Path

from service import PROJECT
from stack import UNIVERSE, Stack


def test_the_page_shows_the_newest_bands(stack: Stack) -> None:
    output = f"cassandra://127.0.0.1:{stack.cassandra}"
    said = stack.submit(
        "resampled_frontier", "--endpoint", stack.url, "--universe", UNIVERSE, "--bootstraps", "200", "--points", "25", "--output", output
    )
    query = f"select bar, point, mean_low, mean_high from cassandra.frontiers where universe = '{UNIVERSE}' and method = 'resampled'"
    rows = stack.sql(query)
    assert len(rows) == 25 and all(row["mean_low"] < row["mean_high"] for row in rows), said
    script = Path(__file__).with_name("bands.mjs")
    shown = subprocess.run(
        ["node", script, f"http://127.0.0.1:{stack.http}"], cwd=PROJECT / "web", capture_output=True, text=True, timeout=120
    )
    assert shown.returncode == 0, shown.stderr
    bands = json.loads(shown.stdout)
    assert (bands["points"], bands["bar"]) == ("25", str(rows[0]["bar"]))
    assert "5 to 95 %" in bands["text"] and "0 bars ago" in bands["text"], bands
