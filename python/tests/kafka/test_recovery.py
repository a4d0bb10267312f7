"""A run from Kafka that is killed, and brokers that are killed under it: what is stored is as if nothing had happened.

`make test` does a few kills; `make soak-kafka` does many, of more prices (SILVERBULLET_KAFKA_KILLS, _TICKS, _SECONDS, _AWAY).
"""

import os
import random
import signal
import time
from pathlib import Path

from broker import Broker
from live import Ask, Start, Table, address_of, consumed, events, state, wait_for_end
from service import is_alive, wait_until
from stream import Flow

KILLS = int(os.environ.get("SILVERBULLET_KAFKA_KILLS", "5"))
TICKS = int(os.environ.get("SILVERBULLET_KAFKA_TICKS", "40000"))
SECONDS = float(os.environ.get("SILVERBULLET_KAFKA_SECONDS", "40"))
AWAY = float(os.environ.get("SILVERBULLET_KAFKA_AWAY", "2"))
SEED = int(os.environ.get("SILVERBULLET_KAFKA_SEED", "1"))

# Where the store dies by itself, after so many passes.
PLACES = (
    "spool-after-write=3*off->return(kill)",
    "portfolios-after-commit=1*off->return(kill)",
    "bars-before-commit=1*off->return(kill)",
    "checkpoint-before-write=1*off->return(kill)",
    "checkpoint-after-write=1*off->return(kill)",
)

def test_kills_change_nothing_that_is_stored(
    killable: Broker, start: Start, table: Table, ask: Ask
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
        replay = ask("replay", "--data", data)
        assert replay.returncode == 0, (data, replay.stdout, replay.stderr)


def test_what_happens_to_broker_and_topic_is_survived_and_told(
    killable: Broker, start: Start, ask: Ask, tmp_path: Path
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
    time.sleep(AWAY)
    killable.start()
    wait_until(lambda: state(address)[0] == 200, "it goes on", 60)
    first.join(120)

    admin = AdminClient({"bootstrap.servers": killable.address})
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result()
    second = Flow(killable.address, topic, 8_000, 6)
    second.start()
    second.join(120)

    wait_until(lambda: consumed(address) == 14_000, "every message of old and new partitions is read", 60)

    admin.delete_topics([topic])[topic].result()
    wait_until(lambda: any("is gone" in reason or "no topic" in reason for reason in state(address)[1]["reasons"]), "told", 60)
    killable.create(topic, partitions=4)
    third = Flow(killable.address, topic, 3_000, 3)
    third.start()
    third.join(120)
    wait_until(lambda: consumed(address) == 17_000, "the topic that was made again is read from its beginning", 60)
    assert run.poll() is None
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 130
    told = events(ask, "troubled")
    assert any("connection lost" in line for line in told) and any("connection back" in line for line in told), told
    assert any("offsets begin anew" in line for line in told), told
