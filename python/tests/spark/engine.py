"""What the tests of the data source and of jobs share: a real engine whose bars the test puts itself, and sessions of Spark."""

import math
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.flight as flight
from cluster import Cluster
from program import binary, environment
from pyspark.sql import DataFrame, SparkSession
from service import PROJECT, first_free, wait_until

#: Where bars begin, in seconds since 1970; a bar lasts one.
FIRST = 1_747_008_000
SECOND = 1_000_000_000
PACKAGE = PROJECT / "python"


class Engine:
    """`silverbullet run` with a port that stays, for a feed of its own."""

    def __init__(self, folder: Path, assets: list[str], window: int = 20, **settings: str) -> None:
        self.folder, self.assets, self.settings = folder, assets, settings
        folder.mkdir(parents=True, exist_ok=True)
        self.port = first_free(lambda port: [("127.0.0.1", port)])
        self.url = f"grpc://127.0.0.1:{self.port}"
        self.bars = 0
        self._said = folder / "said"
        names = ", ".join(f'"{asset}"' for asset in assets)
        (folder / "own.toml").write_text(f'[universes.main]\nassets = [{names}]\nwindow = {window}\nbar = "1s"\n')
        self._process: subprocess.Popen | None = None

    def start(self) -> "Engine":
        """Starts it, and waits until it answers."""
        command = [binary(), "run", "--source", "flight", "--http", "127.0.0.1:0", "--grpc", f"127.0.0.1:{self.port}"]
        with self._said.open("w") as errors:
            self._process = subprocess.Popen(
                [*command, "--config", "own.toml", "--data", "data", "--format", "json"],
                cwd=self.folder, env=environment() | self.settings, stdout=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
        wait_until(self._says_where, "the engine says where Flight is", 60)
        return self

    def _says_where(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self._said.read_text()
        return re.search(re.escape(self.url), self._said.read_text()) is not None

    def stop(self) -> None:
        """Ends it well: all that is final is stored."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            assert self._process.wait(60) in (0, 130), self._said.read_text()

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def client(self) -> flight.FlightClient:
        """A bare client of pyarrow."""
        return flight.connect(self.url)

    def rows(self, query: str, endpoints: int = 1) -> pyarrow.Table:
        """The rows of a query as pyarrow reads them, share after share."""
        options = flight.FlightCallOptions(headers=[(b"silverbullet-endpoints", str(endpoints).encode())])
        with self.client() as client:
            info = client.get_flight_info(flight.FlightDescriptor.for_command(query.encode()), options)
            return pyarrow.concat_tables([client.do_get(endpoint.ticket).read_all() for endpoint in info.endpoints])

    def put(self, bars: int) -> None:
        """Puts so many more bars of every asset, and waits until all of them are final."""
        numbers = range(self.bars, self.bars + bars)
        rows = [self._bar(number, at) for number in numbers for at in range(len(self.assets))]
        with self.client() as client:
            for begin in range(0, len(rows), 50_000):
                self._put(client, "bars", pyarrow.RecordBatch.from_pylist(rows[begin : begin + 50_000]))
            self.bars += bars
            # The last bar is final once merged time has passed it by the lateness: a price in the middle of the next.
            after = [(FIRST + self.bars) * 1_000 + 500] * len(self.assets)
            prices = [self._price(self.bars, at) for at in range(len(self.assets))]
            ticks = {"timestamp": after, "asset": self.assets, "price": prices}
            self._put(client, "ticks", pyarrow.RecordBatch.from_pydict(ticks))
        wait_until(self._has_all, f"{self.bars} bars are final", 120)

    def _has_all(self) -> bool:
        return self.rows("select max(bar) as newest from bars")["newest"][0].as_py() == FIRST + self.bars

    @staticmethod
    def _put(client: flight.FlightClient, path: str, batch: pyarrow.RecordBatch) -> None:
        writer, answers = client.do_put(flight.FlightDescriptor.for_path(path), batch.schema)
        writer.write_batch(batch)
        said = bytes(answers.read())
        writer.close()
        assert b'"quarantined":0' in said, said

    @staticmethod
    def _price(number: int, at: int) -> float:
        wave = math.sin(number * (0.7 + 0.3 * at)) + math.cos(number * 1.3)
        return 100.0 * (at + 1) * math.exp(1e-5 * (number % 1_000) + 2e-3 * wave)

    def _bar(self, number: int, at: int) -> dict[str, object]:
        opened, closed = self._price(number, at), self._price(number + 1, at)
        return {
            "asset": self.assets[at],
            "open_time": (FIRST + number) * SECOND,
            "close_time": (FIRST + number + 1) * SECOND,
            "open": opened, "high": max(opened, closed), "low": min(opened, closed), "close": closed,
            "volume": 1.0 + number % 7,
        }  # fmt: skip


def session(cluster: Cluster, **settings: str) -> SparkSession:
    """A session of the driver in this process, with executors on the cluster's workers."""
    os.environ["SPARK_CONF_DIR"] = str(PROJECT / "setup" / "spark" / "conf")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Python on the driver that plans reads is started by the JVM, which has its environment from here.
    os.environ["PYTHONPATH"] = str(PACKAGE)
    builder = SparkSession.builder.master(f"spark://{cluster.address}").appName("test")
    own = {"spark.ui.enabled": "false", "spark.executorEnv.PYTHONPATH": str(PACKAGE), **settings}
    for name, value in own.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def load(spark: SparkSession, engine: Engine, **options: object) -> DataFrame:
    """A read of the engine."""
    given = {"endpoint": engine.url} | {name: str(value) for name, value in options.items()}
    return spark.read.format("silverbullet").options(**given).load()


def bits(value: object) -> object:
    """A value that differs from others where a single bit does."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, list | tuple):
        return tuple(bits(part) for part in value)
    return value


def rows_of(table: pyarrow.Table) -> list[tuple]:
    """The rows as bits."""
    return [tuple(bits(value) for value in row.values()) for row in table.to_pylist()]
