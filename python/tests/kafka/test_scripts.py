"""Starting, checking and stopping a broker, and fetching its jars."""

import hashlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from broker import CONTROLLER, Broker, environment, free_ports, script
from service import PROJECT, is_alive, tools_without, wait_until


@pytest.fixture(scope="module")
def own(project: Path) -> Broker:
    """A broker that tests may start and stop."""
    return Broker(project, project / "brokers" / "started and stopped")


def test_start_waits_until_it_is_ready_and_a_second_one_changes_nothing(own: Broker) -> None:
    assert f"Kafka is ready on {own.address}" in own.start()
    pid = own.pid()
    socket.create_connection(("127.0.0.1", own.port), timeout=1).close()
    assert own.start().startswith(f"Kafka runs already on {own.address} (process {pid}, ")
    assert own.pid() == pid
    status = own.script("status")
    assert (status.returncode, status.stdout.startswith(f"Kafka runs on {own.address} (process {pid}, ")) == (0, True)
    assert own.stop() == f"Kafka has stopped (it was process {pid})\n"
    assert not is_alive(pid)
    assert own.stop().startswith("No broker runs with its data in ")
    status = own.script("status")
    assert (status.returncode, status.stdout) == (1, f"No broker runs with its data in {own.folder}\n")


def test_a_broker_outlives_the_shell_that_started_it(own: Broker) -> None:
    command = [own.project / "setup" / "kafka" / "start", "--port", str(own.port), "--data", own.folder]
    shell = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, start_new_session=True)
    assert shell.wait(timeout=60) == 0
    # As a terminal that is closed does, to all that belongs to it.
    pid = own.pid()
    assert os.getpgid(pid) != shell.pid and os.getsid(pid) != shell.pid
    assert is_alive(pid)


def test_stop_ends_no_other_broker(own: Broker, broker: Broker) -> None:
    own.start()
    other = broker.pid()
    own.stop()
    assert is_alive(other) and broker.script("status").returncode == 0


def test_a_process_that_has_the_number_of_an_old_broker_is_left_alone(own: Broker) -> None:
    own.stop()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        pid_file = own.folder / "broker.pid"
        pid_file.write_text(f"{stranger.pid}\n")
        assert own.script("status").returncode == 1
        assert own.stop().startswith("No broker runs")
        pid_file.write_text(f"{stranger.pid}\n")
        assert "Kafka is ready on" in own.start()
        assert own.pid() != stranger.pid
        own.stop()
        assert stranger.poll() is None
        stranger.stdin.close()


@pytest.mark.parametrize("shift", [0, CONTROLLER])
def test_a_port_that_is_taken_is_said(project: Path, tmp_path: Path, shift: int) -> None:
    port = free_ports(1)
    with socket.create_server(("127.0.0.1", port + shift)):
        done = script(project, "start", "--port", str(port), "--data", str(tmp_path / "data"))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"kafka-start.sh: port {port + shift}") and done.stderr.count("\n") == 1
        assert "taken by another program" in done.stderr
        if not shift:
            status = script(project, "status", "--port", str(port), "--data", str(tmp_path / "data"))
            assert status.returncode == 1 and f"Something else listens on port {port}\n" in status.stdout
    assert not (tmp_path / "data" / "broker.pid").exists()


def test_a_broker_that_does_not_come_up_is_shown_with_its_last_words(project: Path, tmp_path: Path) -> None:
    settings = tmp_path / "server.properties"
    settings.write_text("node.id=1\n")
    port = free_ports(1)
    data = tmp_path / "data"
    done = script(project, "start", "--port", str(port), "--data", str(data), "--config", str(settings))
    assert done.returncode == 1
    assert 'Missing required configuration "process.roles"' in done.stderr
    assert f"kafka-start.sh: the broker ended while it started; the lines above are the last of {data}" in done.stderr
    assert not (data / "broker.pid").exists()


def test_a_broker_that_is_not_ready_in_time_is_said_and_can_be_stopped(own: Broker) -> None:
    own.stop()
    done = own.script("start", START_TIMEOUT="0")
    assert done.returncode == 1
    assert "is not ready after 0 s; it goes on starting, kafka-stop.sh ends it" in done.stderr
    pid = own.pid()
    log = own.folder / "logs" / "server.log"
    wait_until(lambda: log.exists() and "Kafka Server started" in log.read_text(), "it has started")
    own.stop()
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "0"), "the port is '0', it must be a number from 1 to 65535"),
        (("--port",), "--port needs a value"),
        (("--prot", "1"), "unknown argument '--prot'"),
        (("--heap", "lots"), "the heap is 'lots', it must be a size such as 512m or 2g"),
    ],
)
def test_wrong_usage_ends_with_2(project: Path, arguments: tuple[str, ...], message: str) -> None:
    for name in ("start", "stop", "status"):
        done = script(project, name, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"kafka-{name}.sh: {message}; --help lists the options\n"


def test_what_is_missing_is_said_in_one_line(project: Path, tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    path = tools_without(tmp_path / "tools", environment()["PATH"], "java", "mvn")
    for name in ("start", "bin/kafka-topics.sh"):
        done = script(project, name, *(["--data", data] if name == "start" else []), PATH=path)
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert "java is missing: sudo apt-get install -y openjdk-17-jre-headless" in done.stderr
    path = tools_without(tmp_path / "tools with java", environment()["PATH"], "mvn")
    nowhere = str(tmp_path / "lib")
    done = script(project, "bin/kafka-fetch.sh", PATH=path, LIB_DIR=nowhere)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "mvn is missing: sudo apt-get install -y maven" in done.stderr
    done = script(project, "start", "--data", data, LIB_DIR=nowhere)
    assert done.returncode == 1 and "run " in done.stderr and "bin/kafka-fetch.sh first" in done.stderr


def test_jars_that_are_not_those_of_the_lock_file_are_fetched_anew(project: Path, tmp_path: Path) -> None:
    jars = tmp_path / "lib"
    shutil.copytree(PROJECT / "target" / "kafka" / "lib", jars)
    said = script(project, "bin/kafka-fetch.sh", LIB_DIR=str(jars)).stdout
    assert said == f"Kafka's jars are in {jars}\n"
    spoilt = next(jars.glob("kafka-clients-*.jar"))
    right = hashlib.sha256(spoilt.read_bytes()).hexdigest()
    with spoilt.open("ab") as file:
        file.write(b"x")
    # Left over from another version: it would be on the class path, too.
    (jars / "another-1.0.jar").touch()
    done = script(project, "bin/kafka-fetch.sh", LIB_DIR=str(jars))
    assert done.returncode == 0 and "Fetching" in done.stdout, done.stderr
    assert hashlib.sha256(spoilt.read_bytes()).hexdigest() == right
    assert not (jars / "another-1.0.jar").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["lib"]


def test_what_maven_brings_must_be_what_the_lock_file_says(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project / "setup", copy / "setup", symlinks=True)
    lock = copy / "setup" / "kafka" / "jars.sha256"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join(["0" * 64 + lines[0][64:], *lines[1:]]) + "\n")
    jars = copy / "target" / "lib"
    done = script(copy, "bin/kafka-fetch.sh", LIB_DIR=str(jars))
    assert done.returncode == 1 and "nothing was installed" in done.stderr
    assert f"  < {'0' * 64}" in done.stderr and f"  > {lines[0]}" in done.stderr
    assert not jars.exists()
