"""`silverbullet produce` against a real broker: what arrives, and what happens when something goes wrong."""

import csv
import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from broker import Broker, environment, started
from broker import produce as csv_producer
from service import PROJECT

SAMPLE = PROJECT / "setup" / "kafka" / "sample-prices.csv"
COUNTS = ("sent", "delivered", "failed", "unknown", "bad_rows")

Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(program: Path, tmp_path: Path) -> Start:
    """Starts a command of the program in an empty folder."""

    def start(*arguments: object, **options) -> subprocess.Popen:
        settings = options.pop("settings", {})
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": {**environment(), **settings}}
        command = [program, *map(str, arguments)]
        started.append(subprocess.Popen(command, cwd=tmp_path, text=True, **{**pipes, **options}))
        return started[-1]

    return start


@pytest.fixture
def produce(start: Start) -> Callable[..., tuple[int, tuple[int, ...], str]]:
    """Runs `produce` to its end: exit code, the counts, messages."""

    def produce(*arguments: object, **options) -> tuple[int, tuple[int, ...], str]:
        running = start("produce", "--format", "json", *arguments, **options)
        results, messages = running.communicate(timeout=120)
        return running.returncode, counts(results), messages

    return produce


def counts(results: str) -> tuple[int, ...]:
    """Sent, delivered, failed, unknown, bad rows; nothing where nothing was printed."""
    return tuple(json.loads(results)[name] for name in COUNTS) if results else ()


def by_key(broker: Broker, topic: str) -> dict[str, list[dict]]:
    """The values of each key, in the order of their partition."""
    arrived: dict[str, list[dict]] = {}
    for message in broker.read(topic):
        arrived.setdefault(message.key().decode(), []).append(json.loads(message.value()))
    return arrived


def nanoseconds(text: str) -> int:
    """Since 1970, of ISO 8601 in UTC with any decimals."""
    whole, _, decimals = text.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return int(seconds) * 10**9 + int(decimals.ljust(9, "0"))


def test_every_row_arrives_once_and_in_order_as_an_independent_reader_reads_it(
    broker: Broker, produce, tmp_path: Path
) -> None:
    prices = tmp_path / "prices.csv"
    names = ["BTC", 'E"T', "a\\b", "Ünï 日本", "<b>", "RARE"]
    with prices.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["ts", "symbol", "px", "bid", "ask", "volume", "seq"])
        for i in range(3_000):
            bid = "" if i % 7 == 0 else repr(0.1 + i / 3)
            moment = 1_747_008_000_000_000_000 + i * 1_000_000_007
            rows.writerow([moment, names[i % 5], repr((i + 1) / 7), bid, i + 1.5, i % 3, i * 10**12])
        rows.writerow([1_747_020_000_000_000_000, names[5], "1e-7", "", "", "", ""])
    code, totals, messages = produce(
        "--csv", prices, "--brokers", broker.address, "--topic", "every", "--create-topic", "--partitions", 3
    )
    assert (code, totals) == (0, (3_001, 3_001, 0, 0, 0)), messages
    expected: dict[str, list[dict]] = {}
    with prices.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            value = {"timestamp": int(row["ts"]), "asset": row["symbol"], "price": float(row["px"])}
            numbers = {"bid": row["bid"], "ask": row["ask"], "size": row["volume"]}
            value |= {name: float(text) for name, text in numbers.items() if text}
            value |= {"sequence": int(row["seq"])} if row["seq"] else {}
            expected.setdefault(row["symbol"], []).append(value)
    arrived = by_key(broker, "every")
    assert {value["timestamp"][-1] for values in arrived.values() for value in values} == {"Z"}
    for values in arrived.values():
        for value in values:
            value["timestamp"] = nanoseconds(value["timestamp"])
    assert arrived == expected


