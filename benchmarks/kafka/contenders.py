"""Who is measured: how each is started, and what it says at its end."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from broker import Broker

# The heap is what the job takes without collecting often; a larger one would only look worse.
JAVA = (
    "java", "-Xms256m", "-Xmx256m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=5",
    "--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED",
)  # fmt: skip
# Seconds a consumer may take.
LONGEST = 600


class Failed(Exception):
    """A process that ended without its report."""


@dataclass(frozen=True)
class Place:
    """Where things are."""

    examples: Path
    folder: Path
    broker: Broker

    def dump(self, population: int) -> Path:
        """The moments and weights of a population, written once."""
        folder = self.folder / f"dump-{population}"
        report(self.rust("dump", "--out", folder, "--population", population))
        return folder

    def rust(self, command: str, *arguments: object) -> list[str]:
        """A command line of kafka_bench."""
        return [str(self.examples / "kafka_bench"), command, *map(str, arguments)]

    def on_topic(self, topic: str, messages: int) -> list[object]:
        """The arguments that all commands on a topic share."""
        return ["--brokers", self.broker.address, "--topic", topic, "--messages", messages]

    def bare(self, topic: str, messages: int, *more: object) -> list[str]:
        """The consumer that does nothing else."""
        return [str(self.examples / "kafka_bare"), *map(str, [*self.on_topic(topic, messages), *more])]

    def bare_with_our_allocator(self, topic: str, messages: int, *more: object) -> list[str]:
        """The same with the allocator that the engine has."""
        return self.rust("bare", *self.on_topic(topic, messages), *more)

    def ours(self, topic: str, messages: int, population: int, *more: object) -> list[str]:
        """The engine."""
        return self.rust("ours", *self.on_topic(topic, messages), "--population", population, *more)

    def flink(self, topic: str, messages: int, population: int, *more: object) -> list[str]:
        """The Flink job."""
        jars = self.folder / "flink"
        places = ["--dump", self.folder / f"dump-{population}", "--checkpoints", self.folder / "checkpoints"]
        words = [*self.on_topic(topic, messages), *places, *more]
        classes = f"{jars / 'flink-job-1.jar'}:{jars / 'lib'}/*"
        return [*JAVA, "-cp", classes, "silverbullet.bench.Job", *map(str, words)]

    def produce(self, topic: str, messages: int, rate: int = 0) -> dict:
        """Sends messages to a topic, and waits until the broker has them."""
        paced = ["--rate", rate] if rate else []
        return report(self.rust("produce", *self.on_topic(topic, messages), *paced))

    def expected(self, topic: str, messages: int, population: int) -> dict:
        """The right last answer."""
        words = [*self.on_topic(topic, messages), "--population", population]
        return report(self.rust("expect", *words))["best"]


def report(command: list[str]) -> dict:
    """Runs a command to its end; gives the JSON of its last line."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, timeout=600)
    if done.returncode or not done.stdout.strip():
        raise Failed(f"{' '.join(command[:2])} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def consume(command: list[str], log: Path, when_ready: Callable[[], object] = lambda: None) -> dict:
    """Starts a consumer, calls `when_ready` once it waits for messages, and gives its report.

    Added to it: `start_seconds` from the launch to the first answer (where messages wait for it), `cpu_seconds`.
    """
    with log.open("a") as errors:
        launched = time.time_ns()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    # Whoever hangs must not take the run along.
    limit = threading.Timer(LONGEST, process.kill)
    limit.start()
    try:
        line = process.stdout.readline()
        if line.strip() != "ready":
            raise Failed(f"{' '.join(command[:2])} said {line!r} instead of ready; see {log}")
        when_ready()
        answer = process.stdout.readline()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        limit.cancel()
        if process.returncode is None:
            process.kill()
            process.wait()
    if process.returncode or not answer.strip():
        raise Failed(f"{' '.join(command[:2])} ended with {process.returncode}; see {log}")
    figures = json.loads(answer)
    figures["start_seconds"] = (figures["first_utc"] - launched) / 1e9
    figures["cpu_seconds"] = usage.ru_utime + usage.ru_stime
    return figures


def say(text: str) -> None:
    """Progress, beside the results."""
    print(f"  {text} ...", file=sys.stderr, flush=True)
