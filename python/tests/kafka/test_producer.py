"""csv_producer.py against a real broker: what arrives, and what happens when something goes wrong."""

import csv
import gzip
import json
import os
import pty
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from broker import Broker, produce, producer
from service import PROJECT

sys.path.insert(0, str(PROJECT))
import csv_producer  # noqa: E402

SAMPLE = PROJECT / "setup" / "kafka" / "sample-prices.csv"
SUMMARY = re.compile(r"^sent (\d+), delivered (\d+), failed (\d+)(?:, unknown (\d+))?, bad rows (\d+), ", re.MULTILINE)


def summary(results: str) -> tuple[int, ...]:
    """Sent, delivered, failed, unknown, bad rows."""
    found = SUMMARY.search(results)
    assert found, results
    return tuple(int(number or 0) for number in found.groups())


def read_file(folder: Path, content: str | bytes, name: str = "prices.csv") -> tuple[list[dict], list[str]]:
    """What csv_producer reads in a file: the values it would send, and what it says of bad rows."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    bad: list[str] = []
    prices = csv_producer.PriceFile(path).prices(lambda line, reason: bad.append(f"{line}: {reason}"))
    values = [{"timestamp": csv_producer.iso_text(p.time), "asset": p.asset, **p.fields} for p in prices]
    return values, bad


def test_all_rows_arrive_once_with_key_and_json_in_order(broker: Broker) -> None:
    code, results, _ = produce("--brokers", broker.address, "--topic", "all", "--create-topic", "--partitions", 3)
    assert (code, summary(results)) == (0, (7680, 7680, 0, 0, 0))
    with SAMPLE.open() as file:
        rows = [(row["timestamp"], row["asset"], float(row["price"])) for row in csv.DictReader(file)]
    messages = broker.read("all")
    values = [json.loads(message.value()) for message in messages]
    assert all(list(value) == ["timestamp", "asset", "price"] for value in values)
    assert [message.key().decode() for message in messages] == [value["asset"] for value in values]
    by_asset = sorted(tuple(value.values()) for value in values)
    assert by_asset == sorted(rows)
    # All of an asset in one partition, in the order of the file; more than one partition in use.
    partitions = {(value["asset"], message.partition()) for value, message in zip(values, messages, strict=True)}
    assert len(partitions) == 16 and len({partition for _, partition in partitions}) == 3
    for asset in {row[1] for row in rows}:
        arrived = [value["timestamp"] for value in values if value["asset"] == asset]
        assert arrived == sorted(arrived)


def test_the_key_goes_to_the_partition_that_javas_tools_choose(broker: Broker, tmp_path: Path) -> None:
    broker.create("partitions", 7)
    prices = tmp_path / "prices.csv"
    assets = [f"ASSET{i}" for i in range(40)]
    prices.write_text("timestamp,asset,price\n" + "".join(f"2025-01-01,{asset},1\n" for asset in assets))
    assert produce("--brokers", broker.address, "--topic", "partitions", "--csv", prices)[0] == 0
    tool = PROJECT / "setup" / "kafka" / "bin" / "kafka-console-producer.sh"
    lines = "".join(f"{asset}\t{{}}\n" for asset in assets)
    command = f"printf %s '{lines}' | '{tool}' --bootstrap-server {broker.address} --topic partitions"
    assert os.system(f"{command} --reader-property parse.key=true") == 0
    messages = broker.read("partitions")
    assert len(messages) == 80
    assert len({(message.key(), message.partition()) for message in messages}) == 40


def test_ctrl_c_delivers_what_was_sent(broker: Broker) -> None:
    broker.create("stopped")
    arguments = ("--brokers", broker.address, "--topic", "stopped", "--speed", "1200", "--repeat")
    running = producer(arguments)
    assert re.match(r"sent [\d,]+, delivered [\d,]+ \([\d,]+/s\), failed 0\n", running.stderr.readline())
    running.stderr.readline()
    running.send_signal(signal.SIGINT)
    results, _ = running.communicate(timeout=20)
    sent, delivered, failed, unknown, bad = summary(results)
    assert running.returncode == 130
    assert delivered == sent and (failed, unknown, bad) == (0, 0, 0)
    assert delivered == len(broker.read("stopped"))
    # 1200 minutes a minute: 16 assets 20 times a second, for about two seconds.
    assert 320 <= sent <= 1_600


def test_a_repeated_file_goes_on_in_time(broker: Broker, tmp_path: Path) -> None:
    broker.create("repeated", 1)
    prices = tmp_path / "prices.csv"
    prices.write_text("timestamp,asset,price\n2025-01-01T00:00:00Z,A,1\n2025-01-01T00:01:00Z,A,2\n")
    running = producer(
        ("--brokers", broker.address, "--topic", "repeated", "--csv", prices, "--speed", 600, "--repeat")
    )
    running.stderr.readline()
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=20)
    assert running.returncode == 143
    values = [json.loads(message.value()) for message in broker.read("repeated")]
    assert len(values) >= 6
    for number, value in enumerate(values):
        assert value["timestamp"] == f"2025-01-01T00:{number:02d}:00Z" and value["price"] == 1 + number % 2


def test_on_a_terminal_the_progress_is_one_line(broker: Broker) -> None:
    broker.create("terminal")
    ours, theirs = pty.openpty()
    running = producer(("--brokers", broker.address, "--topic", "terminal", "--speed", "600"), stderr=theirs)
    os.close(theirs)
    shown = b""
    while shown.count(b"sent ") < 2:
        shown += os.read(ours, 1_000)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=20)
    os.close(ours)
    assert shown.count(b"\r\x1b[K") == 2 and b"\n" not in shown


def test_no_broker_is_said_soon(tmp_path: Path) -> None:
    started = time.monotonic()
    code, results, messages = produce("--brokers", "127.0.0.1:1", "--timeout", 1)
    assert (code, results) == (1, "")
    assert messages.startswith("csv_producer.py: no Kafka broker answers at 127.0.0.1:1 within 1 s: ")
    assert messages.count("\n") == 1
    assert time.monotonic() - started < 6


def test_an_unknown_topic_is_said(broker: Broker) -> None:
    code, _, messages = produce("--brokers", broker.address, "--topic", "prise")
    assert (code, messages.count("\n")) == (1, 1)
    assert f"there is no topic `prise` at {broker.address}; --create-topic makes it" in messages


@pytest.mark.parametrize("wrong", [("--speed", "0"), ("--speed", "fast"), ("--partitions", "0"), ("--give-up", "-1")])
def test_wrong_usage_ends_with_2(wrong: tuple[str, str]) -> None:
    code, _, messages = produce(*wrong)
    assert code == 2 and f"argument {wrong[0]}: invalid" in messages


BAD = """timestamp,asset,price,bid
2025-05-12T00:00:00Z,BTC,1,0.9
2025-05-12T00:00:00Z,BTC,-1,
rubbish,BTC,1,
2025-05-12T00:00:00Z,BTC,1
2025-05-12T00:00:00Z,,1,
2025-05-12T00:00:00Z,BTC,nan,
2025-05-12T00:00:00Z,BTC,1_0,
2025-05-12T00:00:00Z,BTC,1,0
2025-05-12T00:00:00Z,"BTC,1,
2025-05-12T00:00:00Z,BTC,2,
"""


def test_bad_rows_are_named_and_left_out(broker: Broker, tmp_path: Path) -> None:
    broker.create("bad")
    prices = tmp_path / "prices.csv"
    prices.write_text(BAD)
    code, results, messages = produce("--brokers", broker.address, "--topic", "bad", "--csv", prices)
    assert (code, summary(results)) == (1, (2, 2, 0, 0, 8))
    named = [line.removeprefix(f"{prices}, ") for line in messages.splitlines() if line.startswith(str(prices))]
    assert named == [
        "line 3: price not positive, price `-1`",
        "line 4: unparsable timestamp, timestamp `rubbish`",
        "line 5: wrong column count, 3 fields instead of 4",
        "line 6: empty asset, no asset name",
        "line 7: price not finite, price `nan`",
        "line 8: unparsable price, price `1_0`",
        "line 9: bid not positive, bid `0`",
        'line 10: unclosed quote, row `2025-05-12T00:00:00Z,"BTC,1,`',
    ]
    assert sorted(json.loads(message.value())["price"] for message in broker.read("bad")) == [1, 2]


def test_strict_stops_at_the_first_bad_row(broker: Broker, tmp_path: Path) -> None:
    broker.create("strict")
    prices = tmp_path / "prices.csv"
    prices.write_text(BAD)
    code, results, messages = produce("--brokers", broker.address, "--topic", "strict", "--csv", prices, "--strict")
    assert (code, summary(results)) == (1, (1, 1, 0, 0, 1))
    assert "line 3: price not positive" in messages and "line 4" not in messages


@pytest.fixture(scope="module")
def mortal(project: Path) -> Broker:
    """A broker to be killed; a test starts and leaves it with the topic `price`."""
    broker = Broker(project, project / "brokers" / "mortal")
    broker.start()
    broker.create("price")
    return broker


def test_a_broker_killed_in_the_middle_loses_and_doubles_nothing(mortal: Broker, tmp_path: Path) -> None:
    rows = 200_000
    prices = tmp_path / "prices.csv"
    with prices.open("w") as file:
        file.write("timestamp,asset,price\n")
        file.writelines(f"{1_747_008_000 + i // 16},A{i % 16},{i + 1}\n" for i in range(rows))
    running = producer(("--brokers", mortal.address, "--csv", prices))
    delivered = 0
    while not delivered:
        delivered = int(re.search(r"delivered ([\d,]+)", running.stderr.readline())[1].replace(",", ""))
    mortal.kill()
    assert delivered < rows
    mortal.start()
    results, messages = running.communicate(timeout=90)
    assert (running.returncode, summary(results)) == (0, (rows, rows, 0, 0, 0)), messages
    arrived: dict[bytes, list[int]] = {}
    for message in mortal.read("price"):
        arrived.setdefault(message.key(), []).append(int(json.loads(message.value())["price"]))
    assert arrived == {f"A{a}".encode(): list(range(a + 1, rows + 1, 16)) for a in range(16)}
    status = mortal.script("status")
    assert status.returncode == 0, status.stdout


def test_a_broker_that_stays_away_is_given_up(mortal: Broker) -> None:
    running = producer(("--brokers", mortal.address, "--speed", "1200", "--give-up", "3"))
    running.stderr.readline()
    mortal.kill()
    started = time.monotonic()
    results, messages = running.communicate(timeout=30)
    sent, delivered, failed, unknown, _ = summary(results)
    assert running.returncode == 1
    assert 2 < time.monotonic() - started < 12
    assert failed > 0 and sent == delivered + failed + unknown
    assert "has not answered for" in messages
    assert re.search(r"csv_producer.py: \d+ prices were not delivered: .*timed out", messages)


# --- Reading ---------------------------------------------------------------------------------------------------


def test_the_long_form_under_any_names_and_with_all_columns(tmp_path: Path) -> None:
    header = '\ufeffVolume,PX ,note,"Symbol",ts,Bid,ask,seq\r\n'
    rows = '3, 1.50 ,"a,b",BTC,1747008000123,1.4,1.6,12.0\r\n\r\n,2,,"E""T",1747008000124,,,\r\n'
    values, bad = read_file(tmp_path, header + rows)
    assert values[0] == {
        "timestamp": "2025-05-12T00:00:00.123Z",
        "asset": "BTC",
        "price": 1.5,
        "bid": 1.4,
        "ask": 1.6,
        "size": 3.0,
        "sequence": 12,
    }
    assert (values[1]["asset"], values[1]["price"], len(values[1]), bad) == ('E"T', 2.0, 3, [])


def test_the_wide_form(tmp_path: Path) -> None:
    content = "Date,BTC,ETH\n2025-05-12,1,2\n2025-05-13,,3\n2025-05-14,x,4\n2025-05-15,5\n"
    values, bad = read_file(tmp_path, content)
    assert [(value["timestamp"][:10], value["asset"], value["price"]) for value in values] == [
        ("2025-05-12", "BTC", 1.0),
        ("2025-05-12", "ETH", 2.0),
        ("2025-05-13", "ETH", 3.0),
        ("2025-05-14", "ETH", 4.0),
    ]
    assert bad == ["4: unparsable price, price `x` of BTC", "5: wrong column count, 2 fields instead of 3"]


def test_a_file_in_gzip_and_one_line_that_is_too_long(tmp_path: Path) -> None:
    rows = "timestamp,asset,price\n1,A,1\n2," + "B" * 200_000 + ",1\n3,C,1"
    values, bad = read_file(tmp_path, gzip.compress(rows.encode()), "prices.csv.gz")
    assert [(value["timestamp"], value["asset"]) for value in values] == [
        ("1970-01-01T00:00:01Z", "A"),
        ("1970-01-01T00:00:03Z", "C"),
    ]
    assert len(bad) == 1 and bad[0].startswith("3: row too long, row `2,BBB")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"timestamp,asset,open\n", "no `price` column: timestamp, asset, open"),
        (b"timestamp,price\n", "no `asset` column"),
        (b"a,b\n", "no `timestamp` column: a, b"),
        (b"ts,asset,price,Price\n", "two `price` columns"),
        (b"ts,A,A\n", "names an asset twice"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\x1f\x8bnot gzip", "cannot be read|damaged"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(csv_producer.Stop, match=message):
        read_file(tmp_path, content)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(csv_producer.Stop, match="cannot be read: No such file"):
        csv_producer.PriceFile(tmp_path / "none.csv")
    with pytest.raises(csv_producer.Stop, match="is not a file"):
        csv_producer.PriceFile(tmp_path)


# The forms the program's own reader is tested with.
MIDNIGHT = 1_747_008_000 * 10**9
TIMES = {
    "2025-05-12T00:00:00Z": MIDNIGHT,
    "2025-05-12 00:00:00Z": MIDNIGHT,
    "2025-05-12t00:00:00z": MIDNIGHT,
    "2025-05-12 00:00": MIDNIGHT,
    "2025-05-12": MIDNIGHT,
    "2025-05-12T02:00:00+02:00": MIDNIGHT,
    "2025-05-11 19:30:00-0430": MIDNIGHT,
    "2025-05-12T09:00:00+09": MIDNIGHT,
    "2025-05-12T00:00:00.1234567891Z": MIDNIGHT + 123_456_789,
    "2016-12-31T23:59:60Z": 1_483_228_799 * 10**9,
    "1969-12-31T23:59:59.5Z": -500_000_000,
    "1747008000": MIDNIGHT,
    "1747008000.123456789": MIDNIGHT + 123_456_789,
    "-1.5": -1_500_000_000,
    "1.747008e9": MIDNIGHT,
}
NO_TIMES = (
    "- + . .5 abc NaN inf 2025-02-29 2025-13-01 2025-01-00 2025-05-12T24:00:00 2025-05-12T10:60:00 2025-05-12T10:00:61 "
    "2025-05-12T10:00:00.Z 2025-05-12T10:00:00X 2025-05-12X10:00:00 2025-05-12T 2025-5-12 1747008000x 1747008000.5.5 "
    "9999-01-01 99999999999999999999 1e400 2025-05-12T10:00:00+2 12/05/2025 2025-05-12T10:00:00ZZ --5"
).split()


def test_times_are_read_as_the_program_reads_them() -> None:
    assert {text: csv_producer.parse_time(text, 9) for text in TIMES} == TIMES
    for text in NO_TIMES:
        with pytest.raises(csv_producer.BadRow, match="unparsable timestamp"):
            csv_producer.parse_time(text, 9)


def test_times_are_written_exactly() -> None:
    for nanos, text in {
        MIDNIGHT: "2025-05-12T00:00:00Z",
        MIDNIGHT + 120_000_000: "2025-05-12T00:00:00.120Z",
        MIDNIGHT + 1_000: "2025-05-12T00:00:00.000001Z",
        MIDNIGHT + 1: "2025-05-12T00:00:00.000000001Z",
        -500_000_000: "1969-12-31T23:59:59.500Z",
    }.items():
        assert csv_producer.iso_text(nanos) == text
        assert csv_producer.parse_time(text, 9) == nanos


def test_the_unit_is_seen_from_the_size() -> None:
    sizes = {"86400": 9, "1747008000": 9, "946684800000": 6, "946684800000000": 3, "946684800000000000": 0, "1.7e18": 0}
    assert {text: csv_producer.unit_digits(text) for text in sizes} == sizes


def test_prices_are_due_by_the_times_of_the_file() -> None:
    pacer = csv_producer.Pacer(2.0, spacing=10**9)
    first = MIDNIGHT
    assert pacer.wait_for(first, 100.0) == 0.0
    assert pacer.wait_for(first + 10**9, 100.0) == 0.5
    assert pacer.wait_for(first + 3 * 10**9, 100.5) == 1.0
    # Late, or back a little: at once. A leap of years: at once, and the pace goes on from there.
    assert pacer.wait_for(first + 3 * 10**9, 110.0) == 0.0
    assert pacer.wait_for(first + 10**18, 110.0) == 0.0
    assert pacer.wait_for(first + 10**18 + 10**9, 110.0) == 0.5
    # Days apart, as the file's own spacing is: waited for.
    daily = csv_producer.Pacer(86_400.0, spacing=86_400 * 10**9)
    assert [daily.wait_for(first + i * 86_400 * 10**9, 0.0) for i in range(4)] == [0.0, 1.0, 2.0, 3.0]
    assert csv_producer.Pacer(float("inf"), 1).wait_for(first, 0.0) == 0.0
