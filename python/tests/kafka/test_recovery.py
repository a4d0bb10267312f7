"""A run from Kafka that is killed, and brokers that are killed under it: what is stored is as if nothing had happened.

`make test` does a few kills; `make soak-kafka` does many, of more prices (SILVERBULLET_KAFKA_KILLS, _TICKS, _SECONDS).
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from broker import Broker, environment, is_alive, started, wait_until
from stream import ASSETS, Flow

KILLS = int(os.environ.get("SILVERBULLET_KAFKA_KILLS", "5"))
TICKS = int(os.environ.get("SILVERBULLET_KAFKA_TICKS", "40000"))
SECONDS = float(os.environ.get("SILVERBULLET_KAFKA_SECONDS", "40"))
SEED = int(os.environ.get("SILVERBULLET_KAFKA_SEED", "1"))

SETTINGS = f"""
[kafka]
idle_after = "60s"
[store]
flush_every = "1s"
[universes.all]
assets = {json.dumps(ASSETS)}
bar = "1s"
window = 30
population = 256
samples = 256
"""
# Where the store dies by itself, after so many passes.
PLACES = (
    "spool-after-write=3*off->return(kill)",
    "portfolios-after-commit=1*off->return(kill)",
    "bars-before-commit=1*off->return(kill)",
    "checkpoint-before-write=1*off->return(kill)",
    "checkpoint-after-write=1*off->return(kill)",
)

Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(program: Path, tmp_path: Path) -> Start:
    """Starts a run of a topic into a folder; what it says is kept in `said`."""
    (tmp_path / "silverbullet.toml").write_text(SETTINGS)

    def start(broker: Broker, topic: str, data: str, *arguments: object, **variables: str) -> subprocess.Popen:
        source = ("--source", "kafka", "--brokers", broker.address, "--topic", topic)
        command = [program, "run", *source, "--data", data, "--format", "json", *map(str, arguments)]
        said = (tmp_path / "said").open("a")
        running = subprocess.Popen(
            command, cwd=tmp_path, env=environment() | variables, stdout=subprocess.PIPE, stderr=said, text=True
        )
        started.append(running)
        return running

    return start


@pytest.fixture
def table(program: Path, tmp_path: Path) -> Callable[[str, str], list[str]]:
    """The rows of a table in a folder, without the run that wrote them."""

    def table(data: str, name: str) -> list[str]:
        kept = {
            "bars": "bar, asset, open_time, close_time, open, high, low, close, volume, ticks",
            "portfolios": "bar, objective, method, as_of, mean, risk, sharpe, gap, turnover, label, weights",
        }
        query = f"select {kept[name]} from {name} order by 1, 2, 3"
        done = subprocess.run(
            [program, "sql", query, "--data", data, "--format", "csv"],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return table


def wait_for_end(run: subprocess.Popen, seconds: float = 240) -> dict:
    """The summary of a run that ends by itself."""
    summary, _ = run.communicate(timeout=seconds)
    assert run.returncode == 0, summary
    return json.loads(summary)


def test_kills_change_nothing_that_is_stored(
    killable: Broker, start: Start, table, program: Path, tmp_path: Path
) -> None:
    """Engine, broker, and both are killed while prices flow; the rows are those of a run that nobody disturbed."""
    topic = f"killed-{SEED}"
    killable.create(topic)
    flow = Flow(killable.address, topic, TICKS, SECONDS)
    flow.start()
    chance = random.Random(SEED)
    pause = max(SECONDS / (KILLS + 1), 1.0)
    fell = []
    for kill in range(KILLS):
        places = {"FAILPOINTS": PLACES[kill // 2 % len(PLACES)]} if kill % 2 == 0 else {}
        run = start(killable, topic, "killed", "--no-http", **places)
        deadline = time.monotonic() + pause * chance.uniform(0.5, 1.2)
        while run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        fell.append("by itself" if run.poll() is not None else "killed")
        if kill % 3 == 1:
            killable.kill()
        if kill % 3 != 1 or kill % 2 == 1:
            run.kill()
            run.wait()
        if not is_alive(killable.pid()):
            killable.start()
        if run.poll() is None:
            # The broker was killed under it: it goes on by itself, and dies a little later.
            time.sleep(1)
            run.kill()
            run.wait()
    flow.join(300)
    assert not flow.is_alive() and (flow.sent, flow.failed) == (TICKS, 0)
    # Those at fail points did die there.
    assert "by itself" in fell or KILLS < 2, fell
    rest = wait_for_end(start(killable, topic, "killed", "--no-http", "--stop-at-end"))
    whole = wait_for_end(start(killable, topic, "whole", "--no-http", "--stop-at-end"))
    assert whole["frames"] == TICKS
    assert rest["frames"] <= TICKS
    for name in ("bars", "portfolios"):
        undisturbed, disturbed = table("whole", name), table("killed", name)
        assert len(undisturbed) > TICKS // 200
        assert disturbed == undisturbed, name
    assert whole["quarantined"] > TICKS // 1_000
    for data in ("killed", "whole"):
        replay = subprocess.run(
            [program, "replay", "--data", data],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert replay.returncode == 0, (data, replay.stdout, replay.stderr)


def state(address: str) -> tuple[int, dict]:
    """What /readyz says."""
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def address_of(tmp_path: Path) -> str:
    """Where the run listens, as it has said."""

    def told() -> str | None:
        lines = [line for line in (tmp_path / "said").read_text().splitlines() if "listening on http://" in line]
        return lines[-1].split("http://")[1].strip() if lines else None

    wait_until(lambda: told() is not None, "the run says where it listens")
    return told() or ""


def events(program: Path, tmp_path: Path, data: str) -> list[str]:
    """Kind and detail of the stored events about source and order."""
    query = "select kind || ' ' || detail as told from events where kind in ('connection', 'gap', 'decision') order by as_of"
    done = subprocess.run(
        [program, "sql", query, "--data", data, "--format", "json"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return [row["told"] for row in json.loads(done.stdout)]


def test_what_happens_to_broker_and_topic_is_survived_and_told(
    killable: Broker, start: Start, program: Path, tmp_path: Path
) -> None:
    """The broker goes away and comes back, a partition is added, the topic is deleted and made again."""
    from confluent_kafka.admin import AdminClient, NewPartitions

    topic = "troubled"
    killable.create(topic, partitions=2)
    first = Flow(killable.address, topic, 6_000, 6)
    first.start()
    run = start(killable, topic, "troubled", "--http", "127.0.0.1:0")
    address = address_of(tmp_path)
    wait_until(lambda: state(address)[0] == 200, "the run is live", 60)

    killable.kill()
    wait_until(lambda: any("source is failing" in reason for reason in state(address)[1]["reasons"]), "told in /readyz")
    killable.start()
    wait_until(lambda: state(address)[0] == 200, "it goes on", 60)
    first.join(120)

    admin = AdminClient({"bootstrap.servers": killable.address})
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result()
    second = Flow(killable.address, topic, 8_000, 6)
    second.start()
    second.join(120)

    def consumed() -> int:
        import urllib.request

        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("silverbullet_frames_total"))

    wait_until(lambda: consumed() == 14_000, "every message of old and new partitions is read", 60)

    admin.delete_topics([topic])[topic].result()
    wait_until(lambda: any("is gone" in reason or "no topic" in reason for reason in state(address)[1]["reasons"]), "told", 60)
    killable.create(topic, partitions=4)
    third = Flow(killable.address, topic, 3_000, 3)
    third.start()
    third.join(120)
    wait_until(lambda: consumed() == 17_000, "the topic that was made again is read from its beginning", 60)
    assert run.poll() is None
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 130
    told = events(program, tmp_path, "troubled")
    assert any("connection lost" in line for line in told) and any("connection back" in line for line in told), told
    assert any("offsets begin anew" in line for line in told), told
