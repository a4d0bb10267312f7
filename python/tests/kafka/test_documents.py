"""Every command in the two documents works as it stands there, in the order it stands there."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from broker import Broker, environment, free_ports
from documents import Block, blocks, check_printed, run_commands, to_its_end
from service import wait_until

SETUP = "setup/kafka/kafka-setup.md"
MANUAL = "kafka-manual.md"

# What a block that holds the first text must print.
PRINTS = {
    SETUP: {
        "kafka-fetch.sh": r"Kafka's jars are in ",
        "bin/kafka-status.sh\n": r"Kafka is ready on .*\n.*Kafka runs on ",
        "kafka-stop.sh --port 9192": r"Kafka has stopped",
        "--config retention.ms=604800000": r"PartitionCount: 4\s.*retention\.ms=604800000",
        "--max-messages 3": r'(?s)delivered 7680, failed 0.*(\{"timestamp":"2025-05-12T00:00:00Z","asset":"\w+","price":[\d.]+\}\n){3}',
        "describe --status": r"(?s)CurrentVoters:.*1.*2.*3.*delivered 7680, failed 0",
        "--under-replicated-partitions": r"(?s)(delivered 7680, failed 0.*){3}",
    },
    MANUAL: {
        "kafka-topics.sh --bootstrap-server localhost:9092 --list": r"(?s)\nprice\n.*PartitionCount: 4",
        "prices.csv --speed max --format json": r'(?s)delivered 7,680, failed 0.*"sent":2000,"delivered":2000,"failed":0',
        "python csv_producer.py": r"(?s)delivered 7680, failed 0.*delivered 2000, failed 0",
        "--source kafka": r'(?s)delivered 7,680, failed 0.*"ticks":7680,',
        "--portfolio-topic": r'(?s)topic portfolio: [1-9].*\{"universe":"default","sequence":\d+,"as_of":"20',
        "--from-beginning\n": r'"asset":',
        "--offset 100": r"(?m)^Partition:0\tOffset:100\t[A-Z]+\t\{.*$",
        "--describe --group trial": r"trial +price +\d +\d+ +\d+ +\d+",
        "--reset-offsets": r"(?m)^trial +price +\d +0",
        "--delete-config": r"retention\.ms=259200000",
        "kafka-delete-records.sh": r"price:0:50\nprice:1:[1-9]\d*\n",
        "kafka-status.sh": r"Kafka runs on ",
    },
}


ALL = {document: blocks(document) for document in (SETUP, MANUAL)}


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    """What stands for each port of the documents: the broker's, and those of the second one and the cluster."""
    first = free_ports(4)
    own = {"9092": first, "9191": first, "9192": first + 1, "9193": first + 2, "9194": first + 3}
    own |= {f"1919{i}": first + 9_999 + i for i in (2, 3, 4)}
    return {port: str(number) for port, number in own.items()}


@pytest.fixture(scope="module")
def default_broker(project: Path, ports: dict[str, str]) -> Broker:
    """The broker that both documents call by its defaults."""
    return Broker(project, project / "target" / "kafka" / "data", int(ports["9092"]))


def until_stopped(running: subprocess.Popen, output: Path) -> None:
    """Presses Ctrl-C once the command has printed much."""
    wait_until(lambda: output.read_text().count("\n") > 1_000, "the command prints something")
    os.killpg(running.pid, signal.SIGINT)
    # Kafka's consumer takes up to half a minute to leave its group where that is being settled at the moment.
    running.wait(timeout=60)


def check(block: Block, broker: Broker, ports: dict[str, str]) -> None:
    """Runs the commands of a block in the project's folder, with free ports."""
    text = re.sub(r"\b(?:9092|919[1-4]|1919[2-4])\b", lambda found: ports[found[0]], block.text)
    own = {**environment(), "PORT": str(broker.port), "DATA_DIR": str(broker.folder)}
    wait = until_stopped if block.kind.endswith("until-stopped") else to_its_end
    check_printed(block, run_commands(text, broker.project, own, wait), PRINTS[block.document])


@pytest.mark.parametrize("document", ALL)
def test_every_block_is_one_that_is_run(document: str) -> None:
    assert len(ALL[document]) >= 10
    assert {block.kind for block in ALL[document]} <= {"sh", "sh until-stopped"}
    commands = "".join(block.text for block in ALL[document])
    assert [command for command in PRINTS[document] if command not in commands] == []


@pytest.mark.parametrize("block", ALL[SETUP], ids=lambda block: f"line {block.line}")
def test_setup(block: Block, default_broker: Broker, ports: dict[str, str]) -> None:
    check(block, default_broker, ports)


@pytest.fixture(scope="module")
def manual_broker(default_broker: Broker) -> Broker:
    default_broker.start()
    return default_broker


@pytest.mark.parametrize("block", ALL[MANUAL], ids=lambda block: f"line {block.line}")
def test_manual(block: Block, manual_broker: Broker, ports: dict[str, str], program: Path) -> None:
    check(block, manual_broker, ports)
