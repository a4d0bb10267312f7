"""Every command in the guide works as it stands there, in the order it stands there."""

import pytest
from cluster import Cluster, environment
from documents import Block, blocks, check_printed, run_commands

GUIDE = "setup/spark/spark-setup.md"
SUM = "sum 499999500000 by 2 executors"

# What a block that holds the first text must print.
PRINTS = {
    "spark-fetch.sh": r"(?s)Spark 4\.2\.\d+ is in .*Spark (is ready|runs already) on .*Spark runs on spark://",
    "cat > target/sum.py": SUM,
    "SparkConnectServer": r"rows: 1000",
    "spark.authenticate.secret": rf"(?s)Spark has stopped.*Spark is ready on .*{SUM}",
    "kill -9": rf"(?s)The worker-2 has ended.*Spark is ready on .*{SUM}",
}
ALL = blocks(GUIDE)
COMMANDS = [block for block in ALL if block.kind == "sh"]


def test_every_block_is_one_that_is_run() -> None:
    assert len(COMMANDS) >= 6
    # What needs a cluster of another kind is marked as text, and the guide says that it was not run.
    assert {block.kind for block in ALL} == {"sh", "text"}
    commands = "".join(block.text for block in COMMANDS)
    assert [command for command in PRINTS if command not in commands] == []


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: f"line {block.line}")
def test_guide(block: Block, the_cluster: Cluster) -> None:
    own = {**environment(), **the_cluster.place(), "CONNECT_PORT": str(the_cluster.port + 6)}
    check_printed(block, run_commands(block.text, the_cluster.project, own), PRINTS)


def test_nothing_is_left(the_cluster: Cluster) -> None:
    assert list(the_cluster.folder.glob("*.pid")) == []
