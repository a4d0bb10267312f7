"""The resampled frontier: bootstraps of a window drawn by tasks, merged into averages and bands.

Bootstrap number b of a seed is the same wherever it is drawn, and nothing is summed before all of them are there. So
the answer is that of `silverbullet.resampled_frontier` in one process, with any number of tasks and executors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow

from silverbullet.jobs.results import Run, Tables, of_bar, typed
from silverbullet.jobs.spread import Done, Pinned, Say, cut, require_fits, spread
from silverbullet.jobs.window import Window
from silverbullet.spark.engine import Engine
from silverbullet.spark.errors import OptionError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    import silverbullet as sb


@dataclass(frozen=True)
class Settings:
    """What is resampled. Goes to the tasks, and into the record of the run."""

    bootstraps: int
    #: plain, block:LENGTH or stationary:MEAN-LENGTH.
    bootstrap: str
    points: int
    #: Intensity, from 0 to 1, with which every covariance is shrunk; None: that of the window's own estimator.
    shrinkage: float | None
    seed: int


@dataclass(frozen=True)
class Resampled:
    """What came of it."""

    found: sb.ResampledFrontier
    done: Done


def check(window: Window, settings: Settings) -> None:
    """What cannot be done is told before anything is drawn."""
    if settings.shrinkage is None and window.estimator == "exponential":
        raise OptionError(
            f"{window.universe} weights its window exponentially, and a bootstrap counts bars alike: "
            "name --estimator sample or --estimator ledoit-wolf"
        )


def run_of(window: Window, settings: Settings, prices: pyarrow.Table) -> sb.Resampler:
    """The run over the window's closes, the same in each task."""
    import silverbullet as sb

    shrinkage = settings.shrinkage
    if shrinkage is None:
        shrinkage = window.moments_of(prices).intensity or 0.0
    return sb.Resampler(
        prices,
        bootstrap=settings.bootstrap,
        bootstraps=settings.bootstraps,
        points=settings.points,
        seed=settings.seed,
        shrinkage=shrinkage,
        lower=dict(zip(window.assets, window.lower, strict=True)),
        upper=dict(zip(window.assets, window.upper, strict=True)),
    )


def resample(
    spark: SparkSession, pinned: Pinned, settings: Settings, tasks: int, say: Say = lambda _: None
) -> Resampled:
    """Has the bootstraps drawn, and merges them."""
    import silverbullet as sb

    window = pinned.window
    check(window, settings)
    count, points = settings.bootstraps, settings.points
    what = f"{count:,} bootstraps of {points} points and {len(window.assets)} assets"
    require_fits(spark, 8 * count * points * (len(window.assets) + 2), what, "take fewer --bootstraps or --points")
    own = run_of(window, settings, pinned.prices())
    parts = cut(settings.bootstraps, tasks)

    def work(prices: pyarrow.Table, part: int) -> bytes:
        return run_of(window, settings, prices).part(*parts[part]).to_bytes()

    done = spread(spark, pinned, len(parts), work, say)
    merged = sb.ResamplePart.merge_all(map(sb.ResamplePart.from_bytes, done.results))
    if merged.bootstraps != settings.bootstraps:
        raise RuntimeError(f"{settings.bootstraps} bootstraps were wanted, {merged.bootstraps} came: please report it")
    return Resampled(own.finish(merged), done)


def tables(engine: Engine, run: Run, window: Window, found: sb.ResampledFrontier) -> Tables:
    """Frontier with its band, and the run."""
    belongs = of_bar(window, run, "resampled")
    names = ("risk", "mean", "mean_low", "mean_high")
    frontier = [
        belongs
        | {"point": point}
        | {name: float(getattr(found, name)[point]) for name in names}
        | {"weights": list(zip(window.assets, found.weights[point].tolist(), strict=True))}
        for point in range(len(found))
    ]
    return typed(engine, {"frontiers": frontier, "runs": [run.row(window.closes(), len(frontier))]})
