"""The writer and the reader of the Python package with a real node: what is written is what the package, the driver of Cassandra
and the program read, to the last bit; what cannot be written is refused before any of it is."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pytest
import silverbullet as sb
from cassandra.cluster import Session
from keyspace import Program
from node import Node, session
from silverbullet import cassandra
from tables import rows, sorted_bits

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)


@contextmanager
def keyspace_of(node: Node, name: str) -> Iterator[cassandra.Settings]:
    """Settings of a keyspace with the tables in it, for a while."""
    made = cassandra.Settings(node.address, keyspace=name)
    assert f"made keyspace {name}" in cassandra.make_tables(made)
    yield made
    with session(node.port) as cql:
        cql.execute(f"DROP KEYSPACE {name}", timeout=60)


@pytest.fixture(scope="module")
def settings(project: Path, the_node: Node) -> Iterator[cassandra.Settings]:
    """Those of a keyspace of these tests: tables take long to make."""
    the_node.start()
    with keyspace_of(the_node, "of_the_package") as made:
        yield made


@pytest.fixture(scope="module")
def cql(the_node: Node, settings: cassandra.Settings) -> Iterator[Session]:
    """A session of Cassandra's own driver."""
    with session(the_node.port) as driver:
        driver.set_keyspace(settings.keyspace)
        yield driver


@pytest.fixture
def tables(cql: Session, settings: cassandra.Settings) -> Iterator[cassandra.Cassandra]:
    """The tables, without rows."""
    with cassandra.connect(settings) as connected:
        yield connected
    for name in (*cassandra.TABLES, "latest_portfolios", "latest_frontiers", "latest_assets", "buckets"):
        if cql.execute(f"SELECT * FROM {name} LIMIT 1").one() is not None:
            cql.execute(f"TRUNCATE {name}", timeout=60)


@pytest.mark.parametrize("table", cassandra.TABLES)
def test_every_type_is_read_back_bit_by_bit_by_us_and_by_the_driver(
    tables: cassandra.Cassandra, cql: Session, table: str
) -> None:
    given = rows(table, 700)
    done = tables.write(table, given)
    assert done.rows == 700 and done.retries == 0 and 0 < done.batches <= 700
    assert done.newest > 0 or table not in ("portfolios", "frontiers", "assets")
    found = tables.scan(table).read_all()
    assert found.schema == given.schema == cassandra.schema(table)
    assert sorted_bits(found) == sorted_bits(given)
    assert sorted_bits(_as_the_driver_reads(cql, table)) == sorted_bits(_with_sorted_maps(given))


def _as_the_driver_reads(cql: Session, table: str) -> pa.Table:
    columns = cassandra.schema(table)
    found = cql.execute(f"SELECT * FROM {table}")
    names = dict(zip(found.column_names, found._current_rows[0]._fields, strict=True))
    return pa.Table.from_pylist([_plain(row, columns, names) for row in found], columns)


def _plain(row: object, columns: pa.Schema, names: dict[str, str]) -> dict[str, object]:
    values = {}
    for one in columns:
        value = getattr(row, names[one.name])
        if pa.types.is_timestamp(one.type) and value is not None:
            value = EPOCH + value * MICROSECOND
        values[one.name] = sorted((value or {}).items()) if one.name == "weights" else value
    return values


def _with_sorted_maps(given: pa.Table) -> pa.Table:
    """As Cassandra has them: a map is sorted by its keys, the order of the assets is beside it."""
    if "weights" not in given.schema.names:
        return given
    rows = [row | {"weights": sorted(row["weights"], key=lambda entry: entry[0].encode())} for row in given.to_pylist()]
    return pa.Table.from_pylist(rows, given.schema)


