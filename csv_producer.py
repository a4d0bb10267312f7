#!/usr/bin/env python3
"""Sends the prices of a CSV file to a Kafka topic: one message a price, keyed by asset.

The value is JSON: {"timestamp": "2025-05-12T00:00:00Z", "asset": "BTC", "price": 104105.1}, with "bid", "ask", "size"
and "sequence" where the file has them. Times become ISO 8601 in UTC, exact to the nanosecond, however the file
writes them. One file without a module beside it, so that it can be copied to where prices are.
"""

import argparse
import csv
import gzip
import json
import math
import re
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import NamedTuple, TextIO

try:
    from confluent_kafka import KafkaError, KafkaException, Message, Producer
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    sys.exit("csv_producer.py: confluent-kafka is not installed: pip install -r python/requirements-kafka.txt")

SAMPLE = Path(__file__).resolve().parent / "setup" / "kafka" / "sample-prices.csv"
SECOND = 1_000_000_000
MAX_TIME = 2**63 - 1
# The longest line that is read, in characters.
MAX_ROW = 64 * 1024
# Rows at the beginning that tell the unit of numeric times and the spacing.
PROBE_ROWS = 4_096
# No longer jump in the file's time is waited for, unless the file's own spacing is wide: a wrong year must not stop us.
LEAST_JUMP = 3_600 * SECOND

# The names under which columns are known; the first one found counts. The program reads files by the same list.
NAMES = {
    "timestamp": ("timestamp", "ts", "time", "datetime", "date", "event_time"),
    "asset": ("asset", "symbol", "ticker", "instrument"),
    "price": ("price", "px", "last", "close"),
    "bid": ("bid", "best_bid", "bid_price"),
    "ask": ("ask", "best_ask", "ask_price"),
    "size": ("size", "volume", "quantity", "qty", "amount"),
    "sequence": ("sequence", "seq"),
}


class Stop(Exception):
    """Ends the program with a message and exit code 1."""


class BadRow(ValueError):
    """Why a row, or one price of it, cannot be sent."""


class Price(NamedTuple):
    """One message: the time in nanoseconds since 1970 UTC, and the other fields of the value."""

    time: int
    asset: str
    fields: dict[str, float | int]


# --- Times -------------------------------------------------------------------------------------------------------

ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?)?"
    r"(?:[Zz]|([+-])(\d{2})(?::?(\d{2}))?)?",
    re.ASCII,
)
NUMBER = re.compile(r"([+-]?)(\d+)(?:\.(\d*))?([eE][+-]?\d+)?", re.ASCII)
EPOCH = datetime(1970, 1, 1)


def unit_digits(text: str) -> int | None:
    """Decimal digits between the unit a numeric time suggests by its size and the nanosecond; None for no number."""
    number = NUMBER.fullmatch(text)
    if not number:
        return None
    size = abs(float(text)) if number[4] else int(number[2])
    return 9 if size < 1e11 else 6 if size < 1e14 else 3 if size < 1e17 else 0


def parse_time(text: str, digits: int) -> int:
    """Nanoseconds since 1970 UTC of ISO 8601 text or of a number with `digits` digits to the nanosecond."""
    nanos = iso_time(text) if text[4:5] == "-" else epoch_time(text, digits)
    if nanos is None or abs(nanos) > MAX_TIME:
        raise BadRow(f"unparsable timestamp, timestamp `{text[:80]}`")
    return nanos


def iso_time(text: str) -> int | None:
    found = ISO.fullmatch(text)
    if not found:
        return None
    day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = found.groups()
    if sign and hour is None:
        return None
    try:
        # A leap second is the second before it.
        clock = (int(hour or 0), int(minute or 0), min(int(second or 0), 59))
        moment = datetime.combine(date.fromisoformat(day), clock_time(*clock))
    except ValueError:
        return None
    if int(second or 0) > 60 or int(zone_minutes or 0) > 59:
        return None
    zone = (int(zone_hours or 0) * 60 + int(zone_minutes or 0)) * 60 * (-1 if sign == "-" else 1)
    whole = (moment - EPOCH) // timedelta(seconds=1) - zone
    return whole * SECOND + int(((fraction or "") + "000000000")[:9])


