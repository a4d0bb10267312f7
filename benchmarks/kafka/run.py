"""Measures the engine on Kafka beside a bare consumer and Apache Flink, in turns, on one real broker, in one run.

    run.py EXAMPLES FOLDER [--smoke] [--rounds N] [--seconds S] [--warm-up S] [--backlog N] [--lock-jars]

EXAMPLES is the folder of the release examples, FOLDER holds the Flink job and takes the figures (`results.json`).
Ends with 1 where an answer is wrong or a message is missing, whatever the figures are. README.md says what is measured.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import sys
from pathlib import Path

import jars
import numpy
import table
from broker import Broker
from contenders import Failed, Place, consume, say

RATE = 5_000
# The default of the program, and what a smaller machine would take.
POPULATIONS = (10_240, 1_024)
# What the order of additions may change, far below what another portfolio would. Who publishes weights (ours) has
# normalised them, which the drawn ones are as exactly as their 32 bits allow: then only the weights are as near.
TOLERANCE, OF_NORMALISED = 1e-9, 1e-6
SAME_ALLOCATOR = "bare, mimalloc"


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("examples", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--smoke", action="store_true", help="a minute or two: does it work? No figures to quote")
    parser.add_argument("--rounds", type=int, help="turns of each (3)")
    parser.add_argument("--seconds", type=int, help="of latency measured a turn (30)")
    parser.add_argument("--warm-up", type=int, help="seconds before them (20)")
    parser.add_argument("--backlog", type=int, help="messages to drain (2,000,000)")
    parser.add_argument("--drains", type=int, help="drains of the backlog a round, but for Flink, which has one (3)")
    parser.add_argument("--lock-jars", action="store_true", help="write benchmarks/flink/jars.sha256 anew, and end")
    arguments = parser.parse_args()
    defaults = (1, 6, 5, 200_000, 1) if arguments.smoke else (3, 30, 20, 2_000_000, 3)
    for name, default in zip(("rounds", "seconds", "warm_up", "backlog", "drains"), defaults, strict=True):
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
    return arguments


def check(who: str, figures: dict, expected: dict, recorded: int | None) -> list[str]:
    """What is wrong with a last answer, or with the number of messages that were measured."""
    wrong = []
    if recorded is not None and figures["latency"]["count"] != recorded:
        wrong.append(f"{who}: {figures['latency']['count']} latencies, {recorded} messages")
    for objective, right in expected.items():
        found = figures["best"][objective]
        near = OF_NORMALISED if "weights" in found else TOLERANCE
        for value, scale in (("mean", right["variance"] ** 0.5), ("variance", right["variance"])):
            if not abs(found[value] - right[value]) <= near * scale:
                wrong.append(f"{who}: {objective}: {value} {found[value]}, right is {right[value]}")
        others = zip(found["weights"], right["weights"], strict=True) if "weights" in found else ()
        if any(abs(mine - theirs) > TOLERANCE for mine, theirs in others):
            wrong.append(f"{who}: {objective}: other weights than those of portfolio {right['portfolio']}")
    return wrong


class Benchmark:
    """One run; collects figures, and what is wrong."""

    def __init__(self, arguments: argparse.Namespace, place: Place) -> None:
        self.arguments, self.place = arguments, place
        self.log = place.folder / "consumers.log"
        self.log.unlink(missing_ok=True)
        self.wrong: list[str] = []

    def warm_up(self) -> None:
        """Prices through a broker that has just started: its compiler is at work, which is nobody's latency."""
        say("warming up the broker")
        messages = RATE * self.arguments.warm_up
        self.place.broker.create("warm-up")
        self.paced(self.place.bare("warm-up", messages), "warm-up", messages)

    def latency(self) -> dict[str, list[dict]]:
        """Each contender's reports, one a round."""
        population = POPULATIONS[0]
        skipped = RATE * self.arguments.warm_up
        messages = RATE * (self.arguments.warm_up + self.arguments.seconds)
        skip = ["--skip", skipped]
        commands = {
            "bare": lambda topic: self.place.bare(topic, messages, *skip),
            "ours": lambda topic: self.place.ours(topic, messages, population, *skip, "--rate", RATE),
            "ours, 1 s bars": lambda topic: self.place.ours(
                topic, messages, population, *skip, "--rate", RATE, "--bar", "1s"
            ),
            "flink": lambda topic: self.place.flink(topic, messages, population, *skip),
        }
        reports: dict[str, list[dict]] = {name: [] for name in commands}
        for number in range(self.arguments.rounds):
            for name in rotated(list(commands), number):
                say(f"latency, round {number + 1}: {name} (load {os.getloadavg()[0]:.1f})")
                topic = f"price-{number}-{list(commands).index(name)}"
                self.place.broker.create(topic)
                figures = self.paced(commands[name](topic), topic, messages)
                reports[name].append(figures)
                # With bars of a second the window moves on, and another population is drawn for each.
                same_job = "bars" not in name
                if same_job:
                    expected = {} if name == "bare" else self.place.expected(topic, messages, population)
                    self.wrong += check(f"latency, {name}", figures, expected, messages - skipped)
                self.place.broker.delete(topic)
        return reports

    def paced(self, command: list[str], topic: str, messages: int) -> dict:
        """A consumer while prices are sent as they are due."""
        sent: dict = {}
        load = os.getloadavg()[0]
        figures = consume(command, self.log, lambda: sent.update(self.place.produce(topic, messages, RATE)))
        return figures | {"producer_late": sent["late"], "load": load}

    def beside(self) -> dict[str, list[dict]]:
        """What each contender adds message by message to a bare consumer that reads the same topic at the same time.

        A tail of the broker's or the machine's is in both, so that what is left is the contender's own. A second bare consumer
        shows how far two readers of one topic are apart by themselves.
        """
        population = POPULATIONS[0]
        skip = ["--skip", RATE * self.arguments.warm_up]
        messages = RATE * (self.arguments.warm_up + self.arguments.seconds)
        own, bare = (self.place.folder / f"{name}.stamps" for name in ("own", "bare"))
        more = [*skip, "--stamps", own]
        commands = {
            "bare": lambda topic: self.place.bare(topic, messages, *more),
            "ours": lambda topic: self.place.ours(topic, messages, population, *more, "--rate", RATE),
            "flink": lambda topic: self.place.flink(topic, messages, population, *more),
            "flink, keyBy": lambda topic: self.place.flink(topic, messages, population, *more, "--exchange", "yes"),
        }
        reports: dict[str, list[dict]] = {name: [] for name in commands}
        for number in range(self.arguments.rounds):
            for name in rotated(list(commands), number):
                say(f"beside a bare consumer, round {number + 1}: {name} (load {os.getloadavg()[0]:.1f})")
                topic = f"beside-{number}-{list(commands).index(name)}"
                self.place.broker.create(topic)
                reader = self.place.bare(topic, messages, *skip, "--stamps", bare)
                with_reader = lambda topic=topic, reader=reader: consume(  # noqa: E731
                    reader, self.log, lambda: self.place.produce(topic, messages, RATE)
                )
                consume(commands[name](topic), self.log, with_reader)
                reports[name].append(beyond(own, bare))
                self.place.broker.delete(topic)
        return reports

    def drain(self) -> dict[str, list[dict]]:
        """Each contender's reports on the same backlog."""
        topic, messages = "price", self.arguments.backlog
        self.place.broker.create(topic)
        say(f"a backlog of {messages:,} messages")
        self.place.produce(topic, messages)
        commands = {
            "bare": (None, self.place.bare(topic, messages, "--count-only", "yes")),
            SAME_ALLOCATOR: (None, self.place.bare_with_our_allocator(topic, messages, "--count-only", "yes")),
        }
        for population in POPULATIONS:
            commands[f"ours, {population:,}"] = (population, self.place.ours(topic, messages, population))
            commands[f"flink, {population:,}"] = (population, self.place.flink(topic, messages, population))
        expected = {population: self.place.expected(topic, messages, population) for population in POPULATIONS}
        reports: dict[str, list[dict]] = {name: [] for name in commands}
        # A drain takes seconds, so that a neighbour's work is most of the difference between two: many of them. Flink takes a
        # minute or more for each.
        drains = self.arguments.drains
        for number in range(self.arguments.rounds * drains):
            names = [name for name in commands if number % drains == 0 or not name.startswith("flink")]
            for name in rotated(names, number):
                say(f"drain {number + 1}: {name} (load {os.getloadavg()[0]:.1f})")
                population, command = commands[name]
                figures = consume(command, self.log) | {"load": os.getloadavg()[0]}
                figures["rate"] = (messages - 1) / figures["seconds"]
                reports[name].append(figures)
                self.wrong += check(f"drain, {name}", figures, expected.get(population, {}), None)
        return reports


