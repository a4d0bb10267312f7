"""What the tests of the whole cluster share: a copy of the project, its scripts, and the sample prices."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import adbc_driver_flightsql.dbapi as flightsql
import pandas
import pyarrow
from documents import Block, blocks
from program import binary
from service import PROJECT, first_free

#: What `make test-cluster` has unpacked: what is tested is never one that happens to be installed.
PACKAGE = Path(os.environ.get("SILVERBULLET_PACKAGE", PROJECT / "python")).resolve()
sys.path.insert(0, str(PACKAGE))

#: What was fetched is that of the project; what a copy of it writes stays in the copy.
FETCHED = (".venv", ".venv-spark", "target/kafka/lib", "target/cassandra/lib")
OURS = (
    "PORT WEB_PORT DATA_DIR LOG_DIR LIB_DIR HEAP CONFIG MASTER VENV WORKERS CORES MEMORY START_TIMEOUT STOP_TIMEOUT "
    "ROLE ROLE_PASSWORD KAFKA_PORT CASSANDRA_PORT SPARK_PORT HTTP_PORT GRPC_PORT SETTINGS CLUSTER_DIR "
    "PORTFOLIOS SEED KEEP PROGRAM PYTHON PACKAGE STORAGE_PORT JMX_PORT CONTROLLER_PORT"
).split()
#: In setup/cluster/silverbullet.toml.
UNIVERSE, WINDOW = "sample", 240
MINUTE = 60
#: Of the demonstration in the guide.
PORTFOLIOS, SEED = 10_000_000, 7


def environment() -> dict[str, str]:
    """The environment without settings of the person who runs the tests."""
    theirs = ("SILVERBULLET_", "SPARK_")
    kept = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith(theirs)}
    kept |= {"PROGRAM": str(binary().resolve()), "PYTHON": sys.executable, "PACKAGE": str(PACKAGE)}
    # The guide calls them by their names.
    kept["PATH"] = f"{Path(sys.executable).parent}:{Path(kept['PROGRAM']).parent}:{kept['PATH']}"
    # Programs that live for seconds: what they would save by the second compiler, it takes.
    kept |= {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1"}
    return kept


def guide() -> list[Block]:
    """The commands of the guide: start and demonstration, asking, stop."""
    return [block for block in blocks("setup/cluster/cluster-setup.md") if block.kind == "sh"]


def copy_project(copy: Path) -> None:
    """Copies what the cluster needs."""
    for folder in ("setup", "spark-jobs"):
        shutil.copytree(PROJECT / folder, copy / folder, symlinks=True)
    for name in ("csv_producer.py", "Makefile"):
        shutil.copy(PROJECT / name, copy)
    for name in FETCHED:
        assert (PROJECT / name).exists(), f"{name} is not there; run `make test-cluster`"
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).symlink_to((PROJECT / name).resolve())
    (copy / "target" / "package").symlink_to(PACKAGE)


class Stack:
    """A cluster in a copy of the project, on free ports of its own."""

    def __init__(self, project: Path) -> None:
        self.project = project
        # Each with what the scripts derive from it: Kafka's controller; Cassandra's storage and JMX; Spark's pages.
        shifts = (0, 10_000, 1, 10_001, 20_001, 2, 5, 6, 7, 8, 9)
        first = first_free(lambda port: [("127.0.0.1", port + shift) for shift in shifts])
        self.kafka, self.cassandra, self.spark, self.http, self.grpc = first, first + 1, first + 2, first + 8, first + 9
        self.folder = project / "target" / f"cluster-{self.grpc}"
        self.url = f"grpc://127.0.0.1:{self.grpc}"

    def variables(self) -> dict[str, str]:
        """Those by which the scripts find it."""
        names = ("kafka", "cassandra", "spark", "http", "grpc")
        return environment() | {f"{name.upper()}_PORT": str(getattr(self, name)) for name in names}

    def start(self, script: str, *arguments: str, **variables: str) -> subprocess.Popen:
        """Starts a script of setup/cluster, as a terminal would."""
        return subprocess.Popen(
            [self.project / "setup" / "cluster" / "bin" / script, *arguments],
            env=self.variables() | variables,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Where the tests run in the background, Ctrl-C is ignored by whatever they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def script(self, name: str, *arguments: str, **variables: str) -> tuple[int, str]:
        """Runs a script to its end; gives its exit code and what it said."""
        running = self.start(name, *arguments, **variables)
        said, _ = running.communicate(timeout=240)
        return running.returncode, said

    def submit(self, job: str, *arguments: str) -> str:
        """Runs a job's command to its good end; gives what it said."""
        package = {"PORT": str(self.spark), "PYTHONPATH": str(PACKAGE)}
        done = subprocess.run(
            [self.project / "setup" / "spark" / "bin" / "spark-submit.sh", "--conf", f"spark.executorEnv.PYTHONPATH={PACKAGE}",
             self.project / "spark-jobs" / f"{job}.py", *arguments],
            env=environment() | package, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def sql(self, query: str) -> list[dict]:
        """What `silverbullet sql` finds, in Cassandra and in the folder of results."""
        nodes = {"SILVERBULLET_STORE__CASSANDRA__NODES": f"127.0.0.1:{self.cassandra}"}
        done = subprocess.run(
            [binary(), "sql", query, "--data", self.folder / "results", "--format", "json"],
            env=environment() | nodes, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def flight_sql(self, query: str) -> pyarrow.Table:
        """What the engine answers over Flight SQL."""
        with flightsql.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table()

    def left(self) -> list[str]:
        """The processes that have something in the copy of the project."""
        shown = subprocess.run(["ps", "-ww", "-e", "-o", "args="], capture_output=True, text=True, check=True).stdout
        services = ("kafka", "cassandra", "spark")
        marks = [*(f"silverbullet.{name}.data={self.project}" for name in services), f"--data {self.project}"]
        return [line for line in shown.splitlines() if any(mark in line for mark in marks)]


def closes() -> pandas.DataFrame:
    """The sample's prices, a row a minute: each price is stamped on the grid and closes its bar."""
    long = pandas.read_csv(PROJECT / "setup" / "kafka" / "sample-prices.csv", parse_dates=["timestamp"])
    wide = long.pivot(index="timestamp", columns="asset", values="price")
    assert wide.shape == (480, 16) and not wide.isna().any().any()
    return wide