def epoch_time(text: str, digits: int) -> int | None:
    number = NUMBER.fullmatch(text)
    if not number:
        return None
    sign, whole, fraction, exponent = number.groups()
    if exponent:
        value = float(text) * 10**digits
        return int(value) if math.isfinite(value) else None
    nanos = int(whole) * 10**digits + int(((fraction or "") + "0" * digits)[:digits] or 0)
    return -nanos if sign == "-" else nanos


def iso_text(nanos: int) -> str:
    """ISO 8601 in UTC with as many decimals, of 0, 3, 6 and 9, as it takes."""
    seconds, rest = divmod(nanos, SECOND)
    text = (EPOCH + timedelta(seconds=seconds)).isoformat()
    if rest:
        decimals = f"{rest:09d}"
        while decimals.endswith("000"):
            decimals = decimals[:-3]
        text += "." + decimals
    return text + "Z"


# --- Rows --------------------------------------------------------------------------------------------------------


def number(text: str, name: str, least: float = 0.0, with_least: bool = False) -> float:
    """A finite number above `least`, or also `least` itself."""
    try:
        # Python reads 1_000 and digits of other scripts, too; others do not.
        value = float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        value = None
    if value is None:
        raise BadRow(f"unparsable {name}, {name} `{text[:80]}`")
    if not math.isfinite(value):
        raise BadRow(f"{name} not finite, {name} `{text[:80]}`")
    if value < least or (value == least and not with_least):
        raise BadRow(f"{name} not positive, {name} `{text[:80]}`")
    return value


def sequence_number(text: str) -> int:
    """A whole number from zero; also one written as 12.0, as tables with missing values write them."""
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and int(digits) < 2**64):
        raise BadRow(f"invalid sequence, sequence `{text[:80]}`")
    return int(digits)


def asset_name(text: str) -> str:
    if not text:
        raise BadRow("empty asset, no asset name")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRow("invalid UTF-8, asset " + ascii(text[:80])) from None
    return text


class Layout:
    """Which column is what. Long: a price a row. Wide: a time a row, and a column of prices for each asset."""

    def __init__(self, header: list[str]) -> None:
        names = [name.lower() for name in header]
        self.width = len(header)
        self.at: dict[str, int] = {}
        for column, aliases in NAMES.items():
            alias = next((alias for alias in aliases if alias in names), None)
            if alias is None:
                continue
            if names.count(alias) > 1:
                raise Stop(f"the header has two `{alias}` columns: {', '.join(names)[:200]}")
            self.at[column] = names.index(alias)
        if "timestamp" not in self.at:
            raise Stop(f"the header has no `timestamp` column: {', '.join(names)[:200]}")
        self.assets: dict[int, str] = {}
        if "asset" not in self.at and "price" not in self.at and self.width > 1:
            self.assets = {i: asset_name(name) for i, name in enumerate(header) if i != self.at["timestamp"]}
            if len(set(self.assets.values())) < len(self.assets):
                raise Stop(f"the header names an asset twice: {', '.join(header)[:200]}")
        for column in () if self.assets else ("asset", "price"):
            if column not in self.at:
                raise Stop(f"the header has no `{column}` column: {', '.join(names)[:200]}")

    def time_text(self, row: list[str]) -> str:
        if len(row) != self.width:
            raise BadRow(f"wrong column count, {len(row)} fields instead of {self.width}")
        text = row[self.at["timestamp"]]
        if not text:
            raise BadRow("empty timestamp, no timestamp")
        return text

    def price(self, row: list[str], moment: int) -> Price:
        """The price of a row in the long form."""
        asset = asset_name(row[self.at["asset"]])
        text = row[self.at["price"]]
        if not text:
            raise BadRow("empty price, no price")
        fields: dict[str, float | int] = {"price": number(text, "price")}
        for name in ("bid", "ask", "size", "sequence"):
            text = row[self.at[name]] if name in self.at else ""
            if text and name == "sequence":
                fields[name] = sequence_number(text)
            elif text:
                fields[name] = number(text, name, with_least=name == "size")
        return Price(moment, asset, fields)


def split_line(line: str) -> list[str]:
    """The fields of a line without the blanks around them."""
    if len(line) > MAX_ROW:
        raise BadRow(f"row too long, row `{line[:80]}…`")
    if '"' not in line:
        return [field.strip() for field in line.split(",")]
    # Line by line, so that a quote that is not closed spoils its own line only.
    if line.count('"') % 2:
        raise BadRow(f"unclosed quote, row `{line.strip()[:80]}`")
    return [field.strip() for field in next(csv.reader([line]))]


