"""Starting, checking and stopping a node; what it keeps when it is killed; who may log in."""

import hashlib
import os
import shutil
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cassandra.cluster import NoHostAvailable
from cassandra.concurrent import execute_concurrent_with_args
from node import Node, environment, free_port, script, session
from service import PROJECT, is_alive, tools_without

PLAIN = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"


def java_that_says(folder: Path, version: str) -> str:
    """A JAVA_HOME whose java only says its version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-20' >&2\n")
    program.chmod(0o755)
    return str(folder)


def test_start_waits_until_it_is_ready_and_a_second_one_changes_nothing(the_node: Node) -> None:
    assert f"Cassandra is ready on {the_node.address}" in the_node.start()
    pid = the_node.pid()
    assert os.getsid(pid) == pid
    assert the_node.start().startswith(f"Cassandra runs already on {the_node.address} (process {pid}, ")
    assert the_node.pid() == pid
    status = the_node.script("status")
    assert (status.returncode, status.stdout.startswith(f"Cassandra runs on {the_node.address}")) == (0, True)


def test_nothing_is_reached_from_another_machine(node: Node) -> None:
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    of_node = [line.split()[3] for line in listening.splitlines() if f"pid={node.pid()}," in line]
    assert len(of_node) >= 3
    assert [place for place in of_node if not place.replace("[::ffff:", "").startswith("127.0.0.1")] == []


def test_a_second_node_on_the_same_port_is_refused(node: Node, tmp_path: Path) -> None:
    done = script(node.project, "start", "--port", str(node.port), "--data", str(tmp_path / "other"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"port {node.port} of 127.0.0.1 is taken by another program" in done.stderr and done.stderr.count("\n") == 1
    status = script(node.project, "status", "--port", str(node.port), "--data", str(tmp_path / "other"))
    assert status.returncode == 1 and f"Something else listens on port {node.port}\n" in status.stdout
    assert is_alive(node.pid()) and not (tmp_path / "other").exists()


@pytest.mark.parametrize("shift", [10_000, 20_000])
def test_the_other_ports_must_be_free_too(project: Path, tmp_path: Path, shift: int) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port + shift)):
        done = script(project, "start", "--port", str(port), "--data", str(tmp_path / "data"))
    assert done.returncode == 1 and done.stderr.startswith(f"cassandra-start.sh: port {port + shift}")
    assert not (tmp_path / "data").exists()


def test_the_role_makes_keyspaces_of_its_own_and_reads_no_passwords(node: Node) -> None:
    with session(node.port) as cql:
        cql.execute(f"CREATE KEYSPACE IF NOT EXISTS own {PLAIN}")
        cql.execute("CREATE TABLE own.t (a int PRIMARY KEY)")
        cql.execute("INSERT INTO own.t (a) VALUES (1)")
        cql.execute("ALTER TABLE own.t ADD b int")
        cql.execute("DROP KEYSPACE own")
        with pytest.raises(Exception, match="has no SELECT permission on <table system_auth.roles>"):
            cql.execute("SELECT * FROM system_auth.roles")


@pytest.mark.parametrize(
    ("role", "password"),
    [("silverbullet", "wrong"), ("cassandra", "cassandra"), ("admin", "admin"), ("nobody", "silverbullet")],
)
def test_others_may_not_log_in(node: Node, role: str, password: str) -> None:
    with pytest.raises(NoHostAvailable) as refused, session(node.port, role=role, password=password):
        pass
    assert "Bad credentials" in str(refused.value)


def test_only_the_owner_reads_the_passwords(node: Node) -> None:
    for name in ("admin", "role"):
        assert stat.S_IMODE((node.folder / f"{name}.credentials").stat().st_mode) == 0o600


def test_what_was_acknowledged_is_there_after_a_kill(node: Node) -> None:
    kept: list[int] = []
    with session(node.port) as cql:
        cql.execute(f"CREATE KEYSPACE kept {PLAIN}")
        cql.execute("CREATE TABLE kept.rows (id int PRIMARY KEY, text text)")
        insert = cql.prepare("INSERT INTO kept.rows (id, text) VALUES (?, ?)")
        killer = threading.Timer(3.0, node.kill)
        killer.start()
        for first in range(0, 1_000_000, 200):
            rows = [(first + i, "x" * 100) for i in range(200)]
            answers = execute_concurrent_with_args(cql, insert, rows, concurrency=200, raise_on_first_error=False)
            kept += [row[0] for row, answer in zip(rows, answers, strict=True) if answer.success]
            if not all(answer.success for answer in answers):
                break
        killer.join()
    assert len(kept) > 2_000
    # A role of its own was made before; it is not made again.
    assert "Cassandra is ready" in node.start(ROLE_PASSWORD="another that does not count")
    with session(node.port) as cql:
        there = {row.id for row in cql.execute("SELECT id FROM kept.rows")}
    assert [row for row in kept if row not in there] == []


def test_a_process_that_has_the_number_of_an_old_node_is_left_alone(project: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        (tmp_path / "node.pid").write_text(f"{stranger.pid}\n")
        for name, code in (("status", 1), ("stop", 0)):
            done = script(project, name, "--port", str(free_port()), "--data", str(tmp_path))
            assert (done.returncode, done.stdout) == (code, f"No node runs with its data in {tmp_path}\n")
        assert stranger.poll() is None
        stranger.stdin.close()


def test_a_node_that_does_not_come_up_is_shown_with_its_last_words(project: Path, tmp_path: Path) -> None:
    settings = tmp_path / "own.yaml"
    settings.write_text("no_such_setting: 1\n")
    data = tmp_path / "data"
    done = script(project, "start", "--port", str(free_port()), "--data", str(data), "--settings", str(settings))
    assert done.returncode == 1
    assert "no_such_setting" in done.stderr
    assert f"the node ended while it started; the lines above are the last of {data}/logs/system.log" in done.stderr
    assert done.stderr.endswith(f"; see the settings {data}/cassandra.yaml\n")
    assert not (data / "node.pid").exists()


def test_a_node_that_is_not_ready_in_time_is_said_and_can_be_stopped(project: Path, tmp_path: Path) -> None:
    slow = Node(project, tmp_path / "data")
    done = slow.script("start", START_TIMEOUT="0")
    assert (
        done.returncode == 1 and "is not ready after 0 s; it goes on starting, cassandra-stop.sh ends it" in done.stderr
    )
    pid = slow.pid()
    assert slow.stop() == f"Cassandra has stopped (it was process {pid})\n"
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "0"), "the port is '0', it must be a number from 1 to 65535"),
        (("--port",), "--port needs a value"),
        (("--prot", "1"), "unknown argument '--prot'"),
        (("--heap", "lots"), "the heap is 'lots', it must be a size such as 1g or 512m"),
        (("--address", "0.0.0.0"), "the address is '0.0.0.0', it must be one of this machine's own such as 127.0.0.1"),
    ],
)
def test_wrong_usage_ends_with_2(project: Path, arguments: tuple[str, ...], message: str) -> None:
    for name in ("start", "stop", "status"):
        done = script(project, name, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"cassandra-{name}.sh: {message}; --help lists the options\n"


@pytest.mark.parametrize("version", ["11.0.20", "25.0.1", "1.8.0_392"])
def test_a_java_that_will_not_do_is_refused(project: Path, tmp_path: Path, version: str) -> None:
    home = java_that_says(tmp_path / "java", version)
    done = script(project, "start", "--port", str(free_port()), "--data", str(tmp_path / "data"), JAVA_HOME=home)
    number = version.removeprefix("1.").split(".")[0]
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"java is version {number}, Cassandra needs 17" in done.stderr and "openjdk-17-jre-headless" in done.stderr
    assert not (tmp_path / "data").exists()


def test_what_is_missing_is_said_in_one_line(project: Path, tmp_path: Path) -> None:
    data, port = str(tmp_path / "data"), str(free_port())
    path = tools_without(tmp_path / "tools", environment()["PATH"], "java", "mvn", "cqlsh")
    nowhere = str(tmp_path / "lib")
    without_java = {"PATH": path, "DATA_DIR": data, "PORT": port, "JAVA_HOME": ""}
    for name in ("start", "bin/nodetool.sh"):
        done = script(project, name, **without_java)
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert "java is missing: sudo apt-get install -y openjdk-17-jre-headless" in done.stderr
    done = script(project, "bin/cqlsh.sh", **without_java)
    assert done.returncode == 1 and "cqlsh is missing: python -m pip install -r" in done.stderr
    path = tools_without(tmp_path / "tools with java", environment()["PATH"], "mvn")
    done = script(project, "bin/cassandra-fetch.sh", PATH=path, LIB_DIR=nowhere)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "mvn is missing: sudo apt-get install -y maven" in done.stderr
    done = script(project, "start", "--data", data, "--port", port, LIB_DIR=nowhere)
    assert done.returncode == 1 and "bin/cassandra-fetch.sh first" in done.stderr


def test_jars_that_are_not_those_of_the_lock_file_are_fetched_anew(project: Path, tmp_path: Path) -> None:
    jars = tmp_path / "lib"
    shutil.copytree(PROJECT / "target" / "cassandra" / "lib", jars)
    said = script(project, "bin/cassandra-fetch.sh", LIB_DIR=str(jars)).stdout
    assert said == f"Cassandra's jars are in {jars}\n"
    spoilt = next(jars.glob("cassandra-all-*.jar"))
    right = hashlib.sha256(spoilt.read_bytes()).hexdigest()
    with spoilt.open("ab") as file:
        file.write(b"x")
    # Left over from another version: it would be on the class path, too.
    (jars / "another-1.0.jar").touch()
    done = script(project, "bin/cassandra-fetch.sh", LIB_DIR=str(jars))
    assert done.returncode == 0 and "Fetching" in done.stdout, done.stderr
    assert hashlib.sha256(spoilt.read_bytes()).hexdigest() == right
    assert not (jars / "another-1.0.jar").exists()
