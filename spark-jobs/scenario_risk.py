"""Measures the risk of an engine's portfolios under historic, bootstrapped and named scenarios, on all executors.

    setup/spark/bin/spark-submit.sh spark-jobs/scenario_risk.py --endpoint grpc://127.0.0.1:50051 \\
        --paths 100000 --historic 60 --historic 600 --stress BTC=-0.3,ETH=-0.4 --level 0.95 --level 0.99
"""

import argparse
import sys
import time

from silverbullet.jobs import command, results, scenario_risk


def options() -> argparse.Namespace:
    """What was asked for."""
    own = command.parser(__doc__.split("\n")[0], __doc__.split("\n\n")[1].rstrip(), ("--estimator",))
    own.add_argument(
        "--portfolios",
        type=command.words,
        default=["engine", "equal-weight"],
        metavar="NAME,…",
        help="engine (its portfolios of the bar), equal-weight [default: both]",
    )

    def repeated(name: str, what: str, **more: object) -> None:
        own.add_argument(name, action="append", help=f"{what}; may be repeated", **more)  # type: ignore[arg-type]

    repeated("--historic", "the newest N bars as they were [default: the window]", type=command.count, metavar="N")
    repeated("--bootstrap", "plain, block:LENGTH, stationary:LENGTH [default: stationary:20]", metavar="KIND")
    repeated("--stress", "ASSET=MOVE,… as simple returns, * for all others", metavar="MOVES")
    repeated("--level", "share of scenarios better than those counted [default: 0.95]", type=command.level, metavar="X")
    own.add_argument("--paths", type=command.count, default=10_000, metavar="N", help="of each [default: 10000]")
    own.add_argument("--horizon", type=command.count, metavar="N", help="bars of a path [default: as the window]")
    return own.parse_args()


def main() -> None:
    """Pins, has paths drawn, measures and writes."""
    arguments = options()
    results.check_place(arguments.output)
    address = command.address(arguments)
    planned = scenario_risk.plan(
        address,
        arguments.portfolios,
        bootstraps=arguments.bootstrap or ["stationary:20"],
        paths=arguments.paths,
        horizon=arguments.horizon,
        historic=arguments.historic or [],
        stresses=arguments.stress or [],
        levels=arguments.level or [0.95],
        seed=arguments.seed,
        universe=arguments.universe,
        bar=arguments.bar,
        length=arguments.window,
    )
    window = planned.pinned.window
    spark, tasks = command.open_session("silverbullet scenario risk", arguments)
    try:
        command.say(
            f"{len(planned.holdings)} portfolios of {len(window.assets)} assets of {window.universe} at bar "
            f"{window.bar}, {planned.paths:,} paths of {planned.horizon} bars by {' and '.join(planned.bootstraps)}; "
            f"kernel {planned.pinned.kernel}"
        )
        run = results.Run("scenario-risk", window, arguments.seed, planned.settings(), arguments.endpoint)
        began = time.perf_counter()
        found, done = scenario_risk.run(spark, planned, tasks, command.say)
        command.say(
            f"drawn in {time.perf_counter() - began:.1f} s; tasks drew for {done.computed:.1f} s and fetched for "
            f"{done.fetched:.2f} s"
        )
        results.write(arguments.output, scenario_risk.tables(address.engine(), run, planned, found))
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(command.run(main))
