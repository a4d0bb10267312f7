"""docs/cassandra.md: its blocks of Python run, in order, and print what the document says."""

import contextlib
import io

import pytest
from documents import Block, blocks
from node import Node, session

DOCUMENT = "docs/cassandra.md"
EVERY = blocks(DOCUMENT)
PYTHON = [block for block in EVERY if block.kind == "python"]
KEYSPACE = "document_of_the_package"
#: Shared by the blocks, as one reads them: what one defines the next ones use.
NAMES: dict[str, object] = {}


def test_there_are_blocks_and_each_says_what_it_prints() -> None:
    assert len(PYTHON) == 3
    assert all(EVERY[EVERY.index(block) + 1].kind == "text" for block in PYTHON)


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"line {block.line}")
def test_block(block: Block, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("NODES", node.address), ("KEYSPACE", KEYSPACE)):
        monkeypatch.setenv(f"SILVERBULLET_STORE__CASSANDRA__{name}", value)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text, f"{DOCUMENT}:{block.line}", "exec"), NAMES)
    assert printed.getvalue() == EVERY[EVERY.index(block) + 1].text


def test_nothing_is_left(node: Node) -> None:
    NAMES.clear()
    with session(node.port) as cql:
        cql.execute(f"DROP KEYSPACE {KEYSPACE}", timeout=60)
