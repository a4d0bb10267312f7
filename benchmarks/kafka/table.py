"""The figures as a person reads them."""

import statistics
from collections.abc import Callable

PERCENTILES = ("p50", "p99", "p99.9")


def show(
    settings: dict, latency: dict, beside: dict, drain: dict, summary: dict, excess: Callable[[dict, str, str], float]
) -> None:
    """Prints all tables."""
    rounds = settings["rounds"]
    print(f"\n{settings['machine']}, {settings['cores']} cores; medians of {rounds} rounds")
    if settings["smoke"]:
        print("A smoke run: too short and too cold for its figures to be quoted.")
    show_latency(settings, latency, summary, excess)
    show_beside(beside, summary)
    show_drain(settings, drain, summary)
    show_footprint(latency, drain)


def show_latency(settings: dict, latency: dict, summary: dict, excess: Callable[[dict, str, str], float]) -> None:
    print(f"\nLatency at {settings['rate']:,} messages/s, from when a price is due to its answer")
    columns = [f"{name:>10}" for name in PERCENTILES] + [f"{'+' + name:>10}" for name in PERCENTILES]
    print(f"  {'':<16}{''.join(columns)}{'cores':>8}   (+: beyond the bare consumer)")
    for name, reports in latency.items():
        own = [milliseconds(statistics.median(r["latency"][p] for r in reports)) for p in PERCENTILES]
        more = ["-" if name == "bare" else milliseconds(excess(latency, name, p)) for p in PERCENTILES]
        busy = settings["seconds"] + settings["warm_up"]
        cores = statistics.median(r["cpu_seconds"] for r in reports) / busy
        print(f"  {name:<16}{''.join(f'{text:>10}' for text in own + more)}{cores:>8.2f}")
    tell_ratio("p99 beyond the bare consumer", summary["excess_p99_ratio"])


def show_beside(beside: dict, summary: dict) -> None:
    print("\nMessage by message, beyond a bare consumer that reads the same topic at the same time")
    print(f"  {'':<16}{''.join(f'{name:>10}' for name in PERCENTILES)}   p99 beyond that of a second bare consumer")
    for name, reports in beside.items():
        figures = [milliseconds(statistics.median(report[p] for report in reports)) for p in PERCENTILES]
        more = "-" if name == "bare" else milliseconds(summary["beside_excess_p99_ns"][name])
        print(f"  {name:<16}{''.join(f'{text:>10}' for text in figures)}   {more}")
    tell_ratio("p99 beyond that of a second bare consumer", summary["beside_excess_p99_ratio"])


def show_drain(settings: dict, drain: dict, summary: dict) -> None:
    print(f"\nBacklog of {settings['backlog']:,} messages, by portfolios in the population")
    for name, reports in drain.items():
        print(f"  {name:<16}{statistics.median(r['rate'] for r in reports):>12,.0f} messages/s")
    for peer, ratios in summary["drain_ours_over"].items():
        for population, ratio in ratios.items():
            print(f"  ours, {population} portfolios / {peer}: {ratio:.3g}")


def show_footprint(latency: dict, drain: dict) -> None:
    print("\nPeak memory while paced, and from launch to the first answer on a backlog")
    for name, reports in drain.items():
        if name.endswith("mimalloc"):  # has drained only
            continue
        who = name.partition(",")[0]
        start = statistics.median(r["start_seconds"] for r in reports)
        peak = max(r["peak_rss_kb"] for r in latency[who]) / 1024
        print(f"  {name:<16}{peak:>8.0f} MB{start:>10.3g} s")


def tell_ratio(what: str, ratio: float | None) -> None:
    told = f"{ratio:.3g}x" if ratio else "none, as one of them is not above the bare consumer"
    print(f"  {what}, flink / ours: {told}")


def milliseconds(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.3g} ms"
