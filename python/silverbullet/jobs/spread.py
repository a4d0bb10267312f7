"""Work over a pinned window, spread over executors: few and long tasks, of which each fetches the window's closes over
Flight and calls the kernel.

What a task finds follows from the window, the seed and the numbers of its part alone. So the answer has the same bits
with any number of tasks and executors, whatever is killed on the way: Spark takes one result of each task.
"""

from __future__ import annotations

import gc
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow

from silverbullet.jobs.window import Window, find
from silverbullet.spark.engine import Address
from silverbullet.spark.errors import OptionError
from silverbullet.spark.plan import Query, Share, shares
from silverbullet.spark.shares import read

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Seconds for which a task waits for an engine that is away.
PATIENCE = 60.0
#: Seconds between two words of progress.
PROGRESS = 2.0
#: The setting that says how much tasks may bring to the driver.
MOST = "spark.driver.maxResultSize"
#: What a task gives back.
DONE = "part int, fetched double, computed double, result binary"
#: What is computed of the closes, for a part.
Work = Callable[[pyarrow.Table, int], bytes]
#: Where lines of progress go.
Say = Callable[[str], None]


@dataclass(frozen=True)
class Pinned:
    """A window, where its bars are, and the driver's kernel: another one's bits need not agree. Goes to the tasks."""

    window: Window
    share: Share
    kernel: str

    @classmethod
    def of(cls, address: Address, window: Window) -> Pinned:
        """Has the engine keep the window's bars for the tasks."""
        import silverbullet as sb

        (share,) = shares(address, Query(window.sql(), False), 1, True)
        window.check(share.rows)
        return cls(window, share, sb.kernel_version())

    @classmethod
    def newest(
        cls,
        address: Address,
        universe: str | None = None,
        bar: int | None = None,
        length: int | None = None,
        estimator: str | None = None,
    ) -> Pinned:
        """The window that `find` finds."""
        return cls.of(address, find(address.engine(), universe, bar, length, estimator))

    def prices(self) -> pyarrow.Table:
        """The closes, one column an asset; fetched once by a process, which does many tasks of a job."""
        key = (self.window, self.share.endpoint)
        if key not in _fetched:
            prices = self.window.prices(read(self.share, PATIENCE))
            _fetched.clear()
            _fetched[key] = prices
        return _fetched[key]


#: The closes that this process fetched last, by the window and the ticket, behind which they never change.
_fetched: dict[tuple[Window, bytes], pyarrow.Table] = {}


@dataclass(frozen=True)
class Done:
    """What came of all parts, in their order."""

    results: list[bytes]
    #: Seconds that tasks took to fetch the window, and to compute, together.
    fetched: float
    computed: float


def require_fits(spark: SparkSession, size: int, what: str, remedy: str) -> None:
    """What tasks bring to the driver must be allowed there, or nothing is begun."""
    allowed = str(spark.sparkContext.getConf().get(MOST, "1g"))
    number, unit = re.fullmatch(r"(\d+)([kmgt]?)b?", allowed.strip().lower()).groups()  # type: ignore[union-attr]
    most = int(number) * 1024 ** " kmgt".index(unit or " ")
    if 0 < most < size:
        raise OptionError(
            f"{what} are {size / 2**30:.1f} GB for the driver, where {allowed} is allowed: {remedy}, or raise "
            f"--conf {MOST}"
        )


def cut(count: int, parts: int) -> tuple[tuple[int, int], ...]:
    """Cuts the numbers from 0 on into at most so many parts: first number and count of each."""
    parts = max(1, min(parts, count))
    edges = [part * count // parts for part in range(parts + 1)]
    return tuple((first, end - first) for first, end in zip(edges, edges[1:], strict=False))


def spread(spark: SparkSession, pinned: Pinned, parts: int, work: Work, say: Say = lambda _: None) -> Done:
    """Has the parts computed on the executors."""
    frame = spark.range(0, parts, 1, parts).mapInArrow(task(pinned, work), DONE)
    with Progress(spark, parts, say):
        rows = frame.toArrow().sort_by("part")
    if rows["part"].to_pylist() != list(range(parts)):
        raise RuntimeError(f"{parts} parts were wanted, {rows['part'].to_pylist()} came: please report it")
    return Done(rows["result"].to_pylist(), sum(rows["fetched"].to_pylist()), sum(rows["computed"].to_pylist()))


def task(pinned: Pinned, work: Work) -> Callable[[Iterator[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]]:
    """What an executor does with the numbers of its parts."""

    def run(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        require_kernel(pinned.kernel)
        # Spark collects garbage after each task, through all that was imported.
        gc.freeze()
        for part in (number for batch in batches for number in batch["id"].to_pylist()):
            began = time.perf_counter()
            prices = pinned.prices()
            fetched = time.perf_counter()
            result = work(prices, part)
            yield pyarrow.RecordBatch.from_pydict(
                {
                    "part": pyarrow.array([part], pyarrow.int32()),
                    "fetched": [fetched - began],
                    "computed": [time.perf_counter() - fetched],
                    "result": pyarrow.array([result], pyarrow.binary()),
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


class Progress:
    """Says now and then how many tasks are done."""

    def __init__(self, spark: SparkSession, tasks: int, say: Say) -> None:
        self._context, self._tasks, self._say = spark.sparkContext, tasks, say
        self._over = threading.Event()
        self._group = f"silverbullet-{id(self)}"
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Progress:
        self._context.setJobGroup(self._group, f"{self._tasks} tasks")
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
