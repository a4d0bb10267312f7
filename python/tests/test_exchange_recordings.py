"""Recorded frames of exchanges mean to the program what they mean to a reading by Python's json: every price, bit for bit.

Where the recordings are not at hand (`SILVERBULLET_SHARED`, or beside the project) these tests are skipped.
"""

import csv
import gzip
import io
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from program import environment

PROJECT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("SILVERBULLET_SHARED", PROJECT.parent / "shared")) / "data/websocket"
FILES = {
    "binance-spot-2024/spot_btcusdt_20240808.raw.gz": "binance",
    "binance-spot-2024/spot_ethusdt_20240808.raw.gz": "binance",
    "binance-trades-2025/negative_trade_stream_spot_trxusdt_20250304.csv.gz": "binance",
    "binance-trades-2025/positive_trade_stream_spot_trxusdt_20250304.csv.gz": "binance",
    "cryptofeed-2021-2023/BINANCE.ws.1.0.gz": "binance",
    "cryptofeed-2021-2023/BINANCE_FUTURES.ws.1.0.gz": "binance",
    "cryptofeed-2021-2023/BINANCE_TR.ws.1.0.gz": "binance",
    "cryptofeed-2021-2023/BINANCE_US.ws.1.0.gz": "binance-us",
    "cryptofeed-2021-2023/COINBASE.ws.28.0.gz": "coinbase",
    "cryptofeed-2021-2023/KRAKEN.ws.48.0.gz": "kraken",
    "cryptofeed-2021-2023/KRAKEN.ws.49.0.gz": "kraken",
    "cryptofeed-2021-2023/KRAKEN.ws.50.0.gz": "kraken",
    "cryptofeed-2021-2023/OKX.ws.1.0.gz": "okx",
}
# Answers to requests over HTTP: no frame is in them.
WITHOUT_FRAMES = {f"cryptofeed-2021-2023/{name}.gz" for name in ("BINANCE.http.0.0", "COINBASE.0", "KRAKEN.0")}

# What the program says a price is, without the line: symbol, stream, price, bid, ask, size, time, number.
Row = tuple[str, str, float, float | None, float | None, float | None, int | None, int | None]
Reading = tuple[list[Row], str | None]


@pytest.fixture(scope="session")
def frames(program: Path) -> Path:
    """The example that shows what frames are read as."""
    path = program.parent / "examples" / "frames"
    assert path.is_file(), f"{path} is not there; build it by: cargo build -p silverbullet-feeds --example frames"
    return path


def lines(file: str) -> Iterator[str]:
    with gzip.open(RECORDINGS / file, "rt") as text:
        yield from (line.rstrip("\n") for line in text)


def recorded(file: str) -> list[str]:
    """The frames of a recording, without the lines that tell what the recorder did."""
    if ".csv" in file:
        return [trade_frame(row) for row in csv.DictReader(lines(file))]
    stamped = (re.fullmatch(r"\d+(?:\.\d+)?:? (.*)", line) for line in lines(file))
    # The recorder asked for two order books beside the stream.
    return [match[1] for match in stamped if match and not match[1].startswith('{"lastUpdateId"')]


def trade_frame(row: dict[str, str]) -> str:
    """A row of a table of trades as the frame that it came in."""
    event = {
        "e": row["EventType"],
        "E": int(row["EventTime"]),
        "s": row["Symbol"],
        "t": int(row["TradeId"]),
        "p": row["Price"],
        "q": row["Quantity"],
        "T": int(row["TransactionTime"]),
        "m": row["IsBuyerMarketMaker"] == "1",
        "M": row["MUnknownParameter"] == "True",
    }
    return json.dumps({"stream": row["Stream"], "data": event})


def trade(symbol: str, price: str, size: str, time: int, number: int) -> Row:
    return (symbol, "trade", float(price), None, None, float(size), time, number)


def quote(symbol: str, bid: str, ask: str, time: int | None, number: int | None) -> Row:
    return (symbol, "quote", (float(bid) + float(ask)) / 2, float(bid), float(ask), None, time, number)


