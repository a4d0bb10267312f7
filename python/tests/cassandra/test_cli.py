"""The program with a real node: results kept in Cassandra, beside Delta tables or alone, and asked for in SQL."""

import json
import os
import re
import signal
import struct
import time
from functools import partial
from pathlib import Path

from keyspace import TABLES, Program, rows
from node import Node, session
from service import wait_until


def test_results_are_the_same_in_delta_and_in_cassandra(program: Program, prices: Path) -> None:
    made = program.result("store", "init").splitlines()
    assert f"made keyspace {program.keyspace}" in made and "made table portfolios" in made
    again = program.result("store", "init")
    assert again == f"keyspace {program.keyspace}: nothing to do, the tables have version 1\n"
    program.play(prices)
    for table in TABLES:
        found = rows(program, "cassandra", table)
        assert found and found == rows(program, "history", table), table
    # Joins go across.
    joined = "select count(*) as n from history.bars h join cassandra.bars c using (universe, variant, bar, asset)"
    assert program.sql(joined) == [{"n": len(rows(program, "history", "bars"))}]
    newest = program.sql("select max(bar) as bar from history.portfolios")[0]["bar"]
    latest = program.sql("select distinct bar from cassandra.latest_portfolios where universe = 'default'")
    assert latest == [{"bar": newest}]
    status = json.loads(program.result("store", "status", "--count", "--format", "json", "--data", program.folder / "data"))
    counted = {(row["place"], row["table"]): row["rows"] for row in status}
    assert counted["delta", "bars"] == counted["cassandra", "bars"] == len(rows(program, "history", "bars"))


def test_what_a_query_says_of_the_key_is_asked_of_cassandra(program: Program, prices: Path) -> None:
    program.result("store", "init")
    program.play(prices, STORE__DELTA="false")

    def plan(query: str) -> str:
        return program.sql(f"explain {query}")[-1]["plan"]

    first = program.sql("select min(bar) as bar, max(bar) as last, first_value(variant) as variant from cassandra.bars")[0]
    of_key = f"universe = 'default' and variant = '{first['variant']}'"
    shown = plan(f"select bar from cassandra.portfolios where {of_key} order by bar desc limit 4")
    assert "keys=[default/" in shown and "limit=4" in shown and "Sort" not in shown and "Filter" not in shown, shown
    between = f"bar >= {first['bar'] + 5} and bar < {first['bar'] + 8}"
    shown = plan(f"select * from cassandra.bars where {of_key} and {between}")
    assert f"bar {first['bar'] + 5}..{first['bar'] + 7}" in shown and "Filter" not in shown, shown
    assert program.sql(f"select count(*) as n from cassandra.bars where {of_key} and {between}") == [{"n": 12}]
    assert program.sql(f"select count(*) as n from cassandra.bars where {between}") == [{"n": 12}]
    # The variants of a universe are looked up.
    assert program.sql(f"select count(*) as n from cassandra.bars where universe = 'default' and {between}") == [{"n": 12}]
    assert program.sql("select count(*) as n from cassandra.bars where universe in ('default', 'no-such')") == [
        {"n": 4 * (first["last"] - first["bar"] + 1)}
    ]
    assert "FULL SCAN" in plan("select count(*) from cassandra.bars")
    refused = program.run("sql", "select count(*) from cassandra.bars", SQL__FULL_SCANS="false")
    assert refused.returncode == 2 and "add WHERE universe = '…' to the query of cassandra.bars" in refused.stderr
    refused = program.run("sql", "select * from cassandra.latest_portfolios")
    assert refused.returncode == 2 and "add WHERE universe = '…'" in refused.stderr
    assert not (program.folder / "data" / "tables" / "bars").exists(), "Delta tables were not wanted"


# How often the node is killed; `make soak-cassandra` does it twenty times.
KILLS = int(os.environ.get("CASSANDRA_KILLS", "1"))