def beyond(own: Path, bare: Path) -> dict:
    """How much later each message was answered than it was read by the bare consumer, in nanoseconds."""
    ours, theirs = (numpy.fromfile(file, dtype="<i8").reshape(-1, 2) for file in (own, bare))
    # Which messages are the first that count is told by their order, which differs by a few from reader to reader.
    due, of_ours, of_theirs = numpy.intersect1d(ours[:, 0], theirs[:, 0], return_indices=True)
    if len(due) < 0.999 * max(len(ours), len(theirs)):
        raise Failed(f"{own.name}: {len(ours)} messages, of which {len(due)} are those of {bare.name}, which has {len(theirs)}")
    later = ours[of_ours, 1] - theirs[of_theirs, 1]
    return {name: float(numpy.percentile(later, float(name[1:]))) for name in table.PERCENTILES} | {"count": len(later)}


def rotated(names: list[str], by: int) -> list[str]:
    """So that nobody always comes first."""
    by %= len(names)
    return names[by:] + names[:by]


def excess(reports: dict[str, list[dict]], name: str, percentile: str) -> float:
    """What a contender adds to the bare consumer of the same round, the median of the rounds, in nanoseconds."""
    pairs = zip(reports[name], reports["bare"], strict=True)
    return statistics.median(mine["latency"][percentile] - bare["latency"][percentile] for mine, bare in pairs)


