"""Bootstraps a pinned window of a running engine on all executors, and prints the resampled frontier with its band.

    setup/spark/bin/spark-submit.sh spark-jobs/resampled_frontier.py \\
        --endpoint grpc://127.0.0.1:50051 --bootstraps 10000
"""

import sys
import time
from dataclasses import asdict

from silverbullet.jobs import command, resampled_frontier, results
from silverbullet.jobs.spread import Pinned
from silverbullet.jobs.window import find


def main() -> None:
    """Pins, has drawn, merges and writes."""
    own = command.parser(__doc__.split("\n")[0], __doc__.split("\n\n")[1].rstrip())
    own.add_argument("--bootstraps", type=command.count, default=1_000, metavar="N", help="how many [default: 1000]")
    own.add_argument(
        "--bootstrap", default="plain", metavar="KIND", help="plain, block:LENGTH or stationary:LENGTH [default: plain]"
    )
    own.add_argument("--points", type=command.count, default=50, metavar="N", help="of the frontier [default: 50]")
    own.add_argument(
        "--shrinkage",
        type=command.share,
        metavar="X",
        help="of every covariance, from 0 to 1 [default: as the estimator shrinks the window's]",
    )
    arguments = own.parse_args()
    results.check_place(arguments.output)
    address = command.address(arguments)
    settings = resampled_frontier.Settings(
        arguments.bootstraps, arguments.bootstrap, arguments.points, arguments.shrinkage, arguments.seed
    )
    window = find(address.engine(), arguments.universe, arguments.bar, arguments.window, arguments.estimator)
    resampled_frontier.check(window, settings)
    spark, tasks = command.open_session("silverbullet resampled frontier", arguments)
    try:
        pinned = Pinned.of(address, window)
        command.say(
            f"{settings.bootstraps:,} bootstraps ({settings.bootstrap}) of {window.length} returns up to bar "
            f"{window.bar} of {len(window.assets)} assets of {window.universe}; kernel {pinned.kernel}"
        )
        run = results.Run("resampled-frontier", window, arguments.seed, asdict(settings), arguments.endpoint)
        began = time.perf_counter()
        resampled = resampled_frontier.resample(spark, pinned, settings, tasks, command.say)
        command.say(
            f"drawn in {time.perf_counter() - began:.1f} s; tasks drew for {resampled.done.computed:.1f} s and "
            f"fetched for {resampled.done.fetched:.2f} s; {resampled.found.fallbacks:,} bootstraps had to fall back on "
            "a shrunk covariance"
        )
        found = resampled_frontier.tables(address.engine(), run, window, resampled.found)
        results.write(arguments.output, found)
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(command.run(main))