def test_rows_wait_on_disk_while_the_node_is_away(program: Program, prices: Path, node: Node) -> None:
    """The node is killed in the midst of writing. Delta tables have what an undisturbed one would have."""
    program.result("store", "init")
    source = ("run", "--source", "simulator", "--speed", "20", "--http", "127.0.0.1:0", "--grpc", "", "--format", "json")
    run = program.start(*source, "--window", "30", "--samples", "1000", "--data", "data", LOG="warn")
    wait_until(lambda: program.sql("select count(*) as n from cassandra.bars")[0]["n"] > 0, "the first rows", 90)
    stored = "select (select count(*) from cassandra.bars) as there, (select count(*) from history.bars) as here"
    for kill in range(KILLS):
        # Sometimes right after a flush, sometimes between two.
        time.sleep(0.7 * (kill % 5))
        node.kill()
        time.sleep(5)
        assert run.poll() is None
        node.start()
        before = program.sql(stored)[0]["here"]
        wait_until(lambda: program.sql(stored)[0]["there"] > before, "the rows that waited", 120)  # noqa: B023
    run.send_signal(signal.SIGINT)
    _, error = run.communicate(timeout=120)
    assert run.returncode == 130, error
    counted = program.sql(stored)[0]
    assert counted["there"] == counted["here"] > before
    for table in TABLES:
        assert rows(program, "cassandra", table) == rows(program, "history", table), table


def test_what_is_wrong_is_said_in_one_line_with_the_remedy(program: Program, prices: Path) -> None:
    def says(*arguments: str, **settings: str) -> str:
        done = program.run(*arguments, **settings)
        assert done.returncode in (1, 2) and done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    assert "silverbullet store init" in says("sql", "select * from cassandra.bars")
    assert "password" in says("store", "init", STORE__CASSANDRA__PASSWORD="wrong")
    assert "127.0.0.1:1" in says("store", "init", "--nodes", "127.0.0.1:1", STORE__CASSANDRA__CONNECT_TIMEOUT="1s")
    assert "name its nodes" in says("store", "init", "--nodes", "")
    assert "store.cassandra.nodes" in says("sql", "select * from cassandra.bars", "--data", ".", STORE__CASSANDRA__NODES="")


def test_rows_that_have_expired_are_gone_with_their_files(program: Program, prices: Path, node: Node) -> None:
    lives = {"STORE__CASSANDRA__TTL": "15s", "STORE__DELTA": "false"}
    program.result("store", "init", **lives)
    program.play(prices, **lives)
    assert (kept := program.sql("select count(*) as n from cassandra.bars", **lives)[0]["n"]) > 0
    folder = node.folder / "data" / program.keyspace
    nodetool = partial(node.script, "bin/nodetool.sh")
    assert nodetool("flush", program.keyspace).returncode == 0
    assert list(folder.glob("bars-*/*-Data.db")), "the rows are in files"
    wait_until(lambda: program.sql("select count(*) as n from cassandra.bars", **lives)[0]["n"] == 0, "expiry", 60)
    # The newest rows and the runs stay, whatever the time.
    newest = "select count(*) as n from cassandra.latest_portfolios where universe = 'default'"
    assert program.sql(newest, **lives)[0]["n"] > 0 and program.sql("select count(*) as n from cassandra.runs", **lives)[0]["n"] == 1
    # A window of which everything has expired goes as a whole, ten days later: here at once.
    with session(node.port) as cql:
        cql.execute(f'ALTER TABLE "{program.keyspace}".bars WITH gc_grace_seconds = 0')
    time.sleep(2)
    assert nodetool("compact", program.keyspace, "bars").returncode == 0
    assert not list(folder.glob("bars-*/*-Data.db")), f"{kept} rows have left files"


def test_clocks_that_differ_are_told(program: Program, stepped_clock: Path, tmp_path: Path) -> None:
    step = tmp_path / "step"
    step.write_bytes(struct.pack("q", 3_600))
    stepped = {"LD_PRELOAD": str(stepped_clock), "STEPPED_CLOCK": str(step)}
    assert "clock" not in program.run("store", "init").stderr
    program.environment |= stepped
    told = program.run("store", "init")
    assert told.returncode == 0 and told.stderr.count("\n") == 1, told.stderr
    assert re.search(r"clock of Cassandra's node is 3(599|600|601) s behind this machine's: set both by NTP", told.stderr)
