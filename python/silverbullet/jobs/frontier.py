"""A sweep: many portfolios over one window, drawn by tasks, merged into one frontier.

Portfolio number i of a seed is the same wherever it is drawn, and sketches merge in any order to the same bits. So
the answer is that of `silverbullet.monte_carlo` in one process, with any number of tasks and executors, whatever is
killed on the way: a part that is drawn twice counts once, because Spark takes one result of each task and a sketch
refuses portfolios that it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow

from silverbullet.jobs.spread import Pinned, Say, spread
from silverbullet.jobs.window import Window
from silverbullet.spark.engine import Address
from silverbullet.spark.plan import Share

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    import silverbullet as sb
    from silverbullet._optimise import Sampler


@dataclass(frozen=True)
class Sweep:
    """What is to be drawn. Goes to the tasks."""

    window: Window
    #: Where the window's bars are.
    share: Share
    #: First number and count of the portfolios of each part.
    parts: tuple[tuple[int, int], ...]
    seed: int
    sampler: Sampler
    #: The kernel of the driver: another one's bits need not agree.
    kernel: str


@dataclass(frozen=True)
class Swept:
    """What came of it."""

    sweep: Sweep
    sketch: sb.Sketch
    #: Seconds that tasks took to fetch the window, and to draw, together.
    fetched: float
    drawn: float


def plan(
    address: Address, window: Window, portfolios: int, parts: int, seed: int = 0, sampler: Sampler = "auto"
) -> Sweep:
    """Has the window's bars kept for the tasks, and cuts the run into whole blocks of portfolios."""
    import silverbullet as sb

    pinned = Pinned.of(address, window)
    return Sweep(window, pinned.share, tuple(sb.partitions(portfolios, parts)), seed, sampler, pinned.kernel)


def draw(sweep: Sweep, moments: sb.Moments, part: int) -> sb.Sketch:
    """The sketch of one part, by one thread: whoever wants more at once takes more tasks."""
    import silverbullet as sb

    first, portfolios = sweep.parts[part]
    window = sweep.window
    return sb.monte_carlo(
        moments,
        portfolios=portfolios,
        first=first,
        seed=sweep.seed,
        sampler=sweep.sampler,
        threads=1,
        risk_free=window.risk_free,
        lower=dict(zip(window.assets, window.lower, strict=True)),
        upper=dict(zip(window.assets, window.upper, strict=True)),
    )


def sweep(spark: SparkSession, planned: Sweep, say: Say = lambda _: None) -> Swept:
    """Has the parts drawn, and merges them."""
    import silverbullet as sb

    def work(prices: pyarrow.Table, part: int) -> bytes:
        return draw(planned, planned.window.moments_of(prices), part).to_bytes()

    pinned = Pinned(planned.window, planned.share, planned.kernel)
    done = spread(spark, pinned, len(planned.parts), work, say)
    merged = sb.Sketch.merge_all(map(sb.Sketch.from_bytes, done.results))
    first, last = planned.parts[0][0], sum(planned.parts[-1])
    if merged.ranges != [(first, last)]:
        raise RuntimeError(f"portfolios {first} to {last} were wanted, {merged.ranges} came: please report it")
    return Swept(planned, merged, done.fetched, done.computed)