class PriceFile:
    """A CSV file of prices, plain or compressed with gzip; read as a stream, whatever its size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.layout, self.digits, self.spacing = self.probe()

    def open(self) -> TextIO:
        try:
            if not self.path.is_file() and self.path.exists():
                raise Stop(f"{self.path} is not a file")
            with self.path.open("rb") as file:
                first = file.read(4)
            if first == b"\x28\xb5\x2f\xfd":
                raise Stop(f"{self.path} is compressed with zstd: unpack it first (zstd -d {self.path})")
            opener = gzip.open if first[:2] == b"\x1f\x8b" else open
            return opener(self.path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="\n")
        except OSError as error:
            raise Stop(f"{self.path} cannot be read: {error.strerror or error}") from None

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines that are not blank, with their number; the first of the file is 1."""
        with self.open() as file:
            line = 0
            try:
                while text := file.readline(MAX_ROW + 1):
                    line += 1
                    if len(text) > MAX_ROW:
                        rest = text
                        while rest and not rest.endswith("\n"):
                            rest = file.readline(MAX_ROW)
                    if text.strip():
                        yield line, text
            except (OSError, EOFError) as error:
                raise Stop(f"{self.path} is damaged after line {line}: {error}") from None

    def probe(self) -> tuple[Layout, int, int]:
        """The layout, the unit of numeric times, and the usual spacing of the times in nanoseconds."""
        lines = self.lines()
        try:
            layout = Layout(split_line(next(lines)[1]))
        except StopIteration:
            raise Stop(f"{self.path} is empty") from None
        except (BadRow, Stop) as problem:
            raise Stop(f"{self.path}: {problem}") from None
        texts = []
        for _, (_, line) in zip(range(PROBE_ROWS), lines, strict=False):
            try:
                texts.append(layout.time_text(split_line(line)))
            except BadRow:
                continue
        votes = [digits for text in texts if text[4:5] != "-" and (digits := unit_digits(text)) is not None]
        digits = statistics.mode(votes) if votes else 9
        times = []
        for text in texts:
            try:
                times.append(parse_time(text, digits))
            except BadRow:
                continue
        steps = [b - a for a, b in zip(times, times[1:], strict=False) if b > a]
        return layout, digits, int(statistics.median(steps)) if steps else SECOND

    def prices(self, on_bad: Callable[[int, str], None]) -> Iterator[Price]:
        """The prices in the order of the file; `on_bad` is told the line and the reason of those left out."""
        lines = self.lines()
        next(lines, None)
        last_text, moment = "", 0
        for line, text in lines:
            try:
                row = split_line(text)
                if (time_text := self.layout.time_text(row)) != last_text:
                    moment = parse_time(time_text, self.digits)
                    last_text = time_text
                if not self.layout.assets:
                    yield self.layout.price(row, moment)
                    continue
            except BadRow as problem:
                on_bad(line, str(problem))
                continue
            for column, asset in self.layout.assets.items():
                # Empty: the asset has no price at this time.
                if not row[column]:
                    continue
                try:
                    price = number(row[column], "price")
                except BadRow as problem:
                    on_bad(line, f"{problem} of {asset}")
                    continue
                yield Price(moment, asset, {"price": price})


# --- Sending -----------------------------------------------------------------------------------------------------


class Pacer:
    """Says when a price is due: as far after the first one as in the file, divided by the speed."""

    def __init__(self, speed: float, spacing: int) -> None:
        self.speed = speed
        self.jump = max(LEAST_JUMP, 10 * spacing)
        self.anchor: tuple[int, float] | None = None
        self.newest = 0

    def wait_for(self, moment: int, now: float) -> float:
        """Seconds from `now`, a monotonic time, until the price of `moment` is due; never below zero."""
        if math.isinf(self.speed):
            return 0.0
        if self.anchor is None or abs(moment - self.newest) > self.jump:
            self.anchor, self.newest = (moment, now), moment
            return 0.0
        self.newest = max(self.newest, moment)
        return max(0.0, self.anchor[1] + (moment - self.anchor[0]) / SECOND / self.speed - now)