def test_the_messages_are_those_of_csv_producer(broker: Broker, produce, tmp_path: Path) -> None:
    small = tmp_path / "small.csv"
    small.write_text(
        '\ufeffVolume,PX ,note,"Symbol",ts,Bid,ask,seq\r\n3, 1.50 ,"a,b",BTC,1747008000123,1.4,1.6,12.0\r\n'
        '\r\n,2,,"E""T",1747008000124,,,\r\n,1e300,,C,1747008000125,5e-324,,18446744073709551615\r\n'
    )
    for number, prices in enumerate((SAMPLE, small)):
        topics = [f"{whose}-{number}" for whose in ("ours", "theirs")]
        for topic in topics:
            broker.create(topic, 3)
        assert produce("--csv", prices, "--brokers", broker.address, "--topic", topics[0])[0] == 0
        assert csv_producer("--csv", prices, "--brokers", broker.address, "--topic", topics[1])[0] == 0
        ours, theirs = ([(m.partition(), m.key()) for m in broker.read(topic)] for topic in topics)
        assert sorted(ours) == sorted(theirs) and len(ours) >= 3
        ours, theirs = (by_key(broker, topic) for topic in topics)
        assert ours == theirs
        # Also what stands where, and how the time is written.
        assert [list(value) for values in ours.values() for value in values] == [
            list(value) for key in ours for value in theirs[key]
        ]


BAD = """timestamp,asset,price,bid
2025-05-12T00:00:00Z,BTC,1,0.9
2025-05-12T00:00:00Z,BTC,-1,
rubbish,BTC,1,
2025-05-12T00:00:00Z,BTC,1
2025-05-12T00:00:00Z,,1,
2025-05-12T00:00:00Z,"BTC,1,
2025-05-12T00:00:01Z,BTC,2,
"""


def test_bad_rows_are_named_and_left_out(broker: Broker, produce, tmp_path: Path) -> None:
    broker.create("unusable")
    (tmp_path / "prices.csv").write_text(BAD)
    code, totals, messages = produce("--csv", "prices.csv", "--brokers", broker.address, "--topic", "unusable")
    assert (code, totals) == (0, (2, 2, 0, 0, 5))
    assert [line for line in messages.splitlines() if line.startswith("prices.csv, line ")] == [
        "prices.csv, line 3: price not positive, price `-1`",
        "prices.csv, line 4: unparsable timestamp, timestamp `rubbish`",
        "prices.csv, line 5: wrong column count, 3 fields instead of 4, row `2025-05-12T00:00:00Z,BTC,1`",
        "prices.csv, line 6: empty asset, no asset name",
        'prices.csv, line 7: unclosed quote, row `2025-05-12T00:00:00Z,\\"BTC,1,`',
    ]
    assert [value["price"] for value in by_key(broker, "unusable")["BTC"]] == [1, 2]


def test_no_broker_is_said_after_ten_seconds_and_ctrl_c_does_not_wait_for_it(produce, start: Start) -> None:
    arguments = ("--csv", SAMPLE, "--brokers", "127.0.0.1:1")
    stopped = start("produce", *arguments)
    begun = time.monotonic()
    time.sleep(0.5)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(timeout=3) == 130
    code, totals, messages = produce(*arguments)
    assert (code, totals) == (1, ())
    expected = r"error: no Kafka broker answers at 127.0.0.1:1 within 10 s \(.*Connection refused\): start one with .*\n"
    assert re.fullmatch(expected, messages), messages
    assert 9 < time.monotonic() - begun < 15


def test_a_missing_topic_is_said_and_not_made(broker: Broker, produce) -> None:
    for _ in range(2):
        code, totals, messages = produce("--csv", SAMPLE, "--brokers", broker.address, "--topic", "prise")
        assert (code, totals) == (1, ())
        assert messages == f"error: there is no topic `prise` at {broker.address}; --create-topic makes it\n"


def test_a_topic_is_made_once_with_as_many_partitions_as_asked(broker: Broker, produce) -> None:
    arguments = ("--csv", SAMPLE, "--brokers", broker.address, "--topic", "made", "--create-topic")
    for partitions in (5, 2):
        code, totals, messages = produce(*arguments, "--partitions", partitions)
        assert (code, totals) == (0, (7_680, 7_680, 0, 0, 0)), messages
    topics = AdminClient({"bootstrap.servers": broker.address}).list_topics(timeout=20).topics
    assert len(topics["made"].partitions) == 5


