"""Portfolios that `silverbullet run` sends to a topic: what arrives, and that a broker cannot hold a run up."""

import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from broker import Broker, environment, started
from service import PROJECT, wait_until

EXAMPLE = PROJECT / "docs" / "examples" / "prices.csv"
REPLAY = ("--source", f"csv:{EXAMPLE}", "--speed", "max", "--window", 60, "--no-http")
SETTINGS = """
[universes.all]
window = 60
[universes.three]
window = 30
assets = ["BTC", "ETH", "SOL"]
"""

Run = Callable[..., subprocess.Popen]


@pytest.fixture
def run(program: Path, tmp_path: Path) -> Run:
    """Starts a run in an empty folder; what it says goes to the file `said`."""

    def run(broker: str, topic: str, *arguments: object) -> subprocess.Popen:
        command = [program, "run", "--format", "json", "--no-store", "--portfolio-topic", topic, *map(str, arguments)]
        settings = {"SILVERBULLET_KAFKA__BROKERS": broker}
        said = (tmp_path / "said").open("w")
        started.append(
            subprocess.Popen(
                command, cwd=tmp_path, env=environment() | settings, stdout=subprocess.PIPE, stderr=said, text=True
            )
        )
        return started[-1]

    return run


@pytest.fixture
def said(tmp_path: Path) -> Callable[[], str]:
    """What the run has said so far."""
    return lambda: (tmp_path / "said").read_text()


def by_universe(broker: Broker, topic: str) -> dict[str, list[dict]]:
    """The publications of each universe in their order; sees to it that the sequence rises."""
    arrived: dict[str, list[dict]] = {}
    for message in broker.read(topic):
        arrived.setdefault(message.key().decode(), []).append(json.loads(message.value()))
    for universe, publications in arrived.items():
        sequence = [publication["sequence"] for publication in publications]
        assert all(a < b for a, b in zip(sequence, sequence[1:], strict=False))
        assert {publication["universe"] for publication in publications} == {universe}
    return arrived


def stop(running: subprocess.Popen) -> dict:
    """Ends a run as Ctrl-C does; gives its summary."""
    running.send_signal(signal.SIGINT)
    results, _ = running.communicate(timeout=20)
    assert running.returncode == 130
    return json.loads(results)


def test_portfolios_are_those_of_rest_keyed_by_universe(broker: Broker, run: Run, said, tmp_path: Path) -> None:
    broker.create("portfolios", 2)
    (tmp_path / "silverbullet.toml").write_text(SETTINGS)
    running = run(broker.address, "portfolios", "--source", "simulator", "--http", "127.0.0.1:0")
    wait_until(lambda: said().count("first live answer") == 2, "both universes answer")
    address = re.search(r"listening on (\S+)", said())[1]
    asked: list[dict] = []
    for universe in ("all", "three") * 20:
        with urllib.request.urlopen(f"{address}/api/v1/portfolios/latest?universe={universe}", timeout=5) as answer:
            asked.append(json.load(answer))
        time.sleep(0.02)
    summary = stop(running)
    arrived = by_universe(broker, "portfolios")
    assert set(arrived) == {"all", "three"}
    assert all(len(publications) >= 20 for publications in arrived.values())
    # The same publication is the same object, to the last digit; most that REST has shown were sent.
    sent = {(value["universe"], value["sequence"]): value for values in arrived.values() for value in values}
    same = [value for value in asked if (value["universe"], value["sequence"]) in sent]
    assert len(same) > len(asked) / 2
    assert all(sent[value["universe"], value["sequence"]] == value for value in same)
    assert all(value["portfolios"] and value["portfolios"][0]["weights"] for value in same)
    # Each is either delivered or counted as left out, and the last one is delivered.
    assert sum(values[-1]["sequence"] for values in arrived.values()) == summary["publications"]
    report = re.search(r"topic portfolios: ([\d,]+) publications delivered, ([\d,]+) left out for newer ones\n", said())
    delivered, left_out = (int(number.replace(",", "")) for number in report.groups())
    assert delivered == len(sent) and delivered + left_out == summary["publications"]


def test_a_file_at_full_speed_ends_with_its_last_publication(broker: Broker, run: Run, said) -> None:
    broker.create("replayed")
    running = run(broker.address, "replayed", *REPLAY)
    results, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said()
    publications = by_universe(broker, "replayed")["default"]
    assert publications[-1]["sequence"] == json.loads(results)["publications"]


def test_a_run_goes_on_without_a_broker_and_sends_again_when_there_is_one(killable: Broker, run: Run, said) -> None:
    killable.create("interrupted", 1)
    running = run(killable.address, "interrupted", "--source", "simulator", "--no-http")
    wait_until(lambda: killable.count("interrupted") > 50, "portfolios are sent")
    killable.kill()
    wait_until(lambda: "no broker answers: of the portfolios only the newest is kept" in said(), "it is noticed")
    before = said().count("\n")
    time.sleep(2)
    # It ticks on, and complains no more.
    lines = said().splitlines()[before:]
    assert lines and all("live" in line and "WARN" not in line for line in lines), lines
    killable.start()
    wait_until(lambda: "a broker answers again" in said(), "portfolios are sent again")
    kept = int(re.search(r"portfolios are sent .*left_out=(\d+)", said())[1])
    sent = killable.count("interrupted")
    wait_until(lambda: killable.count("interrupted") > sent + 20, "more portfolios are sent")
    summary = stop(running)
    sequence = [publication["sequence"] for publication in by_universe(killable, "interrupted")["default"]]
    # The seconds without a broker are one gap: nothing was queued up meanwhile but what was on its way.
    assert kept > 100
    assert max(b - a for a, b in zip(sequence, sequence[1:], strict=False)) > kept / 2
    assert sequence[-1] == summary["publications"]
    assert said().count("WARN") == 2, said()


def test_a_topic_that_is_not_there_is_said_once_and_the_run_is_not_held_up(broker: Broker, run: Run, said) -> None:
    for address, problem in (
        (broker.address, f"there is no topic `portfolo` at {broker.address}; make it with setup/kafka/bin/kafka-topics"),
        ("127.0.0.1:1", "no Kafka broker answers at 127.0.0.1:1"),
    ):
        running = run(address, "portfolo", *REPLAY)
        results, _ = running.communicate(timeout=60)
        assert running.returncode == 0 and json.loads(results)["ticks"] == 2_000
        assert said().count(problem) == 2, said()
        assert re.search(r"topic portfolo: 0 publications delivered, [\d,]+ left out for newer ones; no por", said())


def test_the_topic_of_prices_is_refused(run: Run, said) -> None:
    running = run("127.0.0.1:1", "price", "--no-http")
    assert running.wait(timeout=20) == 2
    assert "kafka.portfolio_topic: price is the topic of prices; name another" in said()
