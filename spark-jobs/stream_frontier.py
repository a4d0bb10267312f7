"""Follows a running engine: the exact frontier and portfolios of each bar as it becomes final, of all its universes.

    setup/spark/bin/spark-submit.sh spark-jobs/stream_frontier.py --endpoint grpc://127.0.0.1:50051 \\
        --output target/bars --checkpoint target/bars-checkpoint
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from silverbullet.jobs import command, stream_frontier, topic_bars
from silverbullet.spark.errors import OptionError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from silverbullet.spark.engine import Address


def options() -> argparse.Namespace:
    """What was asked for."""
    without = ("--universe", "--bar", "--window", "--estimator", "--seed", "--output")
    own = command.parser(__doc__.split("\n")[0], __doc__.split("\n\n")[1].rstrip(), without)
    own.add_argument("--universe", metavar="NAME", help="[default: all of them; of a topic, the only one]")
    own.add_argument("--brokers", metavar="HOST:PORT,…", help="takes prices from Kafka, and settings from the engine")
    own.add_argument("--topic", default="price", metavar="NAME", help="[default: price]")
    own.add_argument("--output", required=True, metavar="FOLDER", help="for Parquet files, a folder a table")
    own.add_argument("--checkpoint", required=True, metavar="FOLDER", help="where it notes how far it is")
    own.add_argument("--once", action="store_true", help="ends with what is final now")
    own.add_argument("--latest", action="store_true", help="passes over what is there when it first begins")
    own.add_argument("--every", type=command.count, default=1, metavar="SECONDS", help="between batches [default: 1]")
    own.add_argument("--bars", type=command.count, metavar="N", help="most bars of a universe in a batch")
    arguments = own.parse_args()
    if Path(arguments.output).is_file():
        raise OptionError(f"--output {arguments.output}: that is a file; name a folder")
    if arguments.brokers and (arguments.latest or arguments.bars):
        raise OptionError("--latest and --bars are for bars of the engine: leave them out with --brokers")
    return arguments


def followed(
    spark: SparkSession, arguments: argparse.Namespace, address: Address, tasks: int
) -> tuple[DataFrame, stream_frontier.Batches]:
    """What is followed, and what is done with it."""
    folder = Path(arguments.output)
    if arguments.brokers:
        rules = topic_bars.Rules.of(address.engine(), arguments.universe)
        source = f"{arguments.brokers}/{arguments.topic}"
        stream = topic_bars.read(spark, arguments.brokers, arguments.topic, rules)
        return stream, topic_bars.TopicBatches(rules, address, folder, tasks, source, command.say)
    given = {
        "universe": arguments.universe,
        "maxBarsPerTrigger": arguments.bars,
        "token": arguments.token,
        "authority": arguments.authority,
        "startingOffsets": "latest" if arguments.latest else None,
    }
    asked = {"endpoint": arguments.endpoint} | {name: str(value) for name, value in given.items() if value}
    batches = stream_frontier.Batches(address, folder, tasks, arguments.endpoint, command.say)
    return stream_frontier.read(spark, asked), batches


def main() -> None:
    """Follows until it is interrupted, or through what is there."""
    arguments = options()
    address = command.address(arguments)
    # Whether anybody answers is told before Spark begins.
    address.engine().schema("select * from bars")
    trigger = {"availableNow": True} if arguments.once else {"processingTime": f"{arguments.every} seconds"}
    spark, tasks = command.open_session("silverbullet stream frontier", arguments)
    try:
        stream, batches = followed(spark, arguments, address, tasks)
        try:
            stream_frontier.start(stream, batches, Path(arguments.checkpoint), trigger).awaitTermination()
        except KeyboardInterrupt:
            command.say("interrupted: the same command goes on from here")
        finally:
            batches.finish()
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(command.run(main))
