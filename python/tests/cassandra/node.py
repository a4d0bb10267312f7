"""What the Cassandra tests share: running the scripts in a copy of the project, and nodes in it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from service import PROJECT, Service, first_free

if TYPE_CHECKING:
    from cassandra.cluster import Session

ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
OURS = (
    "PORT STORAGE_PORT JMX_PORT DATA_DIR LOG_DIR HEAP SETTINGS ADDRESS SEEDS ROLE ROLE_PASSWORD COPIES RING"
).split()


def environment() -> dict[str, str]:
    """The environment without settings of the person who runs the tests; `python` and `cqlsh` are those of the tests."""
    ours = (*OURS, "START_TIMEOUT", "STOP_TIMEOUT", "CQLSH_HOST", "CQLSH_PORT")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept['PATH']}"
    # The jars are those of the project; what a copy of it writes stays in the copy.
    kept["LIB_DIR"] = str(PROJECT / "target" / "cassandra" / "lib")
    # Nodes that live for seconds: what they would save by the second compiler, it takes.
    kept["JVM_OPTIONS"] = "-XX:TieredStopAtLevel=1"
    return kept


def free_port() -> int:
    """A port that is free with the two that the scripts derive from it, on all addresses of a ring."""
    shifts = (0, 10_000, 20_000, 20_001, 20_002)
    return first_free(lambda first: [(address, first + shift) for address in ADDRESSES for shift in shifts])


def script(project: Path, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Runs a script of setup/cassandra to its end, from another working directory."""
    return subprocess.run(
        [project / "setup" / "cassandra" / name, *arguments],
        env={**environment(), **variables},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
    )


@contextmanager
def session(
    port: int, addresses: tuple[str, ...] = ADDRESSES[:1], role: str = "silverbullet", password: str = "silverbullet"
) -> Iterator["Session"]:
    """A session of the driver."""
    # Not where tests of Spark import this: its environment has no driver.
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra.policies import RoundRobinPolicy

    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=30)
    login = PlainTextAuthProvider(role, password)
    cluster = Cluster(
        addresses, port, auth_provider=login, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, protocol_version=5
    )
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


class Node(Service):
    """A real node."""

    pid_file = "node.pid"

    def __init__(self, project: Path, folder: Path) -> None:
        super().__init__(project, folder, free_port())

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Runs a script on this node."""
        mine = {"PORT": str(self.port), "DATA_DIR": str(self.folder)}
        return script(self.project, name, *arguments, **{**mine, **variables})
