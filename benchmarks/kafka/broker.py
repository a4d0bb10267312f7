"""A real broker for the benchmark: the scripts of setup/kafka, a free port, a folder of its own."""

import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from confluent_kafka.admin import AdminClient, NewTopic, TopicMetadata

PROJECT = Path(__file__).resolve().parents[2]
# What kafka-start.sh adds to a port for the controller's.
CONTROLLER = 10_000
PARTITIONS = 4
NONE = TopicMetadata()


def free_port() -> int:
    """A port that is free, as is the one that the controller takes."""
    while True:
        port = random.randrange(11_000, 20_000)
        try:
            for number in (port, port + CONTROLLER):
                with socket.socket() as taken:
                    taken.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port


class Broker:
    """Runs from `with` to its end; its topics are deleted with the folder by the next one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        # One that was killed with its runner may still be there.
        self.script("kafka-stop.sh")
        subprocess.run(["rm", "-rf", self.folder], check=True)
        self.script("kafka-start.sh")
        # Silent: the connection is still open when the broker stops.
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        return self

    def __exit__(self, *_: object) -> None:
        self.script("kafka-stop.sh")

    def script(self, name: str) -> None:
        """Runs a script on this broker."""
        ours = ("CONTROLLER_PORT", "LOG_DIR", "HEAP", "CONFIG")
        kept = {variable: value for variable, value in os.environ.items() if variable not in ours}
        settings = {"PORT": str(self.port), "DATA_DIR": str(self.folder)}
        subprocess.run(
            [PROJECT / "setup" / "kafka" / "bin" / name], env=kept | settings, check=True, stdout=subprocess.DEVNULL
        )

    def create(self, topic: str) -> None:
        """Makes a topic, and waits until clients are told of it."""
        self.admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS)])[topic].result()
        deadline = time.monotonic() + 20
        while len(self.admin.list_topics(timeout=20).topics.get(topic, NONE).partitions) < PARTITIONS:
            if time.monotonic() > deadline:
                sys.exit(f"bench-kafka: the broker does not tell of the topic {topic}, which it has made")
            time.sleep(0.05)

    def delete(self, topic: str) -> None:
        """Deletes a topic."""
        self.admin.delete_topics([topic])[topic].result()
