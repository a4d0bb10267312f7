"""What is measured, each beside its peer, in turns; a function answers with figures and ends the run where an answer is wrong."""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import peers
import pyarrow
import silverbullet as sb
from pyarrow import flight
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from silverbullet._optimise import Sampler
from silverbullet.jobs import frontier
from silverbullet.jobs.spread import Pinned, spread
from silverbullet.jobs.window import find
from silverbullet.spark.engine import Address
from stage import Peer
from streams import PLAIN, read_all

SEED = 20_261_201
CORES = 2
#: Jobs until Spark's JVMs are warm: short ones get faster for so long.
WARM = 30
COLUMNS = "time timestamp, number int, value double"


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def require(holds: bool, what: str) -> None:
    """A figure of a wrong answer is none."""
    if not holds:
        raise SystemExit(f"bench-cluster: {what}")


def planned(url: str, portfolios: int, tasks: int) -> frontier.Sweep:
    """A sweep over the newest window."""
    address = Address(url)
    return frontier.plan(address, find(address.engine()), portfolios, tasks, SEED)


def kernel(spark: SparkSession, url: str, programs: list[Peer], portfolios: int, turns: int) -> dict:
    """Portfolios a second and core: a sweep in Spark, and the same blocks in a Rust process on each core."""
    own, bare = [], []
    for turn in range(turns + 1):
        # The first turn warms up.
        count = portfolios if turn else portfolios // 20
        parts = sb.partitions(count, CORES)
        for program, (first, size) in zip(programs, parts, strict=True):
            program.tell(first, size)
        answers = [program.answer() for program in programs]
        plan = planned(url, count, 8)
        seconds, swept = timed(lambda plan=plan: frontier.sweep(spark, plan))
        best = next(one for one in swept.sketch.finish(refine=False).portfolios if one.objective == "max-sharpe")
        alone = max(answers, key=lambda answer: answer["sharpe"])
        require(best.weights.tolist() == alone["weights"], "Spark and the Rust processes found different portfolios")
        if turn:
            own.append(count / seconds / CORES)
            bare.append(sum(answer["portfolios"] / answer["seconds"] for answer in answers) / CORES)
            print(f"  turn {turn}: {own[-1]:,.0f} portfolios a second and core in Spark, {bare[-1]:,.0f} in Rust", flush=True)
    ratios = [mine / theirs for mine, theirs in zip(own, bare, strict=True)]
    return {"own": statistics.median(own), "rust": statistics.median(bare), "ratio": statistics.median(ratios)}


