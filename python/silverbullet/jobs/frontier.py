"""A sweep: many portfolios over one window, drawn by tasks, merged into one frontier.

Portfolio number i of a seed is the same wherever it is drawn, and sketches merge in any order to the same bits. So
the answer is that of `silverbullet.monte_carlo` in one process, with any number of tasks and executors, whatever is
killed on the way: a part that is drawn twice counts once, because Spark takes one result of each task and a sketch
refuses portfolios that it has.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow

from silverbullet.jobs.window import Window
from silverbullet.spark.engine import Address
from silverbullet.spark.plan import Query, Share, shares
from silverbullet.spark.shares import read

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    import silverbullet as sb

#: Seconds for which a task waits for an engine that is away.
PATIENCE = 60.0
#: Seconds between two words of progress.
PROGRESS = 2.0
#: What a task gives back.
PART = "part int, kernel string, fetched double, drawn double, sketch binary"


@dataclass(frozen=True)
class Sweep:
    """What is to be drawn. Goes to the tasks."""

    window: Window
    #: Where the window's bars are.
    share: Share
    #: First number and count of the portfolios of each part.
    parts: tuple[tuple[int, int], ...]
    seed: int
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


def plan(address: Address, window: Window, portfolios: int, parts: int, seed: int = 0) -> Sweep:
    """Has the window's bars kept for the tasks, and cuts the run into whole blocks of portfolios."""
    import silverbullet as sb

    (share,) = shares(address, Query(window.sql(), False), 1, True)
    window.check(share.rows)
    return Sweep(window, share, tuple(sb.partitions(portfolios, parts)), seed, sb.kernel_version())


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
        threads=1,
        risk_free=window.risk_free,
        lower=dict(zip(window.assets, window.lower, strict=True)),
        upper=dict(zip(window.assets, window.upper, strict=True)),
    )


def task(sweep: Sweep) -> Callable[[Iterator[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]]:
    """What an executor does with the numbers of its parts."""

    def run(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        require_kernel(sweep.kernel)
        # Spark collects garbage after each task, through all that was imported.
        gc.freeze()
        for part in (number for batch in batches for number in batch["id"].to_pylist()):
            began = time.perf_counter()
            moments = sweep.window.moments(read(sweep.share, PATIENCE))
            fetched = time.perf_counter()
            sketch = draw(sweep, moments, part)
            yield pyarrow.RecordBatch.from_pydict(
                {
                    "part": pyarrow.array([part], pyarrow.int32()),
                    "kernel": [sweep.kernel],
                    "fetched": [fetched - began],
                    "drawn": [time.perf_counter() - fetched],
                    "sketch": pyarrow.array([sketch.to_bytes()], pyarrow.binary()),
                }
            )

    return run


def require_kernel(wanted: str) -> None:
    """The executor's kernel must be the driver's, or nothing is begun."""
    try:
        import silverbullet as sb
    except ImportError as error:
        raise RuntimeError(
            f"the package silverbullet is not on this executor ({error}): install the driver's wheel there, or send it "
            "by --archives"
        ) from error
    if sb.kernel_version() != wanted:
        raise sb.KernelMismatchError(
            f"the kernel of this executor is {sb.kernel_version()}, the driver's is {wanted}: install the same "
            "wheel on all nodes, or send it along by --archives"
        )


def sweep(spark: SparkSession, planned: Sweep, say: Callable[[str], None] = lambda _: None) -> Swept:
    """Has the parts drawn, and merges them."""
    import silverbullet as sb

    count = len(planned.parts)
    frame = spark.range(0, count, 1, count).mapInArrow(task(planned), PART)
    with _Progress(spark, count, say):
        done = frame.toArrow()
    merged = sb.Sketch.merge_all(map(sb.Sketch.from_bytes, done["sketch"].to_pylist()))
    first, last = planned.parts[0][0], sum(planned.parts[-1])
    if merged.ranges != [(first, last)]:
        raise RuntimeError(f"portfolios {first} to {last} were wanted, {merged.ranges} came: please report it")
    return Swept(planned, merged, sum(done["fetched"].to_pylist()), sum(done["drawn"].to_pylist()))


class _Progress:
    """Says now and then how many tasks are done."""

    def __init__(self, spark: SparkSession, tasks: int, say: Callable[[str], None]) -> None:
        self._context, self._tasks, self._say = spark.sparkContext, tasks, say
        self._over = threading.Event()
        self._group = f"silverbullet-frontier-{id(self)}"
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Progress:
        self._context.setJobGroup(self._group, f"sweep in {self._tasks} tasks")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._context.setLocalProperty("spark.jobGroup.id", None)

    def _watch(self) -> None:
        tracker = self._context.statusTracker()
        while not self._over.wait(PROGRESS):
            done = 0
            for job in tracker.getJobIdsForGroup(self._group):
                info = tracker.getJobInfo(job)
                stages = [tracker.getStageInfo(stage) for stage in info.stageIds] if info else []
                done += sum(stage.numCompletedTasks for stage in stages if stage)
            self._say(f"{done} of {self._tasks} tasks are done")
