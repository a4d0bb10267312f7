"""What the tests of the Python package make up, and the program they ask."""

import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import silverbullet as sb
from program import environment


def random_moments(assets: int, seed: int) -> sb.Moments:
    """Moments of invented returns with a common factor."""
    random = np.random.default_rng(seed)
    loads = random.uniform(0.5, 1.5, assets)
    returns = 1e-2 * (random.normal(size=(4 * assets, 1)) * loads + random.normal(size=(4 * assets, assets))) + 1e-3
    return sb.Moments.from_returns(returns)


def started(program: Path, folder: Path, **more: str) -> tuple[subprocess.Popen, str]:
    """A run on the simulator, and where its Flight is."""
    said = folder / "said"
    command = [program, "run", "--source", "simulator", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--window", "30"]
    with said.open("w") as errors:
        run = subprocess.Popen(
            [*command, "--data", folder / "data", "--format", "json"],
            cwd=folder, env=environment() | more, stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := re.search(r"(grpc(\+tls)?://\S+)", said.read_text()):
            return run, found.group(1)
        assert run.poll() is None, said.read_text()
        time.sleep(0.05)
    run.kill()
    pytest.fail(f"the run does not say where Flight is: {said.read_text()}")