def test_brokers_and_topic_may_come_from_the_settings(broker: Broker, produce) -> None:
    broker.create("set")
    settings = {"SILVERBULLET_KAFKA__BROKERS": broker.address, "SILVERBULLET_KAFKA__TOPIC": "set"}
    assert produce("--csv", SAMPLE, settings=settings)[:2] == (0, (7_680, 7_680, 0, 0, 0))
    assert broker.count("set") == 7_680


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--speed", "0"), "speed `0` is neither a positive number nor `max`"),
        (("--partitions", "3"), "--create-topic"),
        (("--create-topic", "--partitions", "0"), "0 is not in 1.."),
        (("--topic", ""), "kafka.topic: name the topic"),
    ],
)
def test_wrong_usage_ends_with_2(produce, wrong: tuple[str, ...], message: str) -> None:
    code, totals, messages = produce("--csv", SAMPLE, *wrong)
    assert (code, totals) == (2, ()) and message in messages, messages


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_what_was_sent_is_delivered(
    broker: Broker, start: Start, number: signal.Signals
) -> None:
    topic = f"stopped-{number.name}"
    broker.create(topic)
    # 1200 minutes a minute: 16 assets 20 times a second.
    arguments = ("--csv", SAMPLE, "--brokers", broker.address, "--topic", topic, "--speed", 1200, "--format", "json")
    running = start("produce", *arguments)
    line = running.stderr.readline()
    assert re.fullmatch(r"sent [\d,]+ of 7,680, delivered [\d,]+ \([\d,]+/s\), failed 0, bad rows 0\n", line)
    running.stderr.readline()
    running.send_signal(number)
    results, _ = running.communicate(timeout=20)
    sent, delivered, *others = counts(results)
    assert running.returncode == 130
    assert delivered == sent and others == [0, 0, 0]
    assert delivered == len(broker.read(topic))
    assert 320 <= sent <= 1_600


def test_on_a_terminal_the_progress_is_one_line(broker: Broker, start: Start) -> None:
    broker.create("shown")
    ours, theirs = pty.openpty()
    arguments = ("--csv", SAMPLE, "--brokers", broker.address, "--topic", "shown", "--speed", 600)
    running = start("produce", *arguments, stderr=theirs)
    os.close(theirs)
    shown = b""
    while shown.count(b"sent ") < 3:
        shown += os.read(ours, 1_000)
    running.send_signal(signal.SIGINT)
    results, _ = running.communicate(timeout=20)
    os.close(ours)
    assert shown.count(b"\r\x1b[Ksent ") == 3 and b"\n" not in shown[shown.index(b"sent ") :]
    assert re.fullmatch(r"sent ([\d,]+), delivered \1, failed 0, bad rows 0, [\d.]+ s \([\d,]+/s\)\n", results)


def test_a_broker_killed_in_the_middle_loses_and_doubles_nothing(
    killable: Broker, start: Start, tmp_path: Path
) -> None:
    rows = 600_000
    prices = tmp_path / "many.csv"
    with prices.open("w") as file:
        file.write("timestamp,asset,price\n")
        file.writelines(f"{1_747_008_000 + i // 16},A{i % 16},{i + 1}\n" for i in range(rows))
    arguments = ("--csv", prices, "--brokers", killable.address, "--topic", "killed", "--create-topic")
    running = start("produce", *arguments, "--format", "json")
    delivered = 0
    while not delivered:
        delivered = int(re.search(r"delivered ([\d,]+)", running.stderr.readline())[1].replace(",", ""))
    killable.kill()
    assert delivered < rows
    killable.start()
    results, messages = running.communicate(timeout=90)
    assert (running.returncode, counts(results)) == (0, (rows, rows, 0, 0, 0)), messages
    assert "has not answered for" in messages
    arrived: dict[bytes, list[int]] = {}
    price = re.compile(rb'"price":(\d+)\.0\}')
    for message in killable.read("killed"):
        arrived.setdefault(message.key(), []).append(int(price.search(message.value())[1]))
    assert arrived == {f"A{a}".encode(): list(range(a + 1, rows + 1, 16)) for a in range(16)}


def test_a_broker_that_stays_away_is_given_up(killable: Broker, start: Start, tmp_path: Path) -> None:
    killable.create("given-up")
    (tmp_path / "silverbullet.toml").write_text('[kafka.properties]\n"message.timeout.ms" = "2000"\n')
    arguments = ("--csv", SAMPLE, "--brokers", killable.address, "--topic", "given-up", "--speed", 1200)
    running = start("produce", *arguments, "--format", "json")
    running.stderr.readline()
    killable.kill()
    results, messages = running.communicate(timeout=30)
    sent, delivered, failed, unknown, _ = counts(results)
    assert running.returncode == 1
    assert failed > 0 and unknown == 0 and sent == delivered + failed
    assert re.search(r"error: \d+ prices were not delivered: .*timed out", messages), messages
