"""Walks strategies forward over the stored bars of a running engine, on all executors, and prints how they fared.

    setup/spark/bin/spark-submit.sh spark-jobs/walk_forward.py --endpoint grpc://127.0.0.1:50051 \\
        --windows 300,600 --estimators sample,ledoit-wolf --objectives max-sharpe,min-variance --fee-bps 10
"""

import argparse
import sys
import time

from silverbullet.jobs import command, results, strategies, walk_forward


def options() -> argparse.Namespace:
    """What was asked for."""
    without = ("--window", "--estimator", "--seed")
    own = command.parser(__doc__.split("\n")[0], __doc__.split("\n\n")[1].rstrip(), without)
    own.add_argument("--windows", type=command.counts, required=True, metavar="N,…", help="returns in each window")
    own.add_argument(
        "--estimators",
        type=command.words,
        default=["ledoit-wolf"],
        metavar="NAME,…",
        help="sample, ledoit-wolf, exponential:HALF-LIFE [default: ledoit-wolf]",
    )
    own.add_argument(
        "--objectives",
        type=command.words,
        default=["max-sharpe", "equal-weight"],
        metavar="NAME,…",
        help="with what they need: utility:5, target-risk:0.01; or equal-weight, inverse-volatility, "
        "hierarchical-risk-parity [default: max-sharpe,equal-weight]",
    )
    own.add_argument("--bars", type=command.count, metavar="N", help="to walk over [default: all that are stored]")
    own.add_argument("--every", type=command.count, default=1, metavar="N", help="bars between trades [default: 1]")
    own.add_argument(
        "--fee-bps",
        type=command.basis_points,
        default=0.0,
        metavar="X",
        help="of what is bought and of what is sold, in basis points [default: 0]",
    )
    return own.parse_args()


def main() -> None:
    """Plans, has weights computed, adds up and writes."""
    arguments = options()
    results.check_place(arguments.output)
    cells = strategies.grid(arguments.objectives, arguments.estimators, arguments.windows)
    address = command.address(arguments)
    planned = walk_forward.plan(
        address,
        cells,
        universe=arguments.universe,
        bar=arguments.bar,
        steps=arguments.bars,
        every=arguments.every,
        fee=arguments.fee_bps,
    )
    window = planned.pinned.window
    spark, tasks = command.open_session("silverbullet walk-forward", arguments)
    try:
        command.say(
            f"{len(cells)} strategies over {planned.steps:,} bars up to bar {window.bar} of {len(window.assets)} "
            f"assets of {window.universe}, {planned.trades:,} trades each; kernel {planned.pinned.kernel}"
        )
        run = results.Run("walk-forward", window, 0, planned.settings(), arguments.endpoint)
        began = time.perf_counter()
        found, done = walk_forward.run(spark, planned, tasks, command.say)
        command.say(
            f"walked in {time.perf_counter() - began:.1f} s; tasks computed for {done.computed:.1f} s and fetched for "
            f"{done.fetched:.2f} s"
        )
        results.write(arguments.output, walk_forward.tables(address.engine(), run, planned, found))
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(command.run(main))
