"""Starting and stopping the cluster: twice, over taken ports, and broken off."""

import os
import re
import signal
import socket
from pathlib import Path

from documents import run_commands
from service import wait_until
from stack import Stack, guide


def test_the_account_says_what_is_where_and_a_second_start_changes_nothing(up: tuple[Stack, str]) -> None:
    stack, said = up
    parts = [f"{number}/4 {name}" for number, name in enumerate(("Kafka", "Cassandra", "Spark", "The engine"), 1)]
    assert all(part in said for part in parts), said
    assert f"http://127.0.0.1:{stack.http}" in said and stack.url in said and "engine.log" in said
    before = stack.left()
    code, again = stack.script("cluster-up.sh")
    assert code == 0 and stack.left() == before, again
    for words in ("Kafka runs on", "Cassandra runs on", "Spark runs on", "The engine runs"):
        assert words in again, again
    code, status = stack.script("cluster-status.sh")
    assert code == 0 and status.count(" runs") >= 6, status


def test_the_guide_asks_it(stack: Stack) -> None:
    said = run_commands(guide()[1].text, stack.project, stack.variables())
    assert "delivered 7680, failed 0" in said
    for objective in ("max-sharpe", "min-variance"):
        assert re.search(rf"│ {objective} +┆ exact +┆ +239 ", said), said


def test_all_ports_that_are_taken_are_said_before_anything_starts(project: Path) -> None:
    stack = Stack(project)
    with socket.create_server(("127.0.0.1", stack.kafka)), socket.create_server(("127.0.0.1", stack.http)):
        code, said = stack.script("cluster-up.sh")
    assert code == 1
    assert f"port {stack.kafka}, for Kafka: another one is chosen by --kafka-port" in said, said
    assert f"port {stack.http}, for the engine's page: another one is chosen by --http-port" in said
    assert "nothing was started" in said and not of(stack)


def of(stack: Stack) -> list[str]:
    """Processes of this cluster, and not of another one in the same copy of the project."""
    ends = (f"data-{stack.kafka}", f"data-{stack.cassandra}", f"data-{stack.spark}", f"cluster-{stack.grpc}")
    return [line for line in stack.left() if any(f"{end} " in line or f"{end}/" in line for end in ends)]


def test_a_part_that_does_not_start_takes_the_others_down(project: Path) -> None:
    stack = Stack(project)
    code, said = stack.script("cluster-up.sh", JVM_OPTIONS="-Xno-such-option", ROLE="")
    assert code == 1 and "Kafka is ready on" in said, said
    assert "the node ended while it started" in said
    assert "Stopping what was started: kafka cassandra" in said and "Kafka has stopped" in said
    assert not of(stack) and (stack.folder / "started").read_text() == ""
    assert stack.script("cluster-status.sh")[0] == 1
    code, said = stack.script("cluster-down.sh")
    assert code == 0 and said.startswith("No cluster runs that was started from"), said


def test_ctrl_c_takes_down_what_was_started_and_nothing_else(project: Path) -> None:
    stack = Stack(project)
    # This one ran before.
    kafka = Path("..", "..", "kafka", "bin")
    code, said = stack.script(str(kafka / "kafka-start.sh"), "--port", str(stack.kafka))
    assert code == 0, said
    try:
        running = stack.start("cluster-up.sh")
        assert running.stdout is not None
        said = ""
        while "2/4" not in said:
            assert (line := running.stdout.readline()), said
            said += line
        wait_until(lambda: any("CassandraDaemon" in line for line in of(stack)), "the node is on its way")
        os.killpg(running.pid, signal.SIGINT)
        rest, _ = running.communicate(timeout=90)
        assert running.returncode == 130 and "Stopping what was started: cassandra" in rest, said + rest
        assert "Cassandra has stopped" in rest
        assert len(of(stack)) == 1 and "kafka.Kafka" in of(stack)[0]
        code, said = stack.script("cluster-down.sh")
        assert code == 0 and "cluster-up.sh has not started kafka: it goes on" in said, said
    finally:
        stack.script(str(kafka / "kafka-stop.sh"), "--port", str(stack.kafka))
    assert not of(stack)


def test_the_guide_ends_well(stack: Stack) -> None:
    said = run_commands(guide()[2].text, stack.project, stack.variables())
    assert [word for word in ("Kafka", "Cassandra", "Spark", "The engine") if f"{word} has stopped" not in said] == []
    assert not of(stack)
