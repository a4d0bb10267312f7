"""Fixtures of the Kafka tests. Every broker is real, lives in a temporary folder and has ended afterwards."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker, environment, script, started
from live import SETTINGS, Ask, Start, Table
from service import PROJECT, assert_none_left, copy_of_project, is_alive


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what of the project Kafka needs, under a name with a blank; its brokers are ended afterwards."""
    jars = PROJECT / "target" / "kafka" / "lib"
    assert jars.is_dir(), "Kafka's jars are not there; run `make test-kafka`, or setup/kafka/bin/kafka-fetch.sh first"
    copy = tmp_path_factory.mktemp("a project")
    copy_of_project("kafka", copy, "csv_producer.py", "kafka-manual.md", "python/requirements-kafka.txt")
    shutil.copytree(PROJECT / "docs" / "examples", copy / "docs" / "examples")
    yield copy
    for pid_file in copy.rglob("broker.pid"):
        script(copy, "bin/kafka-stop.sh", "--data", str(pid_file.parent))
    assert_none_left("kafka", copy)


@pytest.fixture(autouse=True)
def no_producer_left() -> Iterator[None]:
    """Ends what a failed test has left running."""
    yield
    while started:
        running = started.pop()
        if running.poll() is None:
            running.kill()
            running.wait()


@pytest.fixture(scope="session")
def broker(project: Path) -> Broker:
    """A broker that runs all along; tests take topics of their own."""
    broker = Broker(project, project / "brokers" / "shared")
    broker.start()
    return broker


@pytest.fixture(scope="session")
def one_to_kill(project: Path) -> Broker:
    """A broker that tests kill; it runs where the test before has not left it dead."""
    broker = Broker(project, project / "brokers" / "to kill")
    broker.start()
    return broker


@pytest.fixture
def killable(one_to_kill: Broker) -> Broker:
    """That broker, running; tests take topics of their own."""
    if not is_alive(one_to_kill.pid()):
        one_to_kill.start()
    return one_to_kill


@pytest.fixture
def settings() -> str:
    """What runs are given; a module may say otherwise."""
    return SETTINGS


@pytest.fixture
def ask(program: Path, tmp_path: Path, settings: str) -> Ask:
    """Runs a command of the program to its end."""
    (tmp_path / "silverbullet.toml").write_text(settings)

    def ask(*arguments: object) -> subprocess.CompletedProcess:
        command = [str(argument) for argument in (program, *arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=600, check=False
        )

    return ask


@pytest.fixture
def start(program: Path, tmp_path: Path, settings: str) -> Start:
    """Starts a run of a topic into a folder; what it says is kept in `said`."""
    (tmp_path / "silverbullet.toml").write_text(settings)

    def start(broker: Broker, topic: str, data: str, *arguments: object, **variables: str) -> subprocess.Popen:
        source = ("--source", "kafka", "--brokers", broker.address, "--topic", topic)
        command = [program, "run", *source, "--data", data, "--format", "json", *map(str, arguments)]
        with (tmp_path / "said").open("a") as said:
            running = subprocess.Popen(
                command, cwd=tmp_path, env=environment() | variables, stdout=subprocess.PIPE, stderr=said, text=True
            )
        started.append(running)
        return running

    return start


@pytest.fixture
def table(ask: Ask) -> Table:
    """The rows of a table in a folder, without the run that wrote them."""

    def table(data: str, name: str) -> list[str]:
        kept = {
            "bars": "bar, asset, open_time, close_time, open, high, low, close, volume, ticks",
            "portfolios": "bar, objective, method, as_of, mean, risk, sharpe, gap, turnover, label, weights",
        }
        done = ask("sql", f"select {kept[name]} from {name} order by 1, 2, 3", "--data", data, "--format", "csv")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return table
