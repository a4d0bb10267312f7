"""What the commands of the jobs have in common: options, a session, and errors in words."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from silverbullet.spark.engine import TOKEN, Address
from silverbullet.spark.errors import OptionError, SourceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: An exception of the package in what Spark tells of a task that failed.
OURS = re.compile(r"^(?:silverbullet[\w.]*\.\w+|RuntimeError): (.+)$", re.MULTILINE)


def count(value: str) -> int:
    """A number such as 1000000, 1_000_000 or 1e9."""
    try:
        number = float(value) if re.fullmatch(r"\d+(\.\d+)?e\d+", value) else int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no whole number, such as 1000000 or 1e9") from None
    if number < 1 or number != int(number):
        raise argparse.ArgumentTypeError(f"{value!r} is not allowed: at least 1, and whole")
    return int(number)


def parser(description: str, example: str) -> argparse.ArgumentParser:
    """A parser with what every job takes."""
    own = argparse.ArgumentParser(
        description=description, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    own.add_argument("--endpoint", required=True, metavar="URL", help="where the engine is: grpc://HOST:PORT")
    own.add_argument("--token", help=f"what it wants to see [default: the variable {TOKEN}]")
    own.add_argument("--authority", metavar="FILE", help="PEM file that vouches for an engine at grpc+tls://…")
    own.add_argument("--universe", metavar="NAME", help="[default: the only one]")
    own.add_argument("--bar", type=count, metavar="N", help="the window's last bar [default: the newest final one]")
    own.add_argument("--window", type=count, metavar="N", help="returns in the window [default: the universe's]")
    own.add_argument("--estimator", metavar="NAME", help="sample, ledoit-wolf, exponential:HALF-LIFE [default: own]")
    own.add_argument("--seed", type=int, default=0, help="[default: 0]")
    own.add_argument("--tasks", type=count, metavar="N", help="[default: as many as the cluster has cores]")
    own.add_argument(
        "--output",
        metavar="PLACE",
        help="FILE.json, a folder for Parquet, or cassandra[://HOST:PORT[/KEYSPACE]] [default: printed as JSON]",
    )
    return own


def address(arguments: argparse.Namespace) -> Address:
    """The engine that is meant."""
    given = {"endpoint": arguments.endpoint, "token": arguments.token, "authority": arguments.authority}
    return Address.of({name: value for name, value in given.items() if value})


def session(name: str) -> SparkSession:
    """The session that spark-submit has prepared."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.appName(name).getOrCreate()


def say(line: str) -> None:
    """A line of progress; results go to standard output."""
    print(line, file=sys.stderr, flush=True)


def run(main: Callable[[], None]) -> int:
    """Runs a job; what is wrong is told in a line. 0 fine, 1 failed, 2 wrong usage."""
    try:
        main()
    except OptionError as error:
        say(f"error: {error}")
        return 2
    except SourceError as error:
        say(f"error: {error}")
        return 1
    except Exception as error:
        told = OURS.findall(str(error))
        if not told and not type(error).__module__.startswith("silverbullet"):
            raise
        say(f"error: {told[-1] if told else error}")
        return 1
    return 0
