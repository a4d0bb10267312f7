"""Every command in the guide works as it stands there, in the order it stands there."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cassandra import ConsistencyLevel, OperationTimedOut, ReadTimeout
from cassandra.concurrent import execute_concurrent_with_args
from documents import Block, blocks, check_printed, run_commands
from keyspace import TABLES, Program, rows
from node import ADDRESSES, Node, environment, script, session
from program import binary
from service import wait_until

GUIDE = "setup/cassandra/cassandra-setup.md"
ROW = r"ETH \| +2500\.5"

# What a block that holds the first text must print.
PRINTS = {
    "cassandra-fetch.sh": r"(?s)Cassandra's jars are in .*Cassandra (is ready|runs already) on .*Cassandra runs on ",
    "INSERT INTO trial.prices (asset, at": ROW,
    "LIST ROLES": r"(?s)admin \| +True \| +True.*cassandra \| False \| False.*silverbullet \| False \| +True",
    "SHOW HOST": r"Connected to silverbullet at 127\.0\.0\.1:",
    "listsnapshots": r"(?s)monday +trial +prices",
    "nodetool.sh import": ROW,
    "clearsnapshot": r"Requested clearing snapshot",
    "nodetool.sh info": r"(?s)Native Transport active: true.*Table: prices.*MutationStage.*UN  127\.0\.0\.1",
    "--ssl": r"(?s)Cassandra has stopped.*Cassandra is ready on .*" + ROW,
    "ring-start.sh": r"(?s)The ring is ready on 127.*127.*127(?=.*UN  127\.0\.0\.1)(?=.*UN  127\.0\.0\.2)(?=.*UN  127\.0\.0\.3)",
    "kill -9": r"(?s)Consistency level set to QUORUM.*ETH \| +2500",
    "ring-stop.sh": r"(Cassandra has stopped.*\n?){2}",
}


ALL = blocks(GUIDE)


def run(block: Block, node: Node, ring_port: int) -> str:
    """Runs the commands of a block in the project's folder, with free ports; gives all that they print."""
    if "ALTER ROLE" in block.text:
        # Cassandra has a role's password change every five seconds at most; the node of these tests has just made it.
        time.sleep(5)
    own = {"PORT": str(node.port), "DATA_DIR": str(node.folder)}
    # The ring takes its default folder.
    variables = {"PORT": str(ring_port)} if re.search("ring-|ring/", block.text) else own
    return run_commands(block.text, node.project, {**environment(), **variables})


def test_every_block_is_one_that_is_run() -> None:
    assert len(ALL) >= 15
    assert {block.kind for block in ALL} == {"sh"}
    commands = "".join(block.text for block in ALL)
    assert [command for command in PRINTS if command not in commands] == []


@contextmanager
def written_all_along(port: int) -> Iterator[None]:
    """While a node of the ring is killed, rows are written at QUORUM: each is there afterwards, and none was refused."""
    with session(port, ADDRESSES) as cql:
        auth = cql.execute("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'system_auth'").one()
        assert auth.replication["datacenter1"] == "3"
        cql.execute("CREATE TABLE trial.rows (id int PRIMARY KEY)")
        insert = cql.prepare("INSERT INTO trial.rows (id) VALUES (?)")
        insert.consistency_level = ConsistencyLevel.QUORUM
        written: list[int] = []
        errors: list[Exception] = []
        over = threading.Event()

        def write() -> None:
            try:
                while not over.is_set() or len(written) < 3_000:
                    rows = [(len(written) + i,) for i in range(300)]
                    answers = execute_concurrent_with_args(cql, insert, rows, 100, raise_on_first_error=False)
                    # What was under way to the node that died may fail; asked again, it must not.
                    failed = [row for row, answer in zip(rows, answers, strict=True) if not answer.success]
                    execute_concurrent_with_args(cql, insert, failed, 100)
                    written.extend(row[0] for row in rows)
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield
        finally:
            over.set()
            writer.join()
    assert errors == []
    # A new login: who may log in is known to each node.
    with session(port, ADDRESSES[:1]) as cql:
        select = cql.prepare("SELECT id FROM trial.rows")
        select.consistency_level = ConsistencyLevel.QUORUM
        for attempt in range(5):
            try:
                there = sorted(row.id for row in cql.execute(select))
                break
            except (OperationTimedOut, ReadTimeout):
                assert attempt < 4
        assert there == written


@contextmanager
def an_engine_writes(project: Path, folder: Path, port: int) -> Iterator[None]:
    """An engine keeps its results in the ring while a node of it is killed and brought back: it notices nothing, and every row is there."""
    engine = Program(binary(), folder, "engine", ",".join(f"{address}:{port}" for address in ADDRESSES))
    store = "SILVERBULLET_STORE__CASSANDRA__"
    engine.environment |= {
        f"{store}CONSISTENCY": "QUORUM",
        f"{store}REPLICATION__CLASS": "NetworkTopologyStrategy",
        f"{store}REPLICATION__DATACENTER1": "3",
    }
    stored = "select (select count(*) from cassandra.bars) as there, (select count(*) from history.bars) as here"
    engine.result("store", "init")
    source = ("run", "--source", "simulator", "--speed", "20", "--http", "127.0.0.1:0", "--grpc", "", "--format", "json")
    running = engine.start(*source, "--window", "30", "--samples", "1000", "--data", "data", LOG="warn")
    try:
        wait_until(lambda: engine.sql(stored)[0]["there"] > 0, "the first rows", 90)
        yield
        before = engine.sql(stored)[0]["here"]
        assert script(project, "ring-start", PORT=str(port)).returncode == 0
        wait_until(lambda: engine.sql(stored)[0]["there"] > before, "rows after the node was back", 90)
    finally:
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=120)
    # It names where results are kept once, and has nothing to say of it after that.
    assert running.returncode == 130 and said.count("Cassandra") == 1, said
    counted = engine.sql(stored)[0]
    assert counted["there"] == counted["here"] > before
    for table in TABLES:
        assert rows(engine, "cassandra", table) == rows(engine, "history", table), table


@pytest.mark.parametrize("block", ALL, ids=lambda block: f"line {block.line}")
def test_guide(block: Block, the_node: Node, ring_port: int, tmp_path: Path) -> None:
    with ExitStack() as along:
        if "kill -9" in block.text:
            along.enter_context(an_engine_writes(the_node.project, tmp_path, ring_port))
            along.enter_context(written_all_along(ring_port))
        printed = run(block, the_node, ring_port)
    check_printed(block, printed, PRINTS)


def test_nothing_is_left(project: Path) -> None:
    assert [path.name for path in (project / "target").rglob("*") if path.name == "node.pid"] == []
