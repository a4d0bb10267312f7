"""Fixtures of the Cassandra tests. Every node is real, lives in a temporary folder and has ended afterwards.

A node takes long to start, so one serves all tests: those of the scripts, then the guide, which comes last by its name and
removes it. The ring is that of the guide."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from keyspace import Program
from node import Node, free_port, script, session
from program import write_prices
from service import PROJECT, assert_none_left, copy_of_project, is_alive


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what of the project Cassandra needs, under a name with a blank; its nodes are ended afterwards."""
    jars = PROJECT / "target" / "cassandra" / "lib"
    assert jars.is_dir(), (
        "Cassandra's jars are not there; run `make test-cassandra`, or setup/cassandra/bin/cassandra-fetch.sh"
    )
    copy = tmp_path_factory.mktemp("a project")
    copy_of_project("cassandra", copy, "python/requirements-cassandra.txt")
    yield copy
    for pid_file in copy.rglob("node.pid"):
        script(copy, "stop", "--data", str(pid_file.parent))
    assert_none_left("cassandra", copy)


@pytest.fixture(scope="session")
def the_node(project: Path) -> Node:
    """The node, not started."""
    return Node(project, project / "target" / "cassandra" / "data")


@pytest.fixture
def node(the_node: Node) -> Node:
    """The node, running."""
    if not (the_node.folder / "node.pid").exists() or not is_alive(the_node.pid()):
        the_node.start()
    return the_node


@pytest.fixture(scope="session")
def ring_port() -> int:
    """The port of the ring, on each of its addresses."""
    return free_port()


@pytest.fixture
def program(program: Path, node: Node, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Program]:
    keyspace = "".join(letter for letter in request.node.name if letter.isalnum())[:40]
    yield Program(program, tmp_path, keyspace, node.address)
    with session(node.port) as cql:
        # The role may drop what it has made, and not even ask to drop what is not there.
        if cql.execute("SELECT * FROM system_schema.keyspaces WHERE keyspace_name = %s", [keyspace]).one():
            cql.execute(f'DROP KEYSPACE "{keyspace}"', timeout=60)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """Ninety minutes of four assets."""
    path = tmp_path / "prices.csv"
    write_prices(path, ("XRP", "BTC", "ETH", "SOL"), 90)
    return path
