"""Measures the kernel beside its peers on the same seeded inputs, in turns, on one core, in one run.

    run.py EXAMPLES FOLDER

EXAMPLES is the folder of the release examples, FOLDER takes the inputs and the figures (`results.json`). Figures are
medians of the rounds; a ratio is the peer's time over ours. What only our side can measure (gaps, warm solves, shares
of the core's peak) comes from the examples' own `--json`.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

# Before NumPy is loaded: one thread, and the kernel that OpenBLAS itself takes for this processor.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.pop("OPENBLAS_CORETYPE", None)
ALL_CORES = os.sched_getaffinity(0)
os.sched_setaffinity(0, {max(ALL_CORES)})

import numpy as np  # noqa: E402
import peers  # noqa: E402
from threadpoolctl import threadpool_info  # noqa: E402

SEED = 20_240_501
BOOTSTRAPS, SCALED_FROM = 1_000, 20
# A peer gets as many rounds as fit into this, at least one and at most ROUNDS.
SECONDS_A_PEER, ROUNDS = 4.0, 5
SIZES = (10, 20, 50, 100, 200, 500)
# Above this many assets a peer takes minutes, or fails.
LARGEST = {"PyPortfolioOpt critical line": 100}
SINGLE = {
    "max-sharpe": {
        "clarabel": peers.clarabel_max_sharpe,
        "PyPortfolioOpt": peers.pypfopt_max_sharpe,
        "skfolio": peers.skfolio_max_sharpe,
    },
    "min-variance": {
        "clarabel": peers.clarabel_min_variance,
        "PyPortfolioOpt": peers.pypfopt_min_variance,
        "skfolio": peers.skfolio_min_variance,
    },
    "critical-line": {"PyPortfolioOpt critical line": peers.pypfopt_critical_line},
}


def write_input(folder: Path, assets: int) -> peers.Input:
    """Daily returns of a market, three sectors and each asset's own; twice as many bars as assets, at least 250."""
    random = np.random.default_rng([SEED, assets])
    bars = max(250, 2 * assets)
    volatility = random.uniform(0.008, 0.025, assets)
    factors = 0.01 * random.standard_normal((bars, 4))
    loadings = np.column_stack([random.uniform(0.3, 1.3, assets), 0.4 * random.standard_normal((assets, 3))])
    returns = (0.05 + 0.03 * random.standard_normal(assets)) * volatility
    returns = returns + factors @ loadings.T + volatility * random.standard_normal((bars, assets))
    data = peers.Input(returns, returns.mean(0), np.cov(returns.T))
    for name in ("returns", "mean", "covariance"):
        np.save(folder / f"{name}-{assets}.npy", np.ascontiguousarray(getattr(data, name), "<f8"))
    return data


