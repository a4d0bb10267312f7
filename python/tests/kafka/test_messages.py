"""What messages may hold: JSON or Arrow batches give the same bars, what cannot be used is sent on, universes share a topic."""

import io
import json
import subprocess

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from broker import Broker
from live import Ask, Start, Table, wait_for_end

SECOND = 1_000_000_000
START = 1_747_008_000 * SECOND
DEAD = "dead"
SETTINGS = f"""
[kafka]
dead_letter_topic = "{DEAD}"
[universes.some]
assets = ["A", "B"]
bar = "1s"
window = 10
population = 64
samples = 64
[universes.others]
assets = ["C", "B", "D"]
bar = "2s"
window = 8
population = 64
samples = 64
"""


@pytest.fixture
def settings() -> str:
    """Two universes of one topic, and a place for what cannot be used."""
    return SETTINGS


def prices() -> list[dict]:
    """Ten prices a second of four assets, for a minute."""
    return [
        {
            "timestamp": START + number * SECOND // 10,
            "asset": "ABCD"[number % 4],
            "price": 100.0 + number * (number + 3) % 97 / 100.0,
            "bid": 90.0 + number % 5,
            "ask": 110.0 - number % 3,
            "size": 1.0 + number % 7,
        }
        for number in range(600)
    ]


def arrow(rows: list[dict]) -> bytes:
    """The rows as one Arrow stream."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["timestamp"] = pa.array(columns["timestamp"], pa.timestamp("ns", "UTC"))
    batch = pa.table(columns)
    out = io.BytesIO()
    with pa.ipc.new_stream(out, batch.schema) as stream:
        stream.write_table(batch)
    return out.getvalue()


def send(broker: Broker, topic: str, values: list[bytes]) -> None:
    """Sends values to the only partition of a topic."""
    broker.create(topic, partitions=1)
    producer = Producer({"bootstrap.servers": broker.address})
    for value in values:
        producer.produce(topic, value, key="key")
    assert producer.flush(30) == 0


def dead_letters(broker: Broker) -> None:
    """Sees to it that the topic for what cannot be used is there."""
    if DEAD not in broker.topics():
        broker.create(DEAD, partitions=1)


def read(broker: Broker, topic: str, count: int) -> list:
    """The first messages of a topic."""
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "tests"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = consumer.consume(count, timeout=20)
    consumer.close()
    assert len(messages) == count, [message.error() for message in messages]
    return messages


def finished(run: subprocess.Popen) -> dict:
    """The summary of a run that ends by itself."""
    return wait_for_end(run, 60)


def test_arrow_batches_and_json_give_the_same_rows_in_both_universes(broker: Broker, start: Start, ask: Ask) -> None:
    """A message may hold one price in JSON or many in an Arrow stream; an asset may be in several universes."""
    rows = prices()
    dead_letters(broker)
    send(broker, "in-json", [json.dumps(row).encode() for row in rows])
    send(broker, "in-arrow", [arrow(rows[at : at + 37]) for at in range(0, len(rows), 37)])
    summaries = [finished(start(broker, f"in-{form}", form, "--no-http", "--stop-at-end")) for form in ("json", "arrow")]
    assert summaries[0]["ticks"] == summaries[1]["ticks"] > 0, summaries
    for universe, bars in (("some", 60), ("others", 30)):
        query = f"select bar, asset, open, high, low, close, volume, ticks from bars where universe = '{universe}' order by 1, 2"
        got = [ask("sql", query, "--data", form, "--format", "csv").stdout for form in ("json", "arrow")]
        assert got[0] == got[1]
        assert bars <= len({line.split(",")[0] for line in got[0].splitlines()[1:]}) <= bars + 1, got[0]
    replay = ask("replay", "--data", "arrow")
    assert replay.returncode == 0, replay.stdout + replay.stderr


def test_what_cannot_be_used_is_sent_on_as_it_came_and_stands_in_events(
    broker: Broker, start: Start, table: Table, ask: Ask
) -> None:
    """Poison stops nothing: each bad message is in the dead-letter topic with its place and reason."""
    dead_letters(broker)
    before = broker.count(DEAD)
    poison = [b"", b"\x00\xff\xfe", b'{"asset": "A"}', b'{"timestamp": 1, "asset": "A", "price": -3}', b"\xff\xff\xff\xff\x10\x00\x00\x00half"]
    good = [json.dumps(row).encode() for row in prices()]
    send(broker, "poisoned", good[:100] + poison + good[100:])
    summary = finished(start(broker, "poisoned", "data", "--no-http", "--stop-at-end"))
    assert summary["quarantined"] >= len(poison), summary
    letters = read(broker, DEAD, before + len(poison))[before:]
    assert [letter.value() or b"" for letter in letters] == poison
    for place, letter in enumerate(letters, start=100):
        headers = {name: value.decode() for name, value in letter.headers()}
        assert (headers["topic"], headers["partition"], headers["offset"]) == ("poisoned", "0", str(place)), headers
        assert headers["reason"]
    query = 'select "offset" from events where kind = \'quarantined\' and universe = \'some\' order by 1'
    offsets = ask("sql", query, "--data", "data", "--format", "csv").stdout.split()[1:]
    assert [str(100 + place) for place in range(len(poison))] == offsets
    # A replay reads the topic again, and sends nothing to anybody.
    replay = ask("replay", "--data", "data")
    assert replay.returncode == 0, replay.stdout + replay.stderr
    assert broker.count(DEAD) == before + len(poison)
