"""Every command of docs/spark.md works as it stands there, beside a run and a Cassandra node."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, environment
from documents import Block, blocks, check_printed, run_commands
from engine import PACKAGE, Engine
from kept import running_node
from node import Node
from service import PROJECT
from silverbullet.spark import cassandra_options, errors
from silverbullet.spark.options import KNOWN

GUIDE = "docs/spark.md"
READ = r"(?s)\| +BTC\|.*\| +ETH\|.*max-sharpe.*min-variance"
KEPT = r"(?s)made keyspace silverbullet.*: bars: \d+ rows written by \d+ tasks.*asset='BTC', count=\d+.*asset='SOL', count=\d+"
PRINTS = {"cat > target/read.py": READ, "--archives": READ, "frontier.py": r"\d+ points", "keep.py": KEPT}
ALL = blocks(GUIDE)
COMMANDS = [block for block in ALL if block.kind == "sh"]


@pytest.fixture(scope="module")
def run_beside(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Engine]:
    """A run whose window is full, and a project with the package and the jobs in it."""
    shutil.copytree(PACKAGE, project / "target" / "package", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "spark-jobs", project / "spark-jobs")
    one = Engine(tmp_path_factory.mktemp("engine"), ["BTC", "ETH", "SOL"]).start()
    try:
        one.put(40)
        yield one
    finally:
        one.stop()


@pytest.fixture(scope="module")
def node_beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("kept")) as one:
        yield one


def test_every_block_is_run_and_every_option_and_error_is_told() -> None:
    assert len(COMMANDS) == 4
    assert {block.kind for block in ALL} == {"sh", "text", "python"}
    commands = "".join(block.text for block in COMMANDS)
    assert [command for command in PRINTS if command not in commands] == []
    text = (PROJECT / GUIDE).read_text(encoding="utf-8")
    told = {word.lower() for word in re.findall(r"`(\w+)`", text)}
    assert set(KNOWN) - told == {"path"} == set(cassandra_options.KNOWN) - told
    kinds = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 5 and {name.lower() for name in kinds} - told == {"sourceerror"}


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: f"line {block.line}")
def test_guide(block: Block, run_beside: Engine, node_beside: Node, cluster: Cluster) -> None:
    own = {**environment(), **cluster.place(), "ENDPOINT": run_beside.url, "CASSANDRA": node_beside.address}
    check_printed(block, run_commands(block.text, cluster.project, own), PRINTS)
