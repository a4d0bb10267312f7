"""What executors need of the objects: pickles, bytes, versions; and of the module: that it lets other threads run, and
that Ctrl-C ends it."""

import ctypes
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pyarrow as pa
import pytest
import silverbullet as sb
from package import random_moments


def test_moments_go_through_bytes_pickles_and_arrow_to_the_same_bits(moments: sb.Moments) -> None:
    given = sb.Moments([0.01, 0.02], [[0.04, 0.01], [0.01, 0.09]])
    shrunk = sb.Moments.from_returns(np.random.default_rng(0).normal(size=(9, 3)), estimator="ledoit-wolf")
    for one in (moments, given, shrunk):
        for other in (pickle.loads(pickle.dumps(one)), sb.Moments.from_bytes(one.to_bytes()), sb.Moments.from_arrow(one.to_arrow())):
            assert other == one and hash(other) == hash(one)
            for name in ("assets", "observations", "estimator", "intensity"):
                assert getattr(other, name) == getattr(one, name), name
            assert other.mean.tobytes() == one.mean.tobytes() and other.covariance.tobytes() == one.covariance.tobytes()
    assert given != moments and given != sb.Moments([0.01, 0.02], [[0.04, 0.01], [0.01, 0.08]])
    with pytest.raises(sb.InputError, match="not what Moments.to_bytes made"):
        sb.Moments.from_bytes(b"nonsense")
    with pytest.raises(sb.InputError, match="not one that Moments.to_arrow made"):
        sb.Moments.from_arrow(pa.table({"mean": [1.0]}))


def test_moments_do_not_change(moments: sb.Moments) -> None:
    with pytest.raises(ValueError, match="read-only"):
        moments.mean[0] = 1
    mean = np.array([0.01, 0.02])
    kept = sb.Moments(mean, np.eye(2))
    mean[0] = 5
    assert kept.mean[0] == 0.01


def test_answers_can_be_pickled(moments: sb.Moments) -> None:
    found = sb.monte_carlo(moments, samples=1000)
    again = pickle.loads(pickle.dumps(found))
    assert again == found and again.best is not found.best
    assert found != sb.monte_carlo(moments, samples=1000, seed=1)


def test_a_sketch_goes_through_bytes_and_pickles(moments: sb.Moments) -> None:
    sketch = sb.monte_carlo(moments, portfolios=sb.BLOCK, first=sb.BLOCK, seed=3, risk_free=1e-5, upper=0.5)
    for other in (pickle.loads(pickle.dumps(sketch)), sb.Sketch.from_bytes(sketch.to_bytes())):
        assert other == sketch and other.ranges == [(sb.BLOCK, 2 * sb.BLOCK)] and other.seed == 3
        assert other.finish() == sketch.finish() and other.frontier().equals(sketch.frontier())
    assert len(sketch.to_bytes()) < 20_000


def test_damaged_bytes_are_refused(moments: sb.Moments) -> None:
    whole = sb.monte_carlo(moments, portfolios=1000).to_bytes()
    for damaged in (b"", b"SBsketch", whole[:-1], whole[: len(whole) // 2], b"x" + whole):
        with pytest.raises(sb.InputError, match="sketch: these bytes are not one"):
            sb.Sketch.from_bytes(damaged)
    refused = 0
    for place in range(0, len(whole), 7):
        changed = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        try:
            sb.Sketch.from_bytes(changed).finish()
        except sb.SilverBulletError:
            refused += 1
    assert refused > 20


def test_a_sketch_of_another_kernel_is_refused(moments: sb.Moments) -> None:
    version = sb.kernel_version()
    assert re.fullmatch(rf"{re.escape(sb.__version__)}\+[0-9a-f]{{16}}", version)
    other = version[:-1] + ("0" if version[-1] != "0" else "1")
    changed = sb.monte_carlo(moments, portfolios=1000).to_bytes().replace(version.encode(), other.encode(), 1)
    with pytest.raises(sb.KernelMismatchError, match=re.escape(f"kernel {other} wrote it, this one is {version}; install")):
        sb.Sketch.from_bytes(changed)


def drawn(task: tuple[sb.Moments, int, int]) -> sb.Sketch:
    """In another process."""
    moments, first, count = task
    return sb.monte_carlo(moments, portfolios=count, first=first, seed=5)


def test_processes_draw_parts_of_one_run(moments: sb.Moments) -> None:
    tasks = [(moments, first, count) for first, count in sb.partitions(6 * sb.BLOCK, 3)]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        merged = sb.Sketch.merge_all(pool.map(drawn, tasks))
    assert merged == sb.monte_carlo(moments, portfolios=6 * sb.BLOCK, seed=5)


def longest_wait_beside(work) -> tuple[float, float]:
    """The longest that another thread had to wait for its turn while `work` ran, and how long that took, in seconds."""
    waits, ready, done = [0.0], threading.Event(), threading.Event()

    def take_turns() -> None:
        last = time.monotonic()
        while not done.is_set():
            time.sleep(1e-3)
            now = time.monotonic()
            waits.append(now - last)
            last = now
            ready.set()

    beside = threading.Thread(target=take_turns)
    beside.start()
    assert ready.wait(10)
    began = time.monotonic()
    try:
        work()
    finally:
        taken = time.monotonic() - began
        done.set()
        beside.join()
    return max(waits), taken


WORKS = {
    # One call of the native module each.
    "monte_carlo": lambda moments, returns: sb.monte_carlo(moments, portfolios=64 * sb.BLOCK, sampler="face-edge-vertex"),
    "moments": lambda moments, returns: sb.Moments.from_returns(returns),
    "search": lambda moments, returns: sb.optimize("min-cvar", moments, returns=returns[:300], method="monte-carlo"),
}


@pytest.mark.parametrize("name", WORKS)
def test_other_threads_run_meanwhile(name: str) -> None:
    moments = random_moments(100, seed=0)
    returns = np.random.default_rng(0).normal(size=(60_000, 100))
    longest, taken = longest_wait_beside(lambda: WORKS[name](moments, returns))
    assert taken > 0.1, "too quick to tell"
    assert longest < taken / 2, f"another thread waited {longest:.3f} of {taken:.3f} s"


def test_a_call_that_keeps_the_lock_would_be_seen() -> None:
    # PyDLL calls without giving the lock away.
    longest, taken = longest_wait_beside(lambda: ctypes.PyDLL(None).usleep(300_000))
    assert longest > taken / 2


def test_ctrl_c_ends_a_long_run() -> None:
    script = (
        "import silverbullet as sb; print('begun', flush=True)\n"
        "sb.monte_carlo([0.01, 0.02], [[0.04, 0.01], [0.01, 0.09]], samples=2**50)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout.readline() == "begun\n"
            time.sleep(0.5)
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=20)
        finally:
            running.kill()
    assert "KeyboardInterrupt" in errors and running.returncode != 0


def test_a_time_budget_is_kept_and_made_again() -> None:
    moments = random_moments(60, seed=2)
    timed = sb.monte_carlo(moments, time_budget=0.05, seed=4)
    assert timed.samples > 0 and timed.evaluations >= timed.samples
    again = sb.monte_carlo(moments, evaluations=timed.evaluations, seed=4)
    assert again.portfolios == timed.portfolios and again.samples == timed.samples
    assert all(0 <= portfolio.gap < 1e-2 for portfolio in timed.portfolios)
