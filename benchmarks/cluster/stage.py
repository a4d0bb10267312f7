"""What is measured on: a real cluster, an engine with a full window, sessions and processes on cores of their own.

Clusters, engines and sessions are those of the tests; the program and the package are release builds.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
for folder in ("python/tests", "python/tests/spark", "benchmarks/cassandra", "benchmarks/flight"):
    sys.path.append(str(PROJECT / folder))

from beside import Node, Peer
from cluster import Cluster, executors, script
from service import copy_of_project

__all__ = ["ASSETS", "PROJECT", "UNIVERSE", "WINDOW", "Cluster", "Node", "Peer", "cluster", "own_processes", "pin"]

#: Assets and returns of the window that tasks fetch.
ASSETS, WINDOW = 50, 500
UNIVERSE = [f"ASSET{number:02}" for number in range(ASSETS)]


@contextmanager
def cluster(folder: Path, name: str, workers: int, cores: int) -> Iterator[Cluster]:
    """A standalone cluster. More cores than the machine has let a second session wait beside the first, idle."""
    copy = folder / name
    copy.mkdir()
    copy_of_project("spark", copy, "python/requirements-spark.txt")
    (copy / ".venv-spark").symlink_to(PROJECT / ".venv-spark")
    one = Cluster(copy, copy / "data")
    try:
        one.start(WORKERS=str(workers), CORES=str(cores))
        yield one
    finally:
        script(copy, "stop", "--data", str(one.folder))


def own_processes(application: str) -> list[int]:
    """Executors of a session, and what they have started."""
    found = executors(application)
    lines = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in map(str.split, lines.splitlines())}
    # The list grows on the way: children of children are found, too.
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def pin(pids: list[int], cores: set[int]) -> None:
    """Keeps processes with all their threads on these cores."""
    for pid in pids:
        # Spark ends workers in Python that it no longer needs, and threads come and go.
        with suppress(FileNotFoundError):
            for thread in list(Path(f"/proc/{pid}/task").iterdir()):
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread.name), cores)
