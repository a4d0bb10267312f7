"""Flight and Flight SQL as people use them: pyarrow, ADBC, polars and pandas, on a run that goes on."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import pandas
import polars
import pyarrow
import pyarrow.flight as flight
import pytest
from program import environment

TOKEN = "s3cret"
QUERY = "select universe, bar, asset, close from bars order by bar, asset limit 200"


def started(program: Path, folder: Path, **more: str) -> tuple[subprocess.Popen, str]:
    """A run on the simulator, and where its Flight is once it has rows."""
    said = folder / "said"
    command = [program, "run", "--source", "simulator", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    with said.open("w") as errors:
        run = subprocess.Popen(
            [*command, "--window", "30", "--data", folder / "data", "--format", "json"],
            cwd=folder, env=environment() | more, stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := re.search(r"(grpc(\+tls)?://\S+)", said.read_text()):
            return run, found.group(1)
        assert run.poll() is None, said.read_text()
        time.sleep(0.05)
    run.kill()
    pytest.fail(f"the run does not say where Flight is: {said.read_text()}")


@pytest.fixture(scope="module")
def address(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A run that everyone may ask."""
    run, address = started(program, tmp_path_factory.mktemp("flight"))
    try:
        client = flight.connect(address)
        deadline = time.monotonic() + 60
        while ask(client, "select count(*) as rows from bars")["rows"][0].as_py() < 200:
            assert time.monotonic() < deadline, "no bars after a minute"
            time.sleep(0.2)
        yield address
    finally:
        run.terminate()
        assert run.wait(30) in (0, 130)


def ask(client: flight.FlightClient, query: str, endpoints: int = 1) -> pyarrow.Table:
    """All rows of a query."""
    options = flight.FlightCallOptions(headers=[(b"silverbullet-endpoints", str(endpoints).encode())])
    info = client.get_flight_info(flight.FlightDescriptor.for_command(query.encode()), options)
    assert len(info.endpoints) == endpoints
    table = pyarrow.concat_tables([client.do_get(endpoint.ticket).read_all() for endpoint in info.endpoints])
    assert table.num_rows == info.total_records
    return table


@pytest.mark.parametrize("endpoints", [1, 4, 64])
def test_pyarrow_gets_the_same_rows_through_any_number_of_endpoints(address: str, endpoints: int) -> None:
    client = flight.connect(address)
    assert ask(client, QUERY, endpoints).equals(ask(client, QUERY))
    assert ask(client, QUERY).num_rows == 200


def test_a_snapshot_stays_what_it_was_while_the_run_goes_on(address: str) -> None:
    client = flight.connect(address)
    info = client.get_flight_info(flight.FlightDescriptor.for_path("bars"))
    first = client.do_get(info.endpoints[0].ticket).read_all()
    count = ask(client, "select count(*) as rows from bars")["rows"][0].as_py()
    deadline = time.monotonic() + 30
    while ask(client, "select count(*) as rows from bars")["rows"][0].as_py() == count:
        assert time.monotonic() < deadline, "the run stands still"
        time.sleep(0.2)
    assert client.do_get(info.endpoints[0].ticket).read_all().equals(first)
    assert info.schema.field("close").metadata[b"comment"]


def test_a_table_is_followed_as_it_grows(address: str) -> None:
    client = flight.connect(address)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b'{"follow": "bars"}'))
    assert info.total_records == -1
    reader = client.do_get(info.endpoints[0].ticket)
    rows: list[tuple[int, str]] = []
    while len({bar for bar, _ in rows}) < 4:
        rows += [(row["bar"], row["asset"]) for row in reader.read_chunk().data.to_pylist()]
    reader.cancel()
    first, last = rows[0][0], rows[-1][0]
    stored = ask(client, f"select bar, asset from bars where bar between {first} and {last}").to_pylist()
    # Every row of every bar, each once.
    assert sorted(rows) == sorted((row["bar"], row["asset"]) for row in stored)
    with pytest.raises(pyarrow.ArrowInvalid, match="portfolios"):
        client.get_flight_info(flight.FlightDescriptor.for_command(b'{"follow": "runs"}'))


