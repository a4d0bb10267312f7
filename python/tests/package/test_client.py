"""silverbullet.connect(): SQL on a program that runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas
import polars
import pyarrow as pa
import pytest
import silverbullet as sb
from package import started
from service import first_free

TOKEN = "s3cret"


def test_sql_gives_arrow_pandas_and_polars(served: str) -> None:
    query = "select bar, asset, close from bars order by bar, asset limit 40"
    with sb.connect(served) as connection:
        rows = connection.sql(query)
        assert isinstance(rows, pa.Table) and rows.num_rows == 40 and rows.schema.field("close").type == pa.float64()
        of_pandas, of_polars = connection.sql_pandas(query), connection.sql_polars(query)
        assert isinstance(of_pandas, pandas.DataFrame) and of_pandas["close"].tolist() == rows["close"].to_pylist()
        assert isinstance(of_polars, polars.DataFrame) and of_polars["close"].to_list() == rows["close"].to_pylist()
        asset = rows["asset"][0].as_py()
        counted = connection.sql("select count(*) as n from bars where asset = ?", (asset,))
        assert counted["n"][0].as_py() > 0
        wide = of_pandas.pivot(index="bar", columns="asset", values="close").dropna()
        assert sb.Moments.from_prices(wide).observations == len(wide) - 1
        with pytest.raises(sb.QueryError, match="portfolios"):
            connection.sql("select * from portfolio")
        connection.close()
        with pytest.raises(sb.QueryError, match="the connection is closed; connect anew"):
            connection.sql(query)


def test_a_token_is_asked_for(program: Path, tmp_path: Path) -> None:
    run, address = started(program, tmp_path, SILVERBULLET_SERVER__TOKEN=TOKEN)
    try:
        with sb.connect(address, token=TOKEN) as connection:
            assert connection.sql("select 1 as one").to_pydict() == {"one": [1]}
        for token in (None, "wrong"):
            with pytest.raises(sb.ConnectionFailedError, match="is the token right"):
                sb.connect(address, token=token)
    finally:
        run.terminate()
        assert run.wait(30) in (0, 130)


@pytest.mark.parametrize("address", ["", "localhost", "http://127.0.0.1:8080", "grpc://127.0.0.1", "grpc://127.0.0.1:x"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(sb.InputError, match=re.escape(f"address: {address!r} is not one; it is grpc")):
        sb.connect(address)


def test_nobody_there() -> None:
    port = first_free(lambda port: [("127.0.0.1", port)])
    with pytest.raises(sb.ConnectionFailedError, match=rf"connect: grpc://127.0.0.1:{port} does not answer .*silverbullet run"):
        sb.connect(f"grpc://127.0.0.1:{port}")


def test_without_the_driver_the_remedy_is_said(tmp_path: Path) -> None:
    # A module of that name without anything in it comes before the installed one.
    (tmp_path / "adbc_driver_flightsql.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    script = (
        "import silverbullet as sb\n"
        "try:\n    sb.connect('grpc://127.0.0.1:1')\n"
        "except sb.MissingDependencyError as error:\n    print(isinstance(error, ImportError), error)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    ).stdout
    assert printed == "True connect: adbc_driver_flightsql is not installed; pip install silverbullet[client]\n"
