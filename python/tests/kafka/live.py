"""A run of the program on a topic, as the tests see it: its state, its events, its end."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from service import wait_until
from stream import ASSETS

SETTINGS = f"""
[kafka]
idle_after = "60s"
[store]
flush_every = "1s"
[universes.all]
assets = {json.dumps(ASSETS)}
bar = "1s"
window = 30
population = 256
samples = 256
"""

Start = Callable[..., subprocess.Popen]
Ask = Callable[..., subprocess.CompletedProcess]
Table = Callable[[str, str], list[str]]


def wait_for_end(run: subprocess.Popen, seconds: float = 240) -> dict:
    """The summary of a run that ends by itself."""
    summary, _ = run.communicate(timeout=seconds)
    assert run.returncode == 0, summary
    return json.loads(summary)


def state(address: str) -> tuple[int, dict]:
    """What /readyz says."""
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def address_of(tmp_path: Path) -> str:
    """Where the run listens, as it has said."""

    def told() -> str | None:
        lines = [line for line in (tmp_path / "said").read_text().splitlines() if "listening on http://" in line]
        return lines[-1].split("http://")[1].strip() if lines else None

    wait_until(lambda: told() is not None, "the run says where it listens")
    return told() or ""


def events(ask: Ask, data: str) -> list[str]:
    """Kind and detail of the stored events about source, clock and order."""
    kinds = "'connection', 'gap', 'decision', 'clock'"
    query = f"select kind || ' ' || detail as told from events where kind in ({kinds}) order by as_of"
    return [row["told"] for row in json.loads(ask("sql", query, "--data", data, "--format", "json").stdout)]


def consumed(address: str) -> int:
    """How many messages a run has read."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("silverbullet_frames_total"))
