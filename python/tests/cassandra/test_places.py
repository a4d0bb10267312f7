"""Rows in several places: seen as one table, and moved from one place to another."""

import json
import shutil
from pathlib import Path

import pytest
from keyspace import ORDER, TABLES, Program, rows
from node import Node

ALL = (*TABLES, "events", "runs")


def count(program: Program, table: str, **settings: str) -> int:
    return program.sql(f"select count(*) as n from {table}", **settings)[0]["n"]


def test_plain_tables_have_the_rows_of_all_places_once(program: Program, prices: Path) -> None:
    program.result("store", "init")
    program.play(prices)
    both = {table: rows(program, "history", table) for table in TABLES}
    for table in TABLES:
        assert rows(program, "public", table) == both[table], table
    # What is gone here is there: as after another machine has written it.
    shutil.rmtree(program.folder / "data")
    for table in TABLES:
        assert rows(program, "public", table) == both[table], table
    assert count(program, "history.bars") == 0 and count(program, "runs") == 1
    newest = program.sql("select objective, bar from portfolios order by bar desc, objective limit 1")
    assert newest == program.sql("select objective, bar from cassandra.portfolios order by bar desc, objective limit 1")
    weights = program.sql("select count(*) as n, count(distinct asset) as assets from weights")
    assert weights == [{"n": 4 * len(both["portfolios"]), "assets": 4}]
    # Bars in the middle are here again, from an archive: those before and behind come from there.
    bars = sorted({row["bar"] for row in both["bars"]})
    first, last = bars[30], bars[60]
    times = program.sql(f"select min(close_time) as first, max(close_time) as last from bars where bar between {first} and {last}")[0]
    which = ("--table", "bars,portfolios", "--since", times["first"], "--until", times["last"])
    copied = program.result("store", "copy", "--from", "cassandra", "--to", "delta", "--data", "data", *which)
    assert copied.splitlines()[-1] == f"bars: {4 * (last - first)} rows copied"
    for table in TABLES:
        assert rows(program, "public", table) == both[table], table
    here = f"select count(*) as n from bars where bar between {first + 2} and {first + 4}"
    assert program.sql(here) == [{"n": 12}]
    shown = program.sql(f"explain {here}")[-1]["plan"]
    assert "Cassandra" not in shown, shown
    shown = program.sql("explain select * from bars")[-1]["plan"]
    assert f"..{first - 1}" in shown and f"{last}.." in shown and "FULL SCAN" not in shown, shown


def test_events_and_runs_are_seen_once(program: Program, prices: Path) -> None:
    program.result("store", "init")
    # Lines that are none make events.
    prices.write_text(prices.read_text() + "soon,BTC,1\nlater,BTC,2\n")
    program.play(prices)
    events = rows(program, "history", "events")
    assert len(events) >= 2 and rows(program, "public", "events") == events == rows(program, "cassandra", "events")
    runs = program.sql("select run_id from runs")
    shutil.rmtree(program.folder / "data")
    assert rows(program, "public", "events") == events and program.sql("select run_id from runs") == runs


def test_a_node_that_is_away_is_named_with_what_can_still_be_asked(program: Program, prices: Path) -> None:
    program.play(prices, STORE__CASSANDRA__NODES="")
    settings = {"STORE__CASSANDRA__NODES": "127.0.0.1:1", "STORE__CASSANDRA__CONNECT_TIMEOUT": "1s"}
    refused = program.run("sql", "select count(*) from bars", "--data", "data", **settings)
    assert refused.returncode == 1 and "127.0.0.1:1" in refused.stderr and "history" in refused.stderr
    assert count(program, "history.bars", **settings) == count(program, "bars", STORE__CASSANDRA__NODES="") > 0