def other_kernels(spark: SparkSession, url: str, portfolios: int, turns: int) -> dict:
    """The same job with other work in its tasks, which draws uniformly; so does the kernel here, beside its own way."""
    address = Address(url)
    pinned, window = Pinned.newest(address), find(address.engine())

    def kernel(sampler: Sampler) -> Callable[[], object]:
        return lambda: frontier.sweep(spark, frontier.plan(address, window, portfolios, 8, SEED, sampler))

    def other(sharpe: Callable, count: int) -> Callable[[], object]:
        return lambda: spread(spark, pinned, 8, peers.work(sharpe, count // 8))

    slow, slowest = portfolios // 5, portfolios // 2_000
    jobs = {
        "kernel, uniform": (portfolios, kernel("uniform")),
        "kernel, auto": (portfolios, kernel("auto")),
        "numpy": (slow, other(peers.numpy_sharpe, slow)),
        "python": (slowest, other(peers.python_sharpe, slowest)),
    }
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(turns + 1):
        for name, (count, job) in jobs.items():
            seconds, _ = timed(job)
            if turn:
                found[name].append(count / seconds / CORES)
    ratios = [mine / theirs for mine, theirs in zip(found["kernel, uniform"], found["numpy"], strict=True)]
    return {**{name: statistics.median(rates) for name, rates in found.items()}, "ratio": statistics.median(ratios)}


def overhead(spark: SparkSession, url: str, empty: Peer, rate: float, turns: int) -> dict:
    """What a warm job of eight short tasks takes beyond the kernel, and Spark's own job of eight empty tasks."""
    plan = planned(url, int(0.05 * rate) * 8, 8)
    own, theirs = [], []
    for turn in range(turns + WARM):
        seconds, swept = timed(lambda: frontier.sweep(spark, plan))
        beside = empty.ask()
        require(beside["rows"] == 8, "the empty job lost rows")
        if turn >= WARM:
            own.append(seconds - swept.drawn / CORES)
            theirs.append(beside["seconds"])
    ratios = [mine / other for mine, other in zip(own, theirs, strict=True)]
    return {"own": statistics.median(own), "empty": statistics.median(theirs), "ratio": statistics.median(ratios)}


def tickets_of(url: str, rows: int) -> list[bytes]:
    """Has the rows kept, a ticket for each core."""
    options = flight.FlightCallOptions(headers=[(b"silverbullet-endpoints", str(CORES).encode())])
    with flight.connect(url) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(PLAIN.format(rows=rows).encode()), options)
        return [endpoint.ticket.ticket for endpoint in info.endpoints]


def inside_a_task(spark: SparkSession, url: str, rows: int, turns: int) -> dict:
    """Flight by tasks, by a plain client with as many streams, and by as many plain clients in processes of their own."""
    tickets = tickets_of(url, rows)
    shares = [(url, ticket) for ticket in tickets]
    apart = [Peer(None, sys.executable, Path(__file__).with_name("plain.py"), url, ticket.hex()) for ticket in tickets]
    found: dict[str, list[float]] = {"tasks": [], "client": [], "processes": []}
    for turn in range(turns + 2):
        begin = time.time() + 0.5
        frame = spark.range(0, CORES, 1, CORES).mapInArrow(peers.drained(shares, begin), "began double, ended double, rows long")
        table = frame.toArrow().to_pylist()
        seconds, count = read_all(url, tickets)
        begin = time.time() + 0.1
        for peer in apart:
            peer.tell(begin)
        answers = [peer.answer() for peer in apart]
        count = min(count, *(sum(part["rows"] for part in parts) for parts in (table, answers)))
        require(count == rows, f"{count} rows came, {rows} were there")
        if turn >= 2:
            found["client"].append(seconds)
            for who, parts in (("tasks", table), ("processes", answers)):
                found[who].append(max(part["ended"] for part in parts) - min(part["began"] for part in parts))
    for peer in apart:
        peer.close()
    ratio = {
        who: statistics.median(theirs / mine for mine, theirs in zip(found["tasks"], found[who], strict=True))
        for who in ("client", "processes")
    }
    return {"rows": {who: rows / statistics.median(seconds) for who, seconds in found.items()}, "ratio": ratio}


def source(spark: SparkSession, url: str, rows: int, turns: int, folder: Path) -> dict:
    """A read by the data source, and by one in Python that yields the same batches from memory."""
    spark.dataSource.register(peers.FromMemory)
    with flight.connect(url) as client:
        shares = [list(client.do_get(flight.Ticket(ticket)).to_reader()) for ticket in tickets_of(url, rows)]
    files = ",".join(peers.into_files(folder, shares))
    del shares

    def ours() -> object:
        asked = {"endpoint": url, "query": PLAIN.format(rows=rows), "partitions": str(CORES)}
        return spark.read.format("silverbullet").options(**asked).load()

    def theirs() -> object:
        return spark.read.format("from_memory").options(columns=COLUMNS, files=files).load()

    actions = {
        "count": lambda frame: frame.count(),
        "aggregate": lambda frame: frame.groupBy("number").agg(f.avg("value"), f.max("time")).toArrow().num_rows,
    }
    found = {}
    for name, action in actions.items():
        pairs = []
        for turn in range(turns + 1):
            (mine, one), (other, two) = timed(lambda: action(ours())), timed(lambda: action(theirs()))
            require(one == two == {"count": rows, "aggregate": 1_000}[name], f"{name} came to {one} and {two}")
            if turn:
                pairs.append((mine, other))
        found[name] = {
            "own_rows": rows / statistics.median(mine for mine, _ in pairs),
            "memory_rows": rows / statistics.median(other for _, other in pairs),
            "ratio": statistics.median(other / mine for mine, other in pairs),
        }
    return found


def bits(spark: SparkSession, url: str, bar: int, portfolios: int) -> dict[int, bytes]:
    """The sketch of a sweep in 1, 2, 8 and 64 parts."""
    address = Address(url)
    window = find(address.engine(), bar=bar)
    return {
        tasks: frontier.sweep(spark, frontier.plan(address, window, portfolios, tasks, SEED)).sketch.to_bytes()
        for tasks in (1, 2, 8, 64)
    }


def closes(url: str) -> pyarrow.Table:
    """The closes of the newest window."""
    return Pinned.newest(Address(url)).prices()