class Sending:
    """Sends prices, counts what became of them, and says once a second how it goes."""

    def __init__(self, settings: argparse.Namespace, stop: threading.Event) -> None:
        self.settings = settings
        self.stop = stop
        self.sent = self.delivered = self.failed = self.bad = 0
        self.failure = ""
        self.down_since: float | None = None
        self.started = self.reported = time.monotonic()
        self.reported_delivered = 0
        self.names_bad_rows = True
        self.producer = Producer(
            {
                "bootstrap.servers": settings.brokers,
                # Each message once and in order, whatever is sent again on the way.
                "enable.idempotence": True,
                "acks": "all",
                # What is not delivered by then has failed; a killed broker is back in 8 to 15 s.
                "message.timeout.ms": int(settings.give_up * 1_000),
                "linger.ms": 20 if math.isinf(settings.speed) else 0,
                "compression.type": "lz4",
                # The partition Java's clients would choose for the key.
                "partitioner": "murmur2_random",
                "reconnect.backoff.max.ms": 1_000,
                # It would write its own lines between ours; on_error says what matters.
                "log_level": 0,
                "error_cb": self.on_error,
            }
        )

    def on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self.down_since is None:
            self.down_since = time.monotonic()

    def on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.delivered += 1
            self.down_since = None
        else:
            self.failed += 1
            self.failure = self.failure or error.str()

    def on_bad(self, line: int, reason: str) -> None:
        if not self.names_bad_rows:
            return
        self.bad += 1
        message = f"{self.settings.csv}, line {line}: {reason}"
        if self.settings.strict:
            raise Stop(f"{message}; stopped there, as --strict asks for")
        self.say(message)

    def run(self, file: PriceFile) -> None:
        """Sends the file, again and again where that is wished; returns when it is sent, stopped or failed."""
        pacer = Pacer(self.settings.speed, file.spacing)
        shift = 0
        while True:
            first, last = MAX_TIME, -MAX_TIME
            for price in file.prices(self.on_bad):
                first, last = min(first, price.time), max(last, price.time)
                price = price._replace(time=price.time + shift)
                if not self.pause(pacer.wait_for(price.time, time.monotonic())) or not self.send(price):
                    return
            # The next round's times go on where this one's end, or they would all be late.
            shift += last - first + file.spacing
            self.names_bad_rows = False
            if not self.settings.repeat or first > last:
                return

    def pause(self, seconds: float) -> bool:
        """Waits, and sees to deliveries meanwhile; false when it is time to stop."""
        due = time.monotonic() + seconds
        while not self.stop.is_set() and not self.failed:
            left = due - time.monotonic()
            self.producer.poll(min(max(left, 0.0), 0.1))
            self.report()
            if left <= 0.1:
                return not self.stop.is_set()
        return False

    def send(self, price: Price) -> bool:
        value = {"timestamp": iso_text(price.time), "asset": price.asset, **price.fields}
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        while not self.stop.is_set() and not self.failed:
            try:
                # Stamped by the present time, not the price's: retention deletes by this stamp.
                self.producer.produce(
                    self.settings.topic, key=price.asset.encode(), value=text.encode(), on_delivery=self.on_delivery
                )
                self.sent += 1
                return True
            except BufferError:
                # The queue is full until the broker has taken some.
                self.producer.poll(0.1)
                self.report()
        return False

    def finish(self, seconds: float) -> None:
        """Waits until all that was sent is delivered or has failed, at most for `seconds`."""
        deadline = time.monotonic() + seconds
        while len(self.producer) and time.monotonic() < deadline:
            self.producer.flush(0.2)
            self.report()

    def report(self) -> None:
        """The progress line, once a second."""
        now = time.monotonic()
        if now - self.reported < 1.0:
            return
        rate = (self.delivered - self.reported_delivered) / (now - self.reported)
        text = f"sent {self.sent:,}, delivered {self.delivered:,} ({rate:,.0f}/s), failed {self.failed:,}"
        if self.down_since is not None:
            text += f"; {self.settings.brokers} has not answered for {now - self.down_since:.0f} s"
        self.reported, self.reported_delivered = now, self.delivered
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        clear = "\r\033[K" if sys.stderr.isatty() else ""
        print(f"{clear}{text}", file=sys.stderr, flush=True)

    def summary(self) -> str:
        undelivered = self.sent - self.delivered - self.failed
        text = f"sent {self.sent}, delivered {self.delivered}, failed {self.failed}"
        if undelivered:
            text += f", unknown {undelivered}"
        return f"{text}, bad rows {self.bad}, {time.monotonic() - self.started:.1f} s"


