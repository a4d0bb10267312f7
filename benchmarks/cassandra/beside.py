"""What benchmarks have beside them: programs that answer commands, and a Cassandra node on cores of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = PROJECT / "setup" / "cassandra" / "bin"


class Peer:
    """A program that answers a line with a line of JSON, on one core or on all."""

    def __init__(self, core: int | None, *command: object, **variables: str) -> None:
        self.process = subprocess.Popen(
            [*map(str, command)],
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | variables,
        )
        self._told = ""

    def tell(self, *words: object) -> None:
        assert self.process.stdin
        self._told = " ".join(map(str, words))
        print(self._told, file=self.process.stdin, flush=True)

    def answer(self) -> dict:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended at: {self._told}")
        return json.loads(line)

    def ask(self, *words: object) -> dict:
        self.tell(*words)
        return self.answer()

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    """The node of the benchmark, on all cores but the client's."""

    def __init__(self, folder: Path, cores: list[int]) -> None:
        self.folder = folder
        self.cores = cores
        self.ports = {name: free_port() for name in ("port", "storage-port", "jmx-port")}
        self.start()

    def start(self) -> None:
        options = [word for name, port in self.ports.items() for word in (f"--{name}", str(port))]
        command = [SCRIPTS / "cassandra-start.sh", *options, "--data", self.folder, "--heap", "3g"]
        subprocess.run(command, check=True, stdout=sys.stderr, preexec_fn=lambda: os.sched_setaffinity(0, self.cores))

    def kill(self) -> None:
        os.kill(int((self.folder / "node.pid").read_text()), signal.SIGKILL)

    def tool(self, *arguments: str) -> str:
        command = [SCRIPTS / "nodetool.sh", "-p", str(self.ports["jmx-port"]), *arguments]
        environment = {**os.environ, "DATA_DIR": str(self.folder)}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    def stop(self) -> None:
        subprocess.run([SCRIPTS / "cassandra-stop.sh", "--data", self.folder], check=True, stdout=sys.stderr)
