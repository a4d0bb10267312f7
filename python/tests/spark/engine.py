"""What tests of the data source and of jobs share: a real engine whose prices the test puts, reads of it, and bits."""

import math
import os
import re
import struct
import subprocess
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow
import pyarrow.flight as flight
from program import binary, environment
from pyspark.sql import DataFrame, SparkSession
from service import PROJECT, first_free, wait_until

#: Where bars begin, in seconds since 1970; a bar lasts one.
FIRST = 1_747_008_000
#: Where the package with its native module lies: SILVERBULLET_PACKAGE, which `make test-spark` fills.
PACKAGE = Path(os.environ.get("SILVERBULLET_PACKAGE", PROJECT / "python")).resolve()


class Engine:
    """`silverbullet run` with a port that stays, for a feed of its own."""

    def __init__(self, folder: Path, assets: list[str], window: int = 20, **settings: str) -> None:
        self.folder, self.assets, self.settings = folder, assets, settings
        folder.mkdir(parents=True, exist_ok=True)
        self.port = first_free(lambda port: [("127.0.0.1", port)])
        self.url = f"grpc://127.0.0.1:{self.port}"
        self.bars = self._put = 0
        self._at = range(len(assets))
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

    def put(self, bars: int, without: Container[str] = ()) -> None:
        """Puts prices for so many more bars of every asset (but for some), and waits until all of them are final."""
        # A bar is final once a price has come that is later than its close by the lateness: one of the next bar.
        last = self.bars + bars
        rows = self.prices(self._put, last + 1, without)
        with self.client() as client:
            for begin in range(0, len(rows), 50_000):
                batch = pyarrow.RecordBatch.from_pylist(rows[begin : begin + 50_000])
                writer, answers = client.do_put(flight.FlightDescriptor.for_path("ticks"), batch.schema)
                writer.write_batch(batch)
                said = bytes(answers.read())
                writer.close()
                assert b'"quarantined":0' in said, said
        self.bars, self._put = last, last + 1
        wait_until(self._has_all, f"{self.bars} bars are final", 120)

    def prices(self, first: int, end: int, without: Container[str] = ()) -> list[dict[str, object]]:
        """The prices of so many seconds."""
        assets = [at for at in self._at if self.assets[at] not in without]
        return [self._tick(number, part, at) for number in range(first, end) for part in (3, 7) for at in assets]

    def _has_all(self) -> bool:
        return self.rows("select max(bar) as newest from bars")["newest"][0].as_py() == FIRST + self.bars

    def _tick(self, number: int, part: int, at: int) -> dict[str, object]:
        """A price in a tenth of a bar; every asset moves in its own way."""
        time = number + part / 10
        wave = math.sin(time * (0.7 + 0.3 * at)) + math.cos(time * 1.3)
        price = 100.0 * (at + 1) * math.exp(1e-5 * (number % 1_000) + 2e-3 * wave)
        stamp = (FIRST + number) * 1_000 + 100 * part
        return {"timestamp": stamp, "asset": self.assets[at], "price": price, "size": 1.0 + number % 7}


@contextmanager
def running_engine(folder: Path, assets: list[str], bars: int, window: int = 20, **settings: str) -> Iterator[Engine]:
    """An engine with so many bars, until the block ends."""
    one = Engine(folder, assets, window, **settings).start()
    try:
        one.put(bars)
        yield one
    finally:
        one.stop()


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
