"""What the Cassandra tests share: running the scripts in a copy of the project, and nodes in it."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import RoundRobinPolicy

PROJECT = Path(__file__).resolve().parents[3]
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
    while True:
        first = random.randrange(11_000, 20_000)
        numbers = (first, first + 10_000, first + 20_000, first + 20_001, first + 20_002)
        with ExitStack() as stack:
            try:
                for address in ADDRESSES:
                    for number in numbers:
                        stack.enter_context(socket.socket()).bind((address, number))
            except OSError:
                continue
            return first


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
) -> Iterator[Session]:
    """A session of the driver."""
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=30)
    login = PlainTextAuthProvider(role, password)
    cluster = Cluster(
        addresses, port, auth_provider=login, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, protocol_version=5
    )
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


class Node:
    """A real node in a folder and on ports of its own."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.project = project
        self.folder = folder
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Runs a script on this node."""
        mine = {"PORT": str(self.port), "DATA_DIR": str(self.folder)}
        return script(self.project, name, *arguments, **{**mine, **variables})

    def start(self, **variables: str) -> str:
        """Starts it; gives what was said."""
        done = self.script("start", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> str:
        """Stops it; gives what was said."""
        done = self.script("stop")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pid(self) -> int:
        """Its process, by the pid file."""
        return int((self.folder / "node.pid").read_text())

    def kill(self) -> None:
        """kill -9, and waits until the process is gone."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), "the killed node is gone")


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def wait_until(holds, what: str, seconds: float = 30.0) -> None:
    """Waits until `holds()` does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