def summarise(latency: dict, beside: dict, drain: dict) -> dict:
    """The figures that are quoted."""
    ours, flink = excess(latency, "ours", "p99"), excess(latency, "flink", "p99")

    def median(reports: list[dict], name: str) -> float:
        return statistics.median(report[name] for report in reports)

    # Two bare consumers of one topic are that far apart: what a contender adds is what lies above it.
    beside_excess = {name: median(beside[name], "p99") - median(beside["bare"], "p99") for name in beside}
    ours_beside = beside_excess["ours"]
    biggest = f"{POPULATIONS[0]:,}"
    return {
        "excess_p99_ours_ns": ours,
        "excess_p99_flink_ns": flink,
        # Where one is not above the bare consumer, the machine's other work was measured: no ratio.
        "excess_p99_ratio": flink / ours if min(flink, ours) > 0 else None,
        "beside_excess_p99_ns": beside_excess,
        "beside_excess_p99_ratio": beside_excess["flink"] / ours_beside if ours_beside > 0 else None,
        "drain_ours_over": {
            peer: {
                f"{population:,}": median(drain[f"ours, {population:,}"], "rate") / median(drain[peer], "rate")
                for population in POPULATIONS
            }
            for peer in ("bare", SAME_ALLOCATOR)
        },
        "peak_rss_kb": {name: max(r["peak_rss_kb"] for r in latency[name]) for name in ("ours", "flink")},
        "start_seconds": {name: median(drain[f"{name}, {biggest}"], "start_seconds") for name in ("ours", "flink")},
    }


def main() -> None:
    # Also ended from outside the broker is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = read_arguments()
    folder = arguments.folder.resolve()
    if arguments.lock_jars:
        return jars.lock(folder / "flink" / "lib")
    jars.check(folder / "flink" / "lib")
    with Broker(folder / "broker") as broker:
        benchmark = Benchmark(arguments, Place(arguments.examples.resolve(), folder, broker))
        for population in POPULATIONS:
            benchmark.place.dump(population)
        try:
            benchmark.warm_up()
            latency, beside, drain = benchmark.latency(), benchmark.beside(), benchmark.drain()
        except Failed as failed:
            sys.exit(f"bench-kafka: {failed}")
    summary = summarise(latency, beside, drain)
    settings = {name: value for name, value in vars(arguments).items() if not isinstance(value, Path)}
    settings |= {"rate": RATE, "machine": platform.platform(), "cores": os.cpu_count()}
    table.show(settings, latency, beside, drain, summary, excess)
    results = {"settings": settings, "latency": latency, "beside": beside, "drain": drain, "summary": summary, "wrong": benchmark.wrong}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {folder / 'results.json'}")
    if benchmark.wrong:
        sys.exit("bench-kafka: wrong:\n  " + "\n  ".join(benchmark.wrong))


if __name__ == "__main__":
    main()
