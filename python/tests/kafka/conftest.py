"""Fixtures of the Kafka tests. Every broker is real, lives in a temporary folder and has ended afterwards."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import PROJECT, Broker, is_alive, script, started


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what of the project Kafka needs, under a name with a blank; its brokers are ended afterwards."""
    jars = PROJECT / "target" / "kafka" / "lib"
    assert jars.is_dir(), "Kafka's jars are not there; run `make test-kafka`, or setup/kafka/bin/kafka-fetch.sh first"
    copy = tmp_path_factory.mktemp("a project")
    shutil.copytree(PROJECT / "setup" / "kafka", copy / "setup" / "kafka", symlinks=True)
    shutil.copytree(PROJECT / "docs" / "examples", copy / "docs" / "examples")
    (copy / "python").mkdir()
    (copy / "target").mkdir()
    for name in ("csv_producer.py", "kafka-manual.md", "python/requirements-kafka.txt"):
        shutil.copy(PROJECT / name, copy / name)
    yield copy
    for pid_file in copy.rglob("broker.pid"):
        script(copy, "bin/kafka-stop.sh", "--data", str(pid_file.parent))
    processes = subprocess.run(["ps", "-ww", "-e", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert f"silverbullet.kafka.data={copy}" not in processes, "a broker of the tests is still running"


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
