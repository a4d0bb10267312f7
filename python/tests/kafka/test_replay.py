"""A stored run made again from its topic: the same rows, because what timing decided is decided again."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from broker import Broker
from live import Ask, Start
from service import wait_until

SETTINGS = """
[kafka]
idle_after = "1s"
[store]
flush_every = "500ms"
[universes.all]
assets = ["A", "B", "C"]
bar = "1s"
window = 10
population = 64
samples = 64
"""
SECOND = 1_000_000_000
START = 1_747_008_000 * SECOND
# In the second half of the middle stretch, partition 2 is silent.
FIRST, MIDDLE, LAST = range(0, 40), range(40, 80), range(80, 120)


@pytest.fixture
def settings() -> str:
    """Partitions fall idle soon."""
    return SETTINGS


def rows(ask: Ask, data: str, query: str) -> list[dict]:
    """The rows of a query; none while there is no table yet."""
    done = ask("sql", query, "--data", data, "--format", "json")
    return json.loads(done.stdout) if done.returncode == 0 else []


def price(asset: int, tenth: int) -> dict:
    """The price of an asset at a tenth of a second: it wanders, each in its own way."""
    steps = (asset + 3) * tenth * (tenth + 7 * asset) % 101
    return {"timestamp": START + tenth * SECOND // 10, "asset": "ABC"[asset], "price": 100.0 + asset + steps / 100.0}


def stretch(partitions: tuple[int, ...], seconds: range) -> Iterator[tuple[int, bytes]]:
    """Ten prices a second in each of these partitions; partition N has asset N."""
    for tenth in range(seconds.start * 10, seconds.stop * 10):
        for partition in partitions:
            yield partition, json.dumps(price(partition, tenth)).encode()


def send(producer: Producer, topic: str, messages: Iterator[tuple[int, bytes]], pause: float = 0.0) -> None:
    """Sends them, and waits until they are there."""
    for partition, value in messages:
        producer.produce(topic, value, partition=partition)
        time.sleep(pause)
        producer.poll(0)
    assert producer.flush(30) == 0


def replayed(done: subprocess.CompletedProcess) -> dict:
    """What a replay has found for the only universe."""
    assert done.returncode in (0, 1), done.stderr
    (report,) = json.loads(done.stdout)
    assert report["same"] == (done.returncode == 0)
    return report


def test_what_timing_decided_is_decided_again(broker: Broker, start: Start, ask: Ask, tmp_path: Path) -> None:
    """A partition falls silent, others go on without it, and what it brings later comes too late; so it does again."""
    topic = "decided"
    broker.create(topic, partitions=3)
    producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 0})
    run = start(broker, topic, "data", "--no-http")
    send(producer, topic, stretch((0, 1, 2), FIRST))

    decided = "select detail from history.events where kind = 'decision' order by detail"
    reasons = lambda: [row["detail"].split(":")[0] for row in rows(ask, "data", decided)]  # noqa: E731
    # What is behind a cut is stored by the next one, or at the end: prices have to flow for a while.
    send(producer, topic, stretch((0, 1), MIDDLE), pause=0.008)
    wait_until(lambda: "idle" in reasons(), "partition 2 is idle")
    stored = lambda: rows(ask, "data", "select max(bar) as bar from bars")[0]["bar"] - START // SECOND  # noqa: E731
    wait_until(lambda: stored() > MIDDLE.start + 10, "bars do not wait for it")
    send(producer, topic, stretch((2,), MIDDLE))
    send(producer, topic, stretch((0, 1, 2), LAST))
    wait_until(lambda: stored() > MIDDLE.stop - 5, "bars go on")
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 130
    assert reasons().count("added") == 3 and "active" in reasons()

    report = replayed(ask("replay", "--data", "data", "--format", "json"))
    assert report["same"], report
    counts = {table["table"]: table for table in report["tables"]}
    assert all(counts[name]["stored"] > 0 for name in ("portfolios", "frontiers", "assets", "bars")), counts
    assert report["bars_out_of_reach"] == 0

    # Without what was decided the same messages give other rows, and a replay says so.
    shutil.copytree(tmp_path / "data", tmp_path / "forgotten")
    shutil.rmtree(tmp_path / "forgotten" / "tables" / "events")
    report = replayed(ask("replay", "--data", "forgotten", "--format", "json"))
    bars = next(table for table in report["tables"] if table["table"] == "bars")
    assert not report["same"] and bars["different"] + bars["missing"] + bars["extra"] > 0, report
    assert bars["differences"], report

    # A checkpoint that cannot be used: everything is computed again from the topic, and goes on to its end.
    (checkpoint,) = (tmp_path / "data" / "state" / "all").glob("*/checkpoint")
    checkpoint.write_bytes(b"nothing")
    before = rows(ask, "data", "select bar, asset, close, ticks from bars order by 1, 2")
    again = start(broker, topic, "data", "--no-http", "--stop-at-end")
    again.communicate(timeout=60)
    assert again.returncode == 0
    after = rows(ask, "data", "select bar, asset, close, ticks from bars order by 1, 2")
    assert after[: len(before)] == before and len(after) > len(before)
    assert "closed" in reasons() and reasons().count("added") == 3
    report = replayed(ask("replay", "--data", "data", "--format", "json"))
    assert report["same"], report


def test_what_cannot_be_made_again_is_said(broker: Broker, start: Start, ask: Ask, tmp_path: Path) -> None:
    """Another topic, no run, results in the way: one line each, and nothing is compared."""
    topic, other = "asked-again", "another"
    for name in (topic, other):
        broker.create(name, partitions=1)
    producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 0})
    for name in (topic, other):
        send(producer, name, ((0, json.dumps(price(asset, tenth)).encode()) for tenth in range(300) for asset in range(3)))
    run = start(broker, topic, "data", "--no-http", "--stop-at-end")
    run.communicate(timeout=60)
    assert run.returncode == 0

    done = ask("replay", "--data", "data", "--topic", other)
    assert done.returncode == 1 and "it is not the input of that run" in done.stderr, done.stderr
    done = ask("replay", "nothing", "--data", "data")
    assert done.returncode == 2 and "no such run is stored in data" in done.stderr, done.stderr
    done = ask("replay", "--data", "elsewhere")
    assert done.returncode == 1 and "there are no results in elsewhere" in done.stderr, done.stderr
    done = ask("replay", "--data", "data", "--keep", "data")
    assert done.returncode == 2 and "has results already" in done.stderr, done.stderr
    done = ask("replay", "--data", "data", "--keep", "kept")
    assert done.returncode == 0 and "Every row is the same, bit by bit." in done.stdout, done.stdout + done.stderr
    assert rows(ask, "kept", "select count(*) as n from bars") == rows(ask, "data", "select count(*) as n from bars")
