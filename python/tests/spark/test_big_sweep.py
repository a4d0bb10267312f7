"""The job `frontier.py` on a real cluster: the same bits in any number of parts, and whatever is killed."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import silverbullet as sb
from cluster import executors
from engine import FIRST, Engine, running_engine
from pyspark.sql import SparkSession
from service import is_alive, wait_until
from silverbullet.jobs import frontier
from silverbullet.jobs.spread import Pinned
from silverbullet.jobs.window import WindowError, find
from silverbullet.spark.engine import Address
from silverbullet.spark.plan import Share

ASSETS = ["XRP", "BTC", "ETH", "SOL", "ADA", "DOT"]
BARS = 150
WINDOW = 50
#: Ends in the midst of a block.
PORTFOLIOS = 64 * sb.BLOCK - 1_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a full window."""
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS, WINDOW) as one:
        yield one


@pytest.fixture(scope="module")
def wanted(engine: Engine) -> sb.Sketch:
    """The sweep in one process, without Spark, of closes that pyarrow read."""
    closes = {
        asset: engine.rows(f"select close from bars where asset = '{asset}' order by bar desc limit {WINDOW + 1}")
        for asset in ASSETS
    }
    prices = {asset: rows["close"].to_pylist()[::-1] for asset, rows in closes.items()}
    moments = sb.Moments.from_prices(prices, estimator="ledoit-wolf")
    return sb.monte_carlo(moments, portfolios=PORTFOLIOS, first=0, seed=7)


def planned(engine: Engine, parts: int, portfolios: int = PORTFOLIOS, bar: int | None = None) -> frontier.Sweep:
    address = Address(engine.url)
    return frontier.plan(address, find(address.engine(), bar=bar), portfolios, parts, seed=7)


def test_moments_are_those_of_the_engine_to_the_bit(engine: Engine) -> None:
    for bar in (None, FIRST + 90):
        window = find(Address(engine.url).engine(), bar=bar)
        assert window.assets == tuple(ASSETS) and window.length == WINDOW and window.estimator == "ledoit-wolf"
        moments = window.moments(engine.rows(window.sql()).to_batches())
        known = engine.rows(f"select asset, mean, volatility from assets where bar = {window.bar}").to_pylist()
        assert {row["asset"]: row["mean"] for row in known} == dict(zip(ASSETS, moments.mean.tolist(), strict=True))
        exact = engine.rows(
            "select mean, risk from portfolios where objective = 'min-variance' and method = 'exact' "
            f"and bar = {window.bar}"
        ).to_pylist()
        found = sb.min_variance(moments)
        assert [(row["mean"], row["risk"]) for row in exact] == [(found.mean, found.risk)]


@pytest.mark.parametrize("parts", [1, 2, 8, 64])
def test_any_number_of_parts_gives_the_bits_of_one_process(
    spark: SparkSession, engine: Engine, wanted: sb.Sketch, parts: int
) -> None:
    sweep = planned(engine, parts)
    assert len(sweep.parts) == parts
    assert frontier.sweep(spark, sweep).sketch.to_bytes() == wanted.to_bytes()


def test_portfolios_are_drawn_as_is_asked(spark: SparkSession, engine: Engine) -> None:
    address = Address(engine.url)
    window = find(address.engine())
    sweep = frontier.plan(address, window, PORTFOLIOS, 3, seed=7, sampler="uniform")
    moments = window.moments(engine.rows(window.sql()).to_batches())
    alone = sb.monte_carlo(moments, portfolios=PORTFOLIOS, first=0, seed=7, sampler="uniform")
    assert frontier.sweep(spark, sweep).sketch == alone


def test_a_process_fetches_a_window_once(tmp_path: Path) -> None:
    with running_engine(tmp_path / "engine", ASSETS, WINDOW + 2, WINDOW) as own:
        pinned, other = (Pinned.newest(Address(own.url), length=length) for length in (WINDOW, 30))
        prices = pinned.prices()
        own.stop()
        assert pinned.prices() is prices
        own.start()
        with pytest.raises(Exception, match="no longer what was planned"):
            replace(other, share=unrepeatable(other.share)).prices()
        assert other.prices().num_rows == 31 and pinned.prices().equals(prices)


def unrepeatable(share: Share) -> Share:
    """The same share, which may not be asked for again."""
    return Share(share.address, share.endpoint, share.sql, share.number, share.of, share.rows, False)


def test_an_engine_that_starts_anew_between_plan_and_tasks_changes_nothing(
    spark: SparkSession, engine: Engine, wanted: sb.Sketch
) -> None:
    sweep = planned(engine, 2)
    engine.put(2)
    engine.stop()
    engine.start()
    assert frontier.sweep(spark, sweep).sketch.to_bytes() == wanted.to_bytes()
    # The window up to the bar is history by now.
    assert frontier.sweep(spark, planned(engine, 3, bar=sweep.window.bar)).sketch == wanted
    assert frontier.sweep(spark, planned(engine, 3)).sketch != wanted


def drawn_within(seconds: float, moments: sb.Moments) -> int:
    """Portfolios, a whole number of blocks, that take one core of this machine about so long."""
    blocks, taken = 8, 0.0
    while taken < 0.2:
        blocks, began = 2 * blocks, time.monotonic()
        sb.monte_carlo(moments, portfolios=blocks * sb.BLOCK, first=0, seed=7, threads=1)
        taken = time.monotonic() - began
    return int(blocks * seconds / taken) * sb.BLOCK


def test_an_executor_that_is_killed_in_the_midst_changes_nothing(spark: SparkSession, engine: Engine) -> None:
    sweep = planned(engine, 8, bar=FIRST + 100)
    moments = sweep.window.moments(engine.rows(sweep.window.sql()).to_batches())
    portfolios = drawn_within(8.0, moments)
    sweep = planned(engine, 8, portfolios, bar=FIRST + 100)
    done: list[frontier.Swept] = []
    said: list[str] = []
    job = threading.Thread(target=lambda: done.append(frontier.sweep(spark, sweep, said.append)))
    job.start()
    tracker, own = spark.sparkContext.statusTracker(), spark.sparkContext.applicationId
    wait_until(lambda: tracker.getActiveStageIds() and len(executors(own)) == 2, "tasks run", 60)
    killed = executors(own)[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not is_alive(killed), "the executor is gone")
    assert not done
    job.join(240)
    assert done[0].sketch == sb.monte_carlo(moments, portfolios=portfolios, first=0, seed=7)
    assert any(line.endswith("of 8 tasks are done") for line in said)


def test_another_kernel_is_refused_before_anything_is_drawn(spark: SparkSession, engine: Engine) -> None:
    other = replace(planned(engine, 2), kernel="0.0.9+0123")
    with pytest.raises(Exception, match=r"(?s)the kernel of this executor is .*, the driver's is 0.0.9\+0123: install"):
        frontier.sweep(spark, other)


def test_a_window_that_is_not_there_is_told(engine: Engine) -> None:
    own = Address(engine.url).engine()
    with pytest.raises(WindowError, match=f"takes {BARS * 2 + 1} bars of each of 6 assets, and there are"):
        frontier.plan(Address(engine.url), find(own, length=BARS * 2), 1_000, 1)
    with pytest.raises(Exception, match="main has no portfolios of bar 5: it has those of"):
        find(own, bar=5)
