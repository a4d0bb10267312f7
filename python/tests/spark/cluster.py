"""What the Spark tests share: running the scripts in a copy of the project, and clusters in it."""

import os
import subprocess
from pathlib import Path

from service import PROJECT, Service, first_free

VENV = PROJECT / ".venv-spark"
OURS = "PORT WEB_PORT WORKERS CORES MEMORY DATA_DIR LOG_DIR MASTER VENV START_TIMEOUT STOP_TIMEOUT CONNECT_PORT".split()


def environment() -> dict[str, str]:
    """The environment without settings of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("SPARK_")}
    # What was fetched is that of the project; what a copy of it writes stays in the copy.
    kept["VENV"] = str(VENV)
    # Programs that live for seconds: what they would save by the second compiler, it takes.
    kept["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1"
    return kept


def free_port() -> int:
    """A port that is free with those that the scripts derive from it, and one more after them."""
    return first_free(lambda first: [("127.0.0.1", first + more) for more in (0, 3, 4, 5, 6)])


def script(project: Path, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Runs a script of setup/spark to its end, from another working directory."""
    return subprocess.run(
        [project / "setup" / "spark" / name, *arguments],
        env={**environment(), **variables},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=180,
    )


def executors(application: str) -> list[int]:
    """The processes of a session's executors, by the id of its application."""
    found = subprocess.run(["ps", "-ww", "-e", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    own = f"--app-id {application} "
    return [int(line.split()[0]) for line in found.splitlines() if own in line and "ExecutorBackend" in line]


class Cluster(Service):
    """A real master with its workers."""

    pid_file = "master.pid"

    def __init__(self, project: Path, folder: Path) -> None:
        super().__init__(project, folder, free_port())

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Runs a script on this cluster."""
        return script(self.project, name, *arguments, **{**self.place(), **variables})

    def place(self) -> dict[str, str]:
        """The variables by which the scripts find it."""
        return {"PORT": str(self.port), "DATA_DIR": str(self.folder)}

    def submit(self, job: Path, *arguments: str, **variables: str) -> str:
        """Runs a job to its good end; gives what it printed."""
        done = self.script("bin/spark-submit.sh", str(job), *arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pid_of(self, part: str) -> int:
        """The process of the master or of a worker, by its pid file."""
        return int((self.folder / f"{part}.pid").read_text())
