"""What the Kafka tests share: a copy of the project's folder, brokers in it, and reading a topic back."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from service import PROJECT, Service, first_free, wait_until

# What kafka-start.sh adds to a port where it is not told the controller's.
CONTROLLER = 10_000


def environment() -> dict[str, str]:
    """The environment without settings of the person who runs the tests; `python` is the one that runs this, and
    `silverbullet` the one that SILVERBULLET_BIN names."""
    ours = ("PORT", "CONTROLLER_PORT", "DATA_DIR", "LOG_DIR", "HEAP", "CONFIG", "START_TIMEOUT", "STOP_TIMEOUT")
    is_ours = lambda name: name in ours or name.startswith("SILVERBULLET_")  # noqa: E731
    kept = {name: value for name, value in os.environ.items() if not is_ours(name)}
    folders = [Path(sys.executable).parent, kept["PATH"]]
    if program := os.environ.get("SILVERBULLET_BIN"):
        folders.insert(0, Path(program).resolve().parent)
    kept["PATH"] = ":".join(map(str, folders))
    # The jars are those of the project; what a copy of it writes stays in the copy.
    kept["LIB_DIR"] = str(PROJECT / "target" / "kafka" / "lib")
    return kept


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that are free, as are those of their controllers."""
    return first_free(
        lambda first: [("127.0.0.1", port + more) for port in range(first, first + count) for more in (0, CONTROLLER)]
    )


def script(project: Path, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Runs a script of setup/kafka to its end, from another working directory."""
    return subprocess.run(
        [project / "setup" / "kafka" / name, *arguments],
        env={**environment(), **variables},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=90,
    )


class Broker(Service):
    """A real broker."""

    pid_file = "broker.pid"

    def __init__(self, project: Path, folder: Path, port: int | None = None) -> None:
        super().__init__(project, folder, port or free_ports(1))

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Runs a script on this broker."""
        return script(self.project, name, *arguments, PORT=str(self.port), DATA_DIR=str(self.folder), **variables)

    def is_gone(self, pid: int) -> bool:
        """Its port too: the last of its threads to end has that."""
        return super().is_gone(pid) and not is_open(self.port)

    def create(self, topic: str, partitions: int = 4) -> None:
        """Makes a topic, and waits until the broker tells of it too."""
        admin = AdminClient({"bootstrap.servers": self.address})
        admin.create_topics([NewTopic(topic, num_partitions=partitions)])[topic].result()
        wait_until(lambda: topic in admin.list_topics(timeout=20).topics, f"the topic {topic} is there")

    def topics(self) -> set[str]:
        """The topics that there are."""
        return set(AdminClient({"bootstrap.servers": self.address}).list_topics(timeout=20).topics)

    def count(self, topic: str) -> int:
        """How many messages a topic holds."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "tests"})
        try:
            partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
            ends = [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20) for p in partitions]
            return sum(high - low for low, high in ends)
        finally:
            consumer.close()

    def read(self, topic: str) -> list[Message]:
        """All messages of a topic, each partition in its order."""
        settings = {"bootstrap.servers": self.address, "group.id": "tests", "enable.auto.commit": False}
        consumer = Consumer({**settings, "auto.offset.reset": "earliest"})
        try:
            partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
            assert partitions, f"no topic {topic}"
            ends = [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20) for p in partitions]
            consumer.assign([TopicPartition(topic, p, low) for p, (low, _) in zip(partitions, ends, strict=True)])
            expected = sum(high - low for low, high in ends)
            messages: list[Message] = []
            deadline = time.monotonic() + 60
            while len(messages) < expected and time.monotonic() < deadline:
                messages += consumer.consume(10_000, timeout=1)
        finally:
            consumer.close()
        assert len(messages) == expected
        assert not any(message.error() for message in messages)
        return messages


# What tests have started and may have left when they failed.
started: list[subprocess.Popen] = []


def is_open(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def producer(arguments: Sequence[object], **options) -> subprocess.Popen:
    """Starts csv_producer.py."""
    command = [sys.executable, PROJECT / "csv_producer.py", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started.append(subprocess.Popen(command, env=environment(), cwd="/", text=True, **{**pipes, **options}))
    return started[-1]


def produce(*arguments: object) -> tuple[int, str, str]:
    """Runs csv_producer.py to its end: exit code, results, messages."""
    running = producer(arguments)
    results, messages = running.communicate(timeout=120)
    return running.returncode, results, messages
