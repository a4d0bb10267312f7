"""What an exchange says, forwarded to a topic by `produce`, and taken from there by a run."""

import json
import re
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker import Broker, environment, started
from live import Ask

SETTINGS = """
[exchange]
ca_file = "ca.pem"
[kafka]
idle_after = "60s"
[universes.all]
bar = "100ms"
window = 5
population = 64
samples = 64
"""
# The first price that the exchange makes up; there is one each millisecond.
START = datetime(2024, 8, 8, 23, 54, 15, tzinfo=UTC)
ASSETS = ["BTC", "ETH"]
COUNTS = ("sent", "delivered", "failed", "unknown", "bad_rows")


@pytest.fixture
def settings() -> str:
    """The certificate of the exchange is trusted."""
    return SETTINGS


@pytest.fixture
def exchange(program: Path, tmp_path: Path) -> Iterator[str]:
    """The address of an exchange that plays made-up prices, a frame each millisecond."""
    player = program.parent / "silverbullet-exchange-replay"
    assert player.is_file(), f"{player} is not there; run `make build` first"
    command = [player, "--venue", "okx", "--certificate", tmp_path / "ca.pem", "--pause", "1"]
    playing = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    started.append(playing)
    yield playing.stdout.readline().strip()
    playing.kill()
    playing.wait()


def values(broker: Broker, topic: str) -> dict[str, list[dict]]:
    """The prices of each asset, in the order of its partition; the key is the asset."""
    found: dict[str, list[dict]] = defaultdict(list)
    for message in broker.read(topic):
        value = json.loads(message.value())
        assert message.key().decode() == value["asset"]
        found[value["asset"]].append(value)
    return found


def milliseconds(value: dict) -> int:
    """After the first price of the exchange."""
    since = datetime.fromisoformat(value["timestamp"]) - START
    assert since.microseconds % 1000 == 0, value
    return round(since.total_seconds() * 1000)


def forward(program: Path, folder: Path, broker: Broker, topic: str, *arguments: str) -> subprocess.Popen:
    """Starts `produce` on a topic."""
    to = ("--brokers", broker.address, "--topic", topic, "--create-topic", "--format", "json")
    command = [program, "produce", *arguments, *to]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = subprocess.Popen(command, cwd=folder, env=environment(), text=True, **pipes)
    started.append(running)
    return running


def counted(running: subprocess.Popen, code: int) -> dict:
    """The counts at the end, of which all that was sent has arrived."""
    results, messages = running.communicate(timeout=60)
    assert running.returncode == code, messages
    counts = json.loads(results)
    assert [counts[name] for name in COUNTS] == [counts["sent"], counts["sent"], 0, 0, 0], messages
    return counts


def until_delivered(running: subprocess.Popen, count: int) -> None:
    """Waits until so many have arrived, as the line a second says."""
    said = []
    for line in running.stderr:
        said.append(line)
        told = re.match(r"sent [\d,]+, delivered ([\d,]+) \([\d,]+/s\), failed 0, bad rows 0", line)
        if told and int(told[1].replace(",", "")) >= count:
            return
    raise AssertionError(f"it has ended: {said}")


def test_prices_of_an_exchange_are_forwarded_with_its_times_and_a_run_answers_them(
    broker: Broker, program: Path, exchange: str, ask: Ask, tmp_path: Path
) -> None:
    # Recorded beside, to be forwarded again.
    with (tmp_path / "silverbullet.toml").open("a") as file:
        file.write('[recording]\nfolder = "recorded"\n')
    source = ("--source", "okx", "--url", exchange, "--assets", ",".join(ASSETS))
    broker.create("forwarded", 2)
    running = forward(program, tmp_path, broker, "forwarded", *source)
    until_delivered(running, 2_500)
    running.send_signal(signal.SIGINT)
    counts = counted(running, 130)
    arrived = values(broker, "forwarded")
    assert sorted(arrived) == ASSETS
    assert sum(map(len, arrived.values())) == counts["sent"] >= 2_500
    # One price a millisecond, and none lost: it is the exchange's time, and not that of the receipt.
    places = {asset: [milliseconds(value) for value in prices] for asset, prices in arrived.items()}
    assert all(times == sorted(times) for times in places.values())
    together = sorted(time for times in places.values() for time in times)
    assert together == list(range(together[0], together[0] + len(together)))
    for prices in arrived.values():
        trades = [value["sequence"] for value in prices if "bid" not in value]
        assert len(trades) > 200 and trades == list(range(trades[0], trades[0] + len(trades)))
        for quote in (value for value in prices if "bid" in value):
            assert round(quote["ask"] - quote["bid"], 6) == 0.01 and quote["bid"] < quote["price"] < quote["ask"]
    again = forward(program, tmp_path, broker, "again", "--source", "recording:recorded")
    assert counted(again, 0)["sent"] >= counts["sent"]
    for asset, prices in values(broker, "again").items():
        assert prices[: len(arrived[asset])] == arrived[asset]
    options = ("--stop-at-end", "--no-http", "--no-store", "--format", "json")
    done = ask("run", "--source", "kafka", "--brokers", broker.address, "--topic", "forwarded", *options)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["ticks"], summary["quarantined"]) == (counts["sent"], 0)
    assert summary["publications"] >= summary["bars"] > 10


def test_any_source_but_a_topic_is_forwarded(broker: Broker, program: Path, tmp_path: Path, project: Path) -> None:
    broker.create("made-up", 2)
    running = forward(program, tmp_path, broker, "made-up", "--source", "simulator", "--speed", "20")
    until_delivered(running, 10_000)
    running.send_signal(signal.SIGTERM)
    assert counted(running, 130)["sent"] > 10_000
    prices = project / "docs" / "examples" / "prices.csv"
    sent = counted(forward(program, tmp_path, broker, "of-a-file", "--source", f"csv:{prices}"), 0)["sent"]
    assert sent == broker.count("of-a-file") == 2_000
    for arguments, expected in [
        (["--source", "kafka"], "source kafka: prices are sent there; take them from another source"),
        (["--source", "mtgox"], "unknown source"),
        (["--csv", str(prices), "--source", "simulator"], "cannot be used with"),
        ([], "--csv"),
    ]:
        refused = forward(program, tmp_path, broker, "refused", *arguments)
        _, messages = refused.communicate(timeout=60)
        assert refused.returncode == 2 and expected in messages, messages