class Ours:
    """The example that answers on these inputs, kept running; while a peer works it waits."""

    def __init__(self, examples: Path, folder: Path) -> None:
        self.process = subprocess.Popen(
            [examples / "same_inputs", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *request: object) -> tuple[float, float]:
        self.process.stdin.write(" ".join(map(str, request)) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"seconds": null}')
        if answer["seconds"] is None:
            raise SystemExit(f"same_inputs stopped at: {request}")
        return answer["seconds"], answer["value"]


def timed(work) -> tuple[float, float]:
    """Seconds a run, over as many runs as ten milliseconds take, and the last value."""
    start, runs = time.perf_counter(), 0
    while True:
        value = work()
        runs += 1
        spent = time.perf_counter() - start
        if spent >= 0.01:
            return spent / runs, value


def failed(label: str, error: Exception) -> None:
    print(f"  {label}: the peer failed: {type(error).__name__}: {str(error)[:80]!r}", file=sys.stderr)


def in_turns(ours, theirs, label: str) -> dict | None:
    """Our time and the peer's, round by round; `None` where the peer fails."""
    try:
        first = theirs()  # also what it loads and compiles on first use
    except Exception as error:
        failed(label, error)
        return None
    mine, other, begin = [], [], time.perf_counter()
    our_value = None
    while len(other) < ROUNDS and (not other or time.perf_counter() - begin < SECONDS_A_PEER):
        seconds, our_value = ours()
        mine.append(seconds)
        other.append(timed(theirs)[0])
    return {
        "ours_seconds": statistics.median(mine),
        "peer_seconds": statistics.median(other),
        "ratio": statistics.median(b / a for a, b in zip(mine, other, strict=True)),
        "rounds": len(other),
        "ours_value": our_value,
        "peer_value": first,
    }


def draws(ours: Ours, inputs: dict[int, peers.Input]) -> list[dict]:
    """NumPy beside a whole Monte Carlo run of ours, which also keeps the best."""
    rows = []
    for assets in (10, 20, 50, 100):
        variants = [peers.NumpyDraw(inputs[assets], einsum) for einsum in (False, True)]
        numpy = min(variants, key=lambda variant: min(timed(variant)[0] for _ in range(3)))
        figures = in_turns(lambda n=assets: ours.ask("draw", n), numpy, f"draw {assets}")
        figures["peer_seconds"] /= numpy.portfolios
        figures["ratio"] /= numpy.portfolios
        note = "ours: monte_carlo, uniform, with the best kept"
        rows.append({"what": "draw + evaluate", "assets": assets, "peer": "NumPy f32", "note": note} | figures)
    return rows


def singles(ours: Ours, inputs: dict[int, peers.Input]) -> list[dict]:
    rows = []
    for task, libraries in SINGLE.items():
        for assets in SIZES:
            for peer, function in libraries.items():
                if assets > LARGEST.get(peer, max(SIZES)):
                    continue
                data = inputs[assets]
                figures = in_turns(lambda: ours.ask(task, assets), lambda: function(data), f"{task} {assets} {peer}")
                if figures:
                    rows.append({"what": task, "assets": assets, "peer": peer, "bar_ratio": 1.0} | figures)
    return rows


def lines(ours: Ours) -> list[dict]:
    """Whole frontiers too large for the peers: against the clock alone."""
    rows = []
    for assets, limit in ((500, 0.050), (2_000, 1.0)):
        seconds = statistics.median(ours.ask("critical-line", assets)[0] for _ in range(3))
        rows.append({"what": "critical-line", "assets": assets, "ours_seconds": seconds, "bar_seconds": limit})
    return rows


def resampled(ours: Ours, data: peers.Input) -> list[dict]:
    rows = []
    seconds, value = ours.ask("resample", data.assets, BOOTSTRAPS)
    for peer, function in (("skfolio", peers.skfolio_resample), ("PyPortfolioOpt", peers.pypfopt_resample)):
        start = time.perf_counter()
        try:
            peer_value = function(data, SCALED_FROM)
        except Exception as error:
            failed(f"resample {peer}", error)
            continue
        peer_seconds = (time.perf_counter() - start) * BOOTSTRAPS / SCALED_FROM
        rows.append({
            "what": f"resampled, {BOOTSTRAPS} x {peers.POINTS}", "assets": data.assets, "peer": peer,
            "ours_seconds": seconds, "peer_seconds": peer_seconds, "ratio": peer_seconds / seconds,
            "bar_ratio": 50.0, "rounds": 1, "ours_value": value, "peer_value": peer_value,
            "note": f"the peer ran {SCALED_FROM} bootstraps; its time is scaled to {BOOTSTRAPS}",
        })  # fmt: skip
    return rows


def from_draw_evaluate(report: list, numpy: dict[int, float]) -> list[dict]:
    """Each instruction set beside NumPy's time of this run, and its share of the core's peak."""
    bars = {"avx512": dict.fromkeys((10, 20, 50, 100), 10.0), "avx2": {10: 8.0, 20: 7.0, 50: 7.0, 100: 5.0}}
    shares = {("avx512", 50): 0.40, ("avx512", 100): 0.60}
    rows = []
    for figures in report:
        name, assets = figures["instructions"], figures["assets"]
        known = name.lower().replace("-", "").replace("+fma", "")
        row = {"what": f"draw + evaluate, {name}", "assets": assets, "ours_seconds": 1e-6 / figures["uniform"]}
        if assets in numpy:
            row |= {"peer": "NumPy f32", "peer_seconds": numpy[assets]}
            row |= {"ratio": numpy[assets] / row["ours_seconds"], "bar_ratio": bars.get(known, {}).get(assets)}
        rows.append(row)
        rows.append({
            "what": f"share of FMA peak, {name}", "assets": assets, "ours_value": figures["share"],
            "bar_least": shares.get((known, assets)),
        })  # fmt: skip
    return rows


def from_reach(report: dict, _: dict) -> list[dict]:
    """The slowest and the farthest of the seeded problems: the bar holds for every one of them."""
    limits = {("050", "objectives"): 5.0, ("100", "objectives"): 20.0, ("050", "frontier"): 20.0}
    rows = []
    for name, figures in report.items():
        assets, kind = name.split(" assets, ")
        limit = limits.get((assets, kind))
        rows.append({
            "what": f"reach, {kind}: slowest of {figures['problems']}", "assets": int(assets),
            "ours_seconds": figures["milliseconds"]["max"] / 1e3, "bar_seconds": limit / 1e3 if limit else None,
        })  # fmt: skip
        rows.append({
            "what": f"reach, {kind}: largest gap", "assets": int(assets), "ours_value": figures["gap"]["max"],
            "bar_most": 1e-3 if kind == "objectives" else 5e-3,
        })  # fmt: skip
    return rows


def from_threads(report: list, _: dict) -> list[dict]:
    """What a second thread adds to a run, beside what it adds to the loop of multiplications and additions."""
    return [{
        "what": f"two cores, share of the loop's scaling, {figures['instructions']}", "assets": figures["assets"],
        "ours_value": figures["share"], "bar_least": 0.95,
    } for figures in report]  # fmt: skip


def from_warm(report: dict, _: dict) -> list[dict]:
    """Warm exact max-Sharpe after one asset's tick, in each of the seeded markets."""
    report = report["warm"]
    bars = (("set_stays", "median_us", 2.0), ("set_changes", "median_us", 20.0), ("all", "p99_us", 50.0))
    return [{
        "what": f"warm max-sharpe, {case}, {name.removesuffix('_us')}".replace("_", " "), "assets": report["assets"],
        "peer": market["market"], "ours_seconds": market["max_sharpe"][case][name] / 1e6, "bar_seconds": bar / 1e6,
    } for market in report["markets"] for case, name, bar in bars]  # fmt: skip


def from_rows(report: object, _: dict) -> list[dict]:
    """An example that prints rows of this table itself."""
    return [row for row in report if isinstance(row, dict) and "what" in row] if isinstance(report, list) else []


# What our examples measure alone: the example and its arguments, the cores it may use, and how to read what it prints.
OWN = (
    ("draw_evaluate", ("--json",), 1, from_draw_evaluate),
    ("draw_evaluate", ("--json", "--threads", "--assets", "10,50,100"), 2, from_threads),
    ("reach", ("--json",), 1, from_reach),
    ("exact", ("--json", "warm"), 1, from_warm),
)


def own_examples(examples: Path, numpy: dict[int, float]) -> tuple[list[dict], dict]:
    """The figures of our own examples; their reports as they are go into the results."""
    rows, reports = [], {}
    for name, arguments, cores, reader in OWN:
        label = " ".join((name, *arguments))
        print(f"  {label} ...", file=sys.stderr)
        if cores > len(ALL_CORES):
            print(f"  {label}: this machine has only {len(ALL_CORES)} core", file=sys.stderr)
            continue
        os.sched_setaffinity(0, ALL_CORES if cores > 1 else {max(ALL_CORES)})
        done = subprocess.run([examples / name, *arguments], capture_output=True, text=True, timeout=600)
        start = min((place for place in map(done.stdout.find, "[{") if place >= 0), default=None)
        if done.returncode or start is None:
            raise SystemExit(f"{label}: {done.stderr.strip()[-200:] or 'it printed no JSON'}")
        reports[label] = json.JSONDecoder().raw_decode(done.stdout[start:])[0]
        rows += reader(reports[label], numpy)
    return rows, reports


def judge(row: dict) -> None:
    """Sets `met`: true or false where there is a bar, else nothing."""
    bars = (
        ("bar_ratio", lambda bar: row["ratio"] >= bar), ("bar_seconds", lambda bar: row["ours_seconds"] <= bar),
        ("bar_least", lambda bar: row["ours_value"] >= bar), ("bar_most", lambda bar: row["ours_value"] <= bar),
    )  # fmt: skip
    verdicts = [holds(row[bar]) for bar, holds in bars if row.get(bar) is not None]
    row["met"] = all(verdicts) if verdicts else None


def show(rows: list[dict]) -> None:
    def span(seconds: float | None) -> str:
        if seconds is None:
            return "-"
        unit, name = next((u, n) for u, n in ((1, "s"), (1e-3, "ms"), (1e-6, "us"), (0, "ns")) if seconds >= u)
        return f"{seconds / (unit or 1e-9):.3g} {name}"

    def bar(row: dict) -> str:
        texts = (
            ("bar_ratio", ">= {:g}x"), ("bar_seconds", "<= {:g} s"), ("bar_least", ">= {:g}"), ("bar_most", "<= {:g}")
        )  # fmt: skip
        return ", ".join(text.format(row[name]) for name, text in texts if row.get(name) is not None) or "-"

    print(f"\n{'what':<38} {'assets':>6} {'ours':>9} {'peer':>9}  {'by':<29} {'ratio':>8} {'bar':>10} met")
    for row in rows:
        ours = span(row["ours_seconds"]) if "ours_seconds" in row else f"{row['ours_value']:.3g}"
        ratio = f"{row['ratio']:.3g}x" if "ratio" in row else "-"
        met = {True: "yes", False: "NO", None: "-"}[row["met"]]
        print(
            f"{row['what']:<38} {row['assets']:>6} {ours:>9} {span(row.get('peer_seconds')):>9}  "
            f"{row.get('peer', '-'):<29} {ratio:>8} {bar(row):>10} {met}"
        )
    for note in sorted({row["note"] for row in rows if "note" in row}):
        print(f"note: {note}")


def main() -> None:
    examples, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    # Other packages bring a BLAS of their own; NumPy's is the one that lies beside it.
    blas = [{key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
            for pool in threadpool_info() if "numpy" in pool["filepath"]]  # fmt: skip
    print(f"{platform.processor() or platform.machine()}, one of {len(ALL_CORES)} cores; NumPy {np.__version__}, {blas}")
    inputs = {assets: write_input(folder, assets) for assets in (*SIZES, 2_000)}
    ours = Ours(examples, folder)
    rows = draws(ours, inputs)
    numpy = {row["assets"]: row["peer_seconds"] for row in rows}
    rows += singles(ours, inputs) + lines(ours) + resampled(ours, inputs[50])
    more, reports = own_examples(examples, numpy)
    rows += more
    for row in rows:
        judge(row)
    show(rows)
    results = {"seed": SEED, "machine": platform.platform(), "blas": blas, "rows": rows, "reports": reports}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {folder / 'results.json'}")


if __name__ == "__main__":
    main()