def test_adbc_runs_queries_with_parameters_and_knows_the_tables(address: str) -> None:
    with flightsql.connect(address) as connection:
        with connection.cursor() as cursor:
            cursor.execute(QUERY)
            rows = cursor.fetch_arrow_table()
            asset = rows["asset"][0].as_py()
            cursor.execute("select count(*) as n from bars where asset = ? and bar >= $2", (asset, rows["bar"][0].as_py()))
            assert cursor.fetchone()[0] > 0
            cursor.execute("select weights from portfolios limit 1")
            assert abs(sum(weight for _, weight in cursor.fetchone()[0]) - 1) < 1e-9
        tables = connection.adbc_get_objects(depth="columns").read_all().to_pylist()
        named = {
            (schema["db_schema_name"], table["table_name"])
            for catalog in tables
            for schema in catalog["catalog_db_schemas"]
            for table in schema["db_schema_tables"]
        }
        assert {("public", "portfolios"), ("history", "bars"), ("live", "ticks")} <= named
        assert connection.adbc_get_table_schema("bars", db_schema_filter="history").field("close").type == "double"
        assert connection.adbc_get_info()["vendor_name"] == "SilverBullet"
        assert {row["table_type"] for row in [{"table_type": name} for name in connection.adbc_get_table_types()]} >= {"VIEW"}


def test_polars_and_pandas_read_a_query(address: str) -> None:
    with flightsql.connect(address) as connection:
        of_polars = polars.read_database(QUERY, connection)
        of_pandas = pandas.read_sql(QUERY, connection)
    assert of_polars["close"].to_list() == of_pandas["close"].tolist()
    assert of_polars.height == 200


def test_what_is_wrong_is_told_in_words(address: str) -> None:
    client = flight.connect(address)
    with pytest.raises(pyarrow.ArrowKeyError, match="portfolios"):
        ask(client, "select * from portfolio")
    with flightsql.connect(address) as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error, match="read"):
            cursor.execute("delete from bars")


def test_the_token_is_wanted_as_a_bearers_or_as_a_password(program: Path, tmp_path: Path) -> None:
    run, address = started(program, tmp_path, SILVERBULLET_SERVER__TOKEN=TOKEN)
    try:
        client = flight.connect(address)
        with pytest.raises(flight.FlightUnauthenticatedError, match="Bearer"):
            list(client.list_flights())
        with pytest.raises(flight.FlightUnauthenticatedError):
            client.authenticate_basic_token("anyone", "guessed")
        header = client.authenticate_basic_token("anyone", TOKEN)
        assert len(list(client.list_flights(options=flight.FlightCallOptions(headers=[header])))) > 10
        with flightsql.connect(address, db_kwargs={"username": "anyone", "password": TOKEN}) as connection:
            assert connection.cursor().execute("select 1 as n").fetchone() == (1,)
        bearer = {"adbc.flight.sql.authorization_header": f"Bearer {TOKEN}"}
        with flightsql.connect(address, db_kwargs=bearer) as connection:
            assert connection.cursor().execute("select 1 as n").fetchone() == (1,)
    finally:
        run.terminate()
        assert run.wait(30) in (0, 130)


JDBC = sorted(Path(os.environ.get("JDBC_DIR", "target/jdbc")).glob("flight-sql-jdbc-driver-*.jar"))