@pytest.mark.parametrize("place", ["delta", "cassandra"])
def test_an_archive_brings_back_every_row_and_none_twice(program: Program, prices: Path, place: str) -> None:
    program.result("store", "init")
    prices.write_text(prices.read_text() + "soon,BTC,1\n")
    program.play(prices, STORE__DELTA="true" if place == "delta" else "false")
    schema = {"delta": "history", "cassandra": "cassandra"}
    kept = {table: rows(program, schema[place], table) for table in ALL}
    archive = program.folder / "archive"
    told = program.result("store", "export", archive, "--from", place, "--data", "data").splitlines()
    assert f"bars: {len(kept['bars'])} rows written to {archive}/bars.parquet" in told
    assert "backtests: no rows" in told and not list(archive.glob("*.partial"))
    again = program.result("store", "export", archive, "--from", place, "--data", "data")
    assert "bars.parquet is there already; remove it to have it written anew" in again
    # Into the other place, and into an empty one of the same kind.
    for target in ("cassandra", "delta"):
        told = program.result("store", "import", archive, "--to", target, "--data", "new")
        assert f"bars: {len(kept['bars'])} rows put in\n" in told
        told = program.result("store", "import", archive, "--to", target, "--data", "new")
        if target == "delta":
            assert f"bars: 0 rows put in, {len(kept['bars'])} were there already" in told
            assert f"events: 0 rows put in, {len(kept['events'])} were there already" in told
        for table in ALL:
            found = json.loads(
                program.result("sql", f"select * from {schema[target]}.{table} order by {ORDER[table]}", "--data", "new", "--format", "json")
            )
            assert found == kept[table], (target, table)


def test_a_copy_goes_on_where_it_was_broken_off(program: Program, prices: Path, node: Node) -> None:
    program.result("store", "init")
    program.play(prices, STORE__CASSANDRA__NODES="")
    # As if it had been broken off behind the portfolios.
    copy = ("store", "copy", "--from", "delta", "--to", "cassandra", "--data", "data")
    last = program.sql("select max(bar) as bar, max(variant) as variant from history.bars")[0]
    state = program.folder / "data" / "copy.json"
    what = "(Delta, Cassandra) " + WHICH
    state.write_text(json.dumps({"what": what, "done": {f"portfolios/default/{last['variant']}": last["bar"]}}))
    done = program.run(*copy)
    assert done.returncode == 0 and "portfolios: 1 of 1 parts were copied before" in done.stderr, done.stderr
    assert count(program, "cassandra.portfolios") == 0 and not state.exists()
    assert rows(program, "cassandra", "bars") == rows(program, "history", "bars")
    # Without that file everything is.
    assert "were copied before" not in program.run(*copy).stderr
    assert rows(program, "cassandra", "portfolios") == rows(program, "history", "portfolios")


WHICH = "Which { tables: [], universe: None, variant: None, since: None, until: None }"


def test_what_cannot_be_moved_is_refused(program: Program, prices: Path) -> None:
    def says(*arguments: object) -> str:
        done = program.run("store", *arguments)
        assert done.returncode in (1, 2) and done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    assert "are the same place" in says("copy", "--from", "delta", "--to", "delta")
    assert "bars.parquet" in says("import", program.folder, "--to", "delta")
    assert "there is no table bar;" in says("import", program.folder, "--to", "delta", "--table", "bar")
    assert "no results in no-such" in says("export", "archive", "--data", "no-such")
    (program.folder / "bars.parquet").write_text("no Parquet")
    assert "bars.parquet cannot be read" in says("import", program.folder, "--to", "delta", "--data", "new")


def test_a_run_that_is_kept_in_cassandra_alone_is_made_again_and_compared(program: Program, prices: Path) -> None:
    program.result("store", "init")
    program.play(prices, STORE__DELTA="false")
    before = {table: rows(program, "cassandra", table) for table in ALL}
    told = json.loads(program.result("replay", "--data", "data", "--format", "json"))
    assert [report["same"] for report in told] == [True], told
    stored = {table["table"]: table["stored"] for table in told[0]["tables"]}
    assert stored["bars"] == len(before["bars"]) > 0
    # What is made again is kept nowhere.
    assert {table: rows(program, "cassandra", table) for table in ALL} == before