def nanoseconds(text: str) -> int:
    """A time to the microsecond, without floating point."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000


def binance(frame: dict, _: set[str]) -> Reading:
    event = frame["data"]
    match event.get("e"):
        case "trade":
            # Microseconds have three digits more.
            time = event["T"] * (1_000 if event["T"] > 10**13 else 1_000_000)
            return [trade(event["s"], event["p"], event["q"], time, event["t"])], None
        case None:
            return [quote(event["s"], event["b"], event["a"], None, event["u"])], None
        case kind:
            # Only futures tell a kind of the best bid and offer.
            names = {"depthUpdate": "order book", "aggTrade": "aggregated trade", "kline": "candle"}
            return [], (names | {"bookTicker": "binance-futures"})[kind]


def coinbase(frame: dict, begun: set[str]) -> Reading:
    kind, symbol = frame["type"], frame.get("product_id")
    if kind == "match":
        return [trade(symbol, frame["price"], frame["size"], nanoseconds(frame["time"]), frame["trade_id"])], None
    if kind == "ticker" and symbol in begun:
        time, number = nanoseconds(frame["time"]), frame["sequence"]
        return [quote(symbol, frame["best_bid"], frame["best_ask"], time, number)], None
    if kind == "ticker":
        begun.add(symbol)
    names = {"snapshot": "order book", "l2update": "order book", "subscriptions": "answer to a request"}
    return [], (names | dict.fromkeys(("ticker", "last_match"), "before the subscription"))[kind]


def okx(frame: dict, begun: set[str]) -> Reading:
    if "event" in frame:
        return [], "answer to a request"
    channel, symbol = frame["arg"]["channel"], frame["arg"]["instId"]
    if channel == "books":
        return [], "order book"
    if channel == "trades" and symbol not in begun:
        begun.add(symbol)
        return [], "before the subscription"
    rows = []
    for item in frame["data"]:
        time = int(item["ts"]) * 1_000_000
        if channel == "trades":
            rows.append(trade(symbol, item["px"], item["sz"], time, int(item["tradeId"])))
        else:
            rows.append(quote(symbol, item["bidPx"], item["askPx"], time, None))
    return rows, None


def kraken(frame: dict | list, _: set[str]) -> Reading:
    """All is of the first version of the interface, of which no price is read."""
    assert isinstance(frame, list) or "event" in frame
    return [], "kraken-v1"


READERS = {"binance": binance, "binance-us": binance, "coinbase": coinbase, "kraken": kraken, "okx": okx}


def read_here(venue: str, recording: Iterable[str]) -> tuple[list[tuple[int, Row]], Counter[str]]:
    """The prices with the numbers of their lines, and how often there was what else."""
    rows, counts, begun = [], Counter(), set()
    for line, frame in enumerate(recording, 1):
        prices, name = READERS[venue](json.loads(frame), begun)
        rows += [(line, price) for price in prices]
        counts.update([name] if name else [])
    return rows, counts


def read_there(program: Path, venue: str, recording: list[str]) -> tuple[list[tuple[int, Row]], Counter[str]]:
    """The same, as the program says it."""
    text = "".join(f"{frame}\n" for frame in recording)
    answer = subprocess.run(
        [program, venue], input=text, capture_output=True, text=True, check=True, env=environment(), timeout=60
    )
    table = csv.reader(io.StringIO(answer.stdout))
    assert ",".join(next(table)) == "line,symbol,stream,price,bid,ask,size,time_ns,number"
    rows = []
    for line, symbol, stream, price, *fields in table:
        bid, ask, size = (float(field) if field else None for field in fields[:3])
        time, number = (int(field) if field else None for field in fields[3:])
        rows.append((int(line), (symbol, stream, float(price), bid, ask, size, time, number)))
    counts = (line.split(" ", 1) for line in answer.stderr.splitlines())
    return rows, Counter({name: int(count) for count, name in counts})


needs_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recorded data at {RECORDINGS}")


@needs_recordings
def test_every_recording_is_compared():
    found = {path.relative_to(RECORDINGS).as_posix() for path in RECORDINGS.glob("*/*.gz")}
    assert found == FILES.keys() | WITHOUT_FRAMES


@needs_recordings
@pytest.mark.parametrize("file", FILES)
def test_prices_are_those_that_python_reads(frames: Path, file: str):
    recording = recorded(file)
    assert len(recording) > 40, "the frames of the recording have been found"
    expected, expected_counts = read_here(FILES[file], recording)
    rows, counts = read_there(frames, FILES[file], recording)
    assert counts == expected_counts
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        assert row == wanted
    assert bool(rows) != ("FUTURES" in file or "KRAKEN" in file)