def test_java_asks_through_the_jdbc_driver(address: str, tmp_path: Path) -> None:
    assert JDBC, "the JDBC driver is missing; run scripts/fetch-jdbc-driver.sh, or `make test-tables`"
    opened = ["--add-opens=java.base/java.nio=ALL-UNNAMED", "-Duser.timezone=UTC"]
    source = Path(__file__).parent / "jdbc" / "Ask.java"
    url = address.replace("grpc://", "jdbc:arrow-flight-sql://")
    prepared = "select distinct asset from bars where asset = ?"
    done = subprocess.run(
        ["java", *opened, "-cp", JDBC[-1].resolve(), source, url, "", "", "select 1 as n, 'x' as word", prepared, "BTC"],
        capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["product"] == "SilverBullet, read only: true"
    assert lines["catalogs"] == "[silverbullet]"
    assert lines["schemas"] == "[catalog, history, live, public]"
    assert lines["types"] == "[SYSTEM TABLE, TABLE, VIEW]"
    assert "portfolios" in lines["tables"] and "ticks" not in lines["tables"]
    assert "close_time" in lines["columns"]
    assert lines["key"] == "[asset, bar, universe, variant]"
    assert lines["foreign"] == "[]"
    assert (lines["row"], lines["prepared"]) == ("1, x", "BTC")
    assert "read" in lines["refused"]


def test_the_program_asks_a_run_that_goes_on(program: Path, address: str, tmp_path: Path) -> None:
    def sql(*words: str) -> subprocess.CompletedProcess:
        command = [program, "sql", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(), cwd=tmp_path)

    answer = sql("select count(*) > 0 as live from live.ticks", "--connect", address, "--format", "json")
    assert (answer.returncode, answer.stdout.strip()) == (0, '[\n{"live":true}\n]'), answer.stderr
    wrong = sql("select * from portfolio", "--connect", address)
    assert wrong.returncode == 2 and "portfolios" in wrong.stderr
    nobody = sql("select 1", "--connect", "grpc://127.0.0.1:1")
    assert nobody.returncode == 1 and "silverbullet run" in nobody.stderr


def test_a_feed_of_ones_own_is_answered_and_stored(program: Path, tmp_path: Path) -> None:
    settings = tmp_path / "own.toml"
    settings.write_text('[universes.main]\nassets = ["A", "B"]\nwindow = 20\nbar = "1s"\n')
    said = tmp_path / "said"
    command = [program, "run", "--source", "flight", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    with said.open("w") as errors:
        run = subprocess.Popen(
            [*command, "--config", settings, "--data", tmp_path / "data", "--format", "json"],
            cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"(grpc://\S+)", said.read_text())):
            assert run.poll() is None and time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
        client = flight.connect(found.group(1))
        second, first = 1_000_000_000, 1_747_008_000
        rows = [
            {
                "asset": asset, "open_time": (first + n) * second, "close_time": (first + n + 1) * second,
                "open": base + n % 7, "high": base + n % 7 + 3.0, "low": base + n % 7 - 1.0,
                "close": base + (n * n) % 5, "volume": 2.0 + n,
            }
            for n in range(60) for asset, base in (("A", 100.0), ("B", 50.0))
        ]  # fmt: skip
        for row in rows:
            row["high"], row["low"] = max(row["high"], row["close"]), min(row["low"], row["close"])
        batch = pyarrow.RecordBatch.from_pylist(rows)
        writer, answers = client.do_put(flight.FlightDescriptor.for_path("bars"), batch.schema)
        writer.write_batch(batch)
        assert bytes(answers.read()) == b'{"first":null,"quarantined":0,"rows":120}'
        writer.close()
        # The bar of a price is final once a later one has come.
        ticks = {"timestamp": [(first + 70) * 1000] * 2, "asset": ["A", "B"], "price": [100.0, 50.0]}
        batch = pyarrow.RecordBatch.from_pydict(ticks)
        writer, answers = client.do_put(flight.FlightDescriptor.for_path("ticks"), batch.schema)
        writer.write_batch(batch)
        assert b'"quarantined":0' in bytes(answers.read())
        writer.close()
        query = "select asset, open, high, low, close, volume from bars where ticks > 0 order by bar, asset"
        deadline = time.monotonic() + 60
        while (stored := ask(client, query)).num_rows < 120:
            assert time.monotonic() < deadline, stored
            time.sleep(0.2)
        names = stored.column_names
        assert stored.slice(0, 120).to_pylist() == [{name: row[name] for name in names} for row in rows]
        newest = ask(client, "select sum(weight) as whole from weights group by bar, objective, method order by bar desc")
        assert abs(newest["whole"][0].as_py() - 1.0) < 1e-9
    finally:
        run.terminate()
        assert run.wait(30) in (0, 130)
