"""The cluster that tests ask: Kafka, Cassandra, Spark and the engine, all real, in a copy of the project.

It is started by the commands of its guide, which send the sample through all of it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import run_commands
from stack import Stack, copy_project, guide


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what of the project the cluster needs, under a name with a blank; nothing runs in it afterwards."""
    copy = tmp_path_factory.mktemp("a project")
    copy_project(copy)
    yield copy
    assert Stack(copy).left() == []


def to_its_end(running: subprocess.Popen, _: Path) -> None:
    """Waits for a start of everything, and more."""
    assert running.wait(timeout=280) == 0


@pytest.fixture(scope="session")
def up(project: Path) -> Iterator[tuple[Stack, str]]:
    """A cluster that runs and has the sample in it, and what was said meanwhile."""
    one = Stack(project)
    try:
        yield one, run_commands(guide()[0].text, project, one.variables(), to_its_end)
    finally:
        code, said = one.script("cluster-down.sh")
        assert code == 0, said


@pytest.fixture(scope="session")
def stack(up: tuple[Stack, str]) -> Stack:
    """The cluster."""
    return up[0]


@pytest.fixture(scope="session")
def account(up: tuple[Stack, str]) -> str:
    """What was said."""
    return up[1]
