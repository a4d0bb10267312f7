"""Draws portfolios over a pinned window of a running engine, on all executors, and prints the best and their frontier.

    setup/spark/bin/spark-submit.sh spark-jobs/frontier.py --endpoint grpc://127.0.0.1:50051 --portfolios 1e9
"""

import sys
import time

from silverbullet.jobs import command, frontier, results
from silverbullet.jobs.window import find


def main() -> None:
    """Plans, has drawn, merges and writes."""
    own = command.parser(__doc__.split("\n")[0], __doc__.split("\n\n")[1].rstrip())
    own.add_argument("--portfolios", type=command.count, required=True, metavar="N", help="how many, such as 1e9")
    own.add_argument(
        "--sampler", choices=("auto", "uniform", "face-edge-vertex"), default="auto", help="how portfolios are drawn [default: auto]"
    )
    arguments = own.parse_args()
    results.check_place(arguments.output)
    address = command.address(arguments)
    window = find(address.engine(), arguments.universe, arguments.bar, arguments.window, arguments.estimator)
    spark = command.session("silverbullet frontier")
    try:
        tasks = arguments.tasks or spark.sparkContext.defaultParallelism
        planned = frontier.plan(address, window, arguments.portfolios, tasks, arguments.seed, arguments.sampler)
        command.say(
            f"{arguments.portfolios:,} portfolios of {len(window.assets)} assets of {window.universe}, "
            f"{window.length} returns up to bar {window.bar}, in {len(planned.parts)} tasks; kernel {planned.kernel}"
        )
        settings = {"portfolios": arguments.portfolios, "sampler": arguments.sampler, "tasks": len(planned.parts)}
        run = results.Run("frontier", window, arguments.seed, settings, arguments.endpoint)
        began = time.perf_counter()
        swept = frontier.sweep(spark, planned, command.say)
        seconds = time.perf_counter() - began
        command.say(
            f"drawn in {seconds:.1f} s, {arguments.portfolios / seconds:,.0f} a second; tasks drew for "
            f"{swept.drawn:.1f} s and fetched for {swept.fetched:.2f} s"
        )
        results.write(arguments.output, results.tables(address.engine(), run, window, swept.sketch.finish()))
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(command.run(main))