def check_topic(settings: argparse.Namespace) -> None:
    """Sees to it that the broker answers and the topic is there."""
    admin = AdminClient({"bootstrap.servers": settings.brokers, "log_level": 0})
    try:
        topics = admin.list_topics(timeout=settings.timeout).topics
    except KafkaException:
        raise Stop(
            f"no Kafka broker answers at {settings.brokers} within {settings.timeout:g} s: "
            "setup/kafka/bin/kafka-start.sh starts one here, --brokers names another"
        ) from None
    if settings.topic in topics:
        return
    if not settings.create_topic:
        raise Stop(f"there is no topic `{settings.topic}` at {settings.brokers}; --create-topic makes it")
    # As many copies as the broker's own default says.
    topic = NewTopic(settings.topic, num_partitions=settings.partitions, replication_factor=-1)
    try:
        admin.create_topics([topic], operation_timeout=settings.timeout)[settings.topic].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise Stop(f"the topic `{settings.topic}` could not be made: {error.args[0].str()}") from None


# --- The command -------------------------------------------------------------------------------------------------

EXAMPLES = """\
examples:
  csv_producer.py --create-topic                        the sample, as fast as it goes
  csv_producer.py --csv prices.csv --speed 60           an hour of the file a minute
  csv_producer.py --csv prices.csv.gz --speed 1 --repeat
  csv_producer.py --csv prices.csv --strict --brokers kafka1:9092,kafka2:9092

The CSV has a header with the columns timestamp, asset, price and optionally bid, ask, size, sequence (also under
other usual names), or timestamp and one column of prices for each asset. Exit codes: 0 all delivered, 1 failed or
bad rows, 2 wrong usage, 130 stopped by Ctrl+C after what was sent is delivered.
"""


def speed(text: str) -> float:
    value = math.inf if text == "max" else float(text)
    if not value > 0 or (math.isinf(value) and text != "max"):
        raise ValueError
    return value


def positive(text: str) -> float:
    value = float(text)
    if not (0 < value < 1e6):
        raise ValueError
    return value


def count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Send the prices of a CSV file to a Kafka topic: one JSON message a price, keyed by asset.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--csv", type=Path, default=SAMPLE, metavar="FILE", help="prices, plain or gzip (a sample of 16 assets)")
    add("--brokers", default="127.0.0.1:9092", metavar="HOST:PORT", help="separated by commas (%(default)s)")
    add("--topic", default="price", help="topic to send to (%(default)s)")
    paced = "pace by the file's own times: 1 as they were, 60 an hour a minute, max without waiting (max)"
    add("--speed", type=speed, default="max", metavar="1|60|max", help=paced)
    add("--repeat", action="store_true", help="begin again at the end of the file, until Ctrl+C; the times go on")
    add("--strict", action="store_true", help="stop at the first bad row, instead of naming it and going on")
    add("--create-topic", action="store_true", help="make the topic where it is not there")
    add("--partitions", type=count, default=4, metavar="N", help="partitions of a topic made so (%(default)s)")
    answer = "how long to wait for the first answer of a broker (%(default)g)"
    add("--timeout", type=positive, default=10.0, metavar="SECONDS", help=answer)
    given_up = "a price not delivered by then has failed, and ends the sending (%(default)g)"
    add("--give-up", type=positive, default=60.0, metavar="SECONDS", help=given_up)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    settings = read_arguments(arguments)
    stop = threading.Event()
    caught: list[int] = []

    def on_signal(signum: int, _frame: object) -> None:
        caught.append(signum)
        stop.set()
        # The second one does not wait for deliveries.
        signal.signal(signum, signal.SIG_DFL)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    try:
        file = PriceFile(settings.csv)
        check_topic(settings)
        sending = Sending(settings, stop)
        problem = ""
        try:
            sending.run(file)
        except Stop as stopped:
            problem = str(stopped)
        sending.finish(10.0 if caught else settings.give_up + 5.0)
    except Stop as stopped:
        print(f"csv_producer.py: {stopped}", file=sys.stderr)
        return 1
    if sys.stderr.isatty():
        # The progress line ends here.
        print(file=sys.stderr)
    print(sending.summary(), flush=True)
    if sending.failed:
        problem = problem or f"{sending.failed} prices were not delivered: {sending.failure}"
    if problem:
        sending.say(f"csv_producer.py: {problem}")
    if caught:
        return 128 + caught[0]
    return 1 if problem or sending.bad or sending.delivered < sending.sent else 0


if __name__ == "__main__":
    sys.exit(main())