def test_columns_are_taken_by_name_and_of_any_type_that_loses_nothing(tables: cassandra.Cassandra) -> None:
    given = rows("portfolios", 50)
    # As other writers have them: Spark's maps and zones, words of pandas, large text of polars, nanoseconds.
    entries = pa.map_(pa.field("key", pa.string(), nullable=False), pa.field("value", pa.float64()))
    other = given.set_column(0, "universe", given["universe"].dictionary_encode())
    other = other.set_column(1, "variant", given["variant"].cast(pa.large_string()))
    other = other.set_column(2, "bar", given["bar"].cast(pa.int32()))
    other = other.set_column(5, "as_of", given["as_of"].cast(pa.timestamp("ns", "Europe/Berlin")))
    other = other.set_column(other.schema.names.index("weights"), "weights", given["weights"].cast(entries))
    other = other.select(sorted(other.schema.names, reverse=True)).drop_columns(["gap"])
    assert tables.write("portfolios", other).rows == 50
    wanted = given.set_column(given.schema.names.index("gap"), given.schema.field("gap"), pa.nulls(50, pa.float64()))
    assert sorted_bits(tables.scan("portfolios").read_all()) == sorted_bits(wanted)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda of: of.append_column("sharp", of["sharpe"]), "the table has no column sharp; it has universe, variant, "),
        (lambda of: of.drop_columns(["label"]), "column label is missing (string)"),
        (lambda of: of.set_column(2, "bar", of["bar"].cast(pa.float64())), "column bar is Float64, it must be int64: cast it"),
        (lambda of: of.set_column(5, "as_of", of["as_of"].cast(pa.timestamp("us"))), "it must be timestamp[us, tz=UTC]"),
        (
            lambda of: of.set_column(5, "as_of", _shifted(of["as_of"])),
            "column as_of has the time 1767225600000000001 ns, tables have microseconds: round it",
        ),
        (lambda of: of.append_column("bar", of["bar"]), "column bar is there 2 times"),
        (lambda of: _with_last(of, "label", None), "column label has rows without a value"),
        (lambda of: _with_last(of, "weights", [("BTC", 0.5), ("BTC", 0.5)]), "an asset has two weights in one row"),
    ],
)
def test_rows_that_a_table_cannot_take_are_refused_before_any_is_written(
    tables: cassandra.Cassandra, change, says: str
) -> None:
    given = change(rows("portfolios", 3_000))
    with pytest.raises(sb.InputError) as refused:
        tables.write("portfolios", given)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert tables.scan("portfolios").read_all().num_rows == 0


def _shifted(times: pa.ChunkedArray) -> pa.Array:
    nanos = times.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_pylist()
    return pa.array([at + 1 for at in nanos], pa.timestamp("ns", "UTC"))


def _with_last(of: pa.Table, name: str, value: object) -> pa.Table:
    """The last row with another value, in a batch of its own."""
    made = of.to_pylist()
    made[-1][name] = value
    schema = pa.schema([one.with_nullable(True) for one in of.schema])
    return pa.concat_tables([pa.Table.from_pylist(made[:2_000], schema), pa.Table.from_pylist(made[2_000:], schema)])


def test_what_has_no_rows_is_refused_by_name(tables: cassandra.Cassandra) -> None:
    with pytest.raises(sb.InputError, match='there is no table "portfolio"; there are portfolios, frontiers, '):
        tables.write("portfolio", rows("portfolios", 1))
    with pytest.raises(sb.InputError, match="a list has no rows of Arrow"):
        tables.write("portfolios", [{"universe": "main"}])
    with pytest.raises(sb.InputError, match="has no rows of Arrow"):
        tables.write("portfolios", iter([object()]))
    with pytest.raises(sb.InputError, match="there is no column 'sharp' in portfolios; there are universe, "):
        tables.read("portfolios", "main", "v1", columns=["sharp"])


def test_writing_again_and_side_by_side_doubles_nothing(tables: cassandra.Cassandra) -> None:
    given = rows("portfolios", 5_000)
    for _ in range(2):
        assert tables.write("portfolios", given).rows == 5_000
    # As a task that is slow and the one that was begun in its stead.
    both = [threading.Thread(target=tables.write, args=("portfolios", given)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted_bits(tables.scan("portfolios").read_all()) == sorted_bits(given)


def test_rows_come_bit_by_bit_and_what_fails_on_the_way_is_raised_as_it_is(tables: cassandra.Cassandra) -> None:
    given = rows("bars", 3_000)
    batches = given.to_batches(max_chunksize=100)
    assert len(batches) == 30
    assert tables.write("bars", iter(batches)).rows == 3_000
    assert tables.write("bars", pa.RecordBatchReader.from_batches(given.schema, batches)).rows == 3_000
    assert sorted_bits(tables.scan("bars").read_all()) == sorted_bits(given)

    def breaks() -> Iterator[pa.RecordBatch]:
        yield batches[0]
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        tables.write("bars", breaks())
    with tables.writing("bars") as writing:
        writing.put(batches[0])
        assert writing.finish().rows == 100
        with pytest.raises(sb.InputError, match="the write has ended"):
            writing.put(batches[0])


def test_rows_are_read_by_key_newest_first(tables: cassandra.Cassandra) -> None:
    given = rows("portfolios", 5_000)
    for universe, variant in (("main", "v1"), ("main", "v2"), ("other", "v1")):
        tables.write("portfolios", rows("portfolios", 5_000, universe=universe, variant=variant))
    found = tables.read("portfolios", "main", "v1").read_all()
    assert sorted_bits(found) == sorted_bits(given)
    bars = found["bar"].to_pylist()
    assert bars == sorted(bars, reverse=True)
    some = tables.read("portfolios", "main", "v1", first=2_000, last=2_999, limit=10, columns=["risk", "bar"]).read_all()
    assert some.schema.names == ["risk", "bar"] and some["bar"].to_pylist() == list(range(2_999, 2_989, -1))
    assert tables.variants("portfolios", "main") == ["v1", "v2"] and tables.variants("portfolios", "nobody") == []
    assert tables.read("portfolios", "nobody", "v1").read_all().num_rows == 0
    newest = tables.newest("portfolios", "main", "v2")
    assert {row["variant"] for row in newest.to_pylist()} == {"v2"} and 5_999 in newest["bar"].to_pylist()
    with pytest.raises(sb.InputError, match="the newest ones are not kept apart"):
        tables.newest("bars", "main")


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_parts_of_a_read_and_ranges_of_tokens_meet_every_row_once(tables: cassandra.Cassandra, count: int) -> None:
    given = rows("portfolios", 5_000)
    tables.write("portfolios", given)
    tables.write("portfolios", rows("portfolios", 500, universe="other"))
    parts = tables.parts("portfolios", "main", "v1", count)
    assert 1 <= len(parts) <= count
    read = [tables.read("portfolios", "main", "v1", first=first, last=last).read_all() for first, last in parts]
    assert sorted_bits(pa.concat_tables(read)) == sorted_bits(given)
    within = tables.parts("portfolios", "main", "v1", count, first=1_500, last=3_333)
    read = [tables.read("portfolios", "main", "v1", first=first, last=last).read_all() for first, last in within]
    assert sorted(pa.concat_tables(read)["bar"].to_pylist()) == list(range(1_500, 3_334))
    ranges = cassandra.token_ranges(count)
    assert len(ranges) == count
    scanned = [tables.scan("portfolios", ranges=[one], columns=["universe", "bar"]).read_all() for one in ranges]
    assert sum(part.num_rows for part in scanned) == 5_500
    assert len({tuple(row.values()) for part in scanned for row in part.to_pylist()}) == 5_500


def test_the_program_reads_what_the_package_wrote(program: Program, node: Node) -> None:
    settings = cassandra.Settings(node.address, keyspace=program.keyspace)
    program.result("store", "init")
    with cassandra.connect(settings) as tables:
        given = rows("portfolios", 400)
        tables.write("portfolios", given)
    found = program.sql("select * from cassandra.portfolios order by bar")
    assert [row["bar"] for row in found] == given["bar"].to_pylist()
    for one, wanted in zip(found, given.to_pylist(), strict=True):
        assert {name: one[name] for name in ("universe", "variant", "objective", "label")} == {
            name: wanted[name] for name in ("universe", "variant", "objective", "label")
        }
        assert list(one["weights"]) == [asset for asset, _ in wanted["weights"]]
    summed = program.sql("select count(*) as n, count(gap) as gaps from cassandra.portfolios where universe = 'main'")
    assert summed == [{"n": 400, "gaps": 400 - given["gap"].null_count}]


# Why a session cannot be had.


def test_a_wrong_password_and_a_node_that_is_not_there_are_told_apart(node: Node, settings: cassandra.Settings) -> None:
    with pytest.raises(sb.AccessDeniedError) as refused:
        cassandra.connect(node.address, keyspace=settings.keyspace, password="not this one")
    assert str(refused.value) == (
        "Cassandra refuses the password of role silverbullet; correct store.cassandra.user and store.cassandra.password"
    )
    with pytest.raises(sb.ConnectionFailedError) as away:
        cassandra.connect("127.0.0.1:1", connect_timeout="1s")
    assert not isinstance(away.value, sb.AccessDeniedError)
    assert "no node of Cassandra answers at 127.0.0.1:1" in str(away.value) and "\n" not in str(away.value)
    with pytest.raises(sb.TablesError, match="has no keyspace nowhere; make it by `silverbullet store init`"):
        cassandra.connect(node.address, keyspace="nowhere")


def test_tables_of_another_version_are_refused(node: Node, settings: cassandra.Settings, cql: Session) -> None:
    for version, says in ((0, "have version 0 and this program writes version 1; bring them up to date"), (9, "use the newer program")):
        cql.execute("UPDATE schema_version SET version = %s WHERE component = 'tables'", [version])
        with pytest.raises(sb.TablesError, match=says):
            cassandra.connect(settings)
    cql.execute("UPDATE schema_version SET version = 1 WHERE component = 'tables'")


def test_a_column_of_another_type_is_seen_before_anything_is_written(node: Node) -> None:
    with keyspace_of(node, "another_type") as settings, session(node.port) as cql, cassandra.connect(settings) as tables:
        cql.execute("ALTER TABLE another_type.portfolios DROP risk")
        cql.execute("ALTER TABLE another_type.portfolios ADD risk text")
        says = "column risk of portfolios has type text in Cassandra where double is needed"
        with pytest.raises(sb.TablesError, match=says):
            tables.writing("portfolios")


def test_a_role_that_may_not_write_is_told_so(node: Node, settings: cassandra.Settings) -> None:
    done = node.script(
        "bin/cqlsh.sh", "--admin", "-e",
        "CREATE ROLE IF NOT EXISTS reader WITH PASSWORD = 'reads' AND LOGIN = true; "
        f'GRANT SELECT ON KEYSPACE "{settings.keyspace}" TO reader',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with cassandra.connect(node.address, keyspace=settings.keyspace, user="reader", password="reads") as tables:
        assert tables.scan("bars").read_all().num_rows == 0
        with pytest.raises(sb.AccessDeniedError, match="does not allow it to role reader .*GRANT"):
            tables.write("bars", rows("bars", 1))


# Settings.


def test_settings_come_from_the_variables_of_the_program_and_never_show_the_password(
    node: Node, settings: cassandra.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = "SILVERBULLET_STORE__CASSANDRA__"
    for name, value in {
        "NODES": node.address, "KEYSPACE": settings.keyspace, "PASSWORD": "silverbullet", "CONCURRENCY": "7",
        "TLS__CA": "", "REPLICATION": '{ class = "SimpleStrategy", replication_factor = 1 }', "TTL": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"{store}{name}", value)
    with cassandra.connect() as tables:
        tables.write("bars", rows("bars", 10))
        assert "'password': '***'" in repr(tables) and "'silverbullet'" not in repr(tables)
    monkeypatch.setenv(f"{store}PASSWORD", "another")
    with pytest.raises(sb.AccessDeniedError) as refused:
        cassandra.connect()
    assert "another" not in str(refused.value)
    # What is given goes before the environment.
    cassandra.connect(password="silverbullet").close()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"node": "a"}, "unknown field `node`, expected one of `nodes`, "),
        ({"consistency": "MOST"}, "unknown variant `MOST`, expected one of `ONE`, "),
        ({"concurrency": "0"}, "store.cassandra.concurrency: it must be at least 1"),
        ({"retries": "-1"}, "store.cassandra.retries: '-1' is not a number from 0 on"),
        ({"keyspace": "a-b"}, "store.cassandra.keyspace: a keyspace has 1 to 48 letters"),
        ({"tls": {"ca": "/no/such.pem"}}, "store.cassandra.tls.ca: "),
        ({"tls": "yes"}, "store.cassandra.tls: 'yes' is no map"),
        ({"nodes": ""}, "store.cassandra.nodes: name at least one node"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(given: dict, says: str) -> None:
    with pytest.raises(sb.InputError) as refused:
        cassandra.connect(**{"nodes": "127.0.0.1:1", **given})
    assert says in str(refused.value) and "\n" not in str(refused.value)


# Processes and threads.


def test_a_session_does_not_work_in_a_process_that_was_forked(tables: cassandra.Cassandra) -> None:
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def ask() -> None:
        try:
            tables.variants("bars", "main")
        except sb.CassandraError as error:
            answers.put(str(error))

    child = context.Process(target=ask)
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert "made in another process" in answers.get(timeout=5)
    assert tables.variants("bars", "main") == []


def test_a_wait_leaves_the_interpreter_to_others_and_ends_by_ctrl_c(node: Node, settings: cassandra.Settings) -> None:
    program = f"""
import threading, time
from silverbullet import cassandra
tables = cassandra.connect({node.address!r}, keyspace={settings.keyspace!r})
turns = 0
def turn():
    global turns
    while True:
        turns += 1
        time.sleep(0.001)
threading.Thread(target=turn, daemon=True).start()
print("connected", flush=True)
input()
before = turns
try:
    tables.variants("bars", "main")
except KeyboardInterrupt:
    print("interrupted", turns - before > 100, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None and waiting.stdin is not None
        assert waiting.stdout.readline() == "connected\n"
        os.kill(node.pid(), signal.SIGSTOP)
        try:
            waiting.stdin.write("\n")
            waiting.stdin.flush()
            time.sleep(1.0)
            waiting.send_signal(signal.SIGINT)
            assert waiting.stdout.readline() == "interrupted True\n"
            assert waiting.wait(5) == 0
        finally:
            os.kill(node.pid(), signal.SIGCONT)


def test_closed_is_closed(tables: cassandra.Cassandra) -> None:
    tables.close()
    tables.close()
    with pytest.raises(sb.InputError, match="closed; connect anew"):
        tables.scan("bars")
